import KubernetesAPI
import StructuralSchema

/// The kinds that every server here has, in the order in which discovery lists them.
public enum BuiltInResources {
    public static let definitions: [ResourceDefinition] =
        core + [JobKind.definition, LeaseKind.definition]

    private static let core: [ResourceDefinition] =
        ConfigurationKinds.definitions + EventKinds.definitions + [
            NamespaceKind.definition, NodeKind.definition, ClaimKind.definition, PodKind.definition,
        ]
}
