import APIServer
import KubernetesAPI
import StructuralSchema

/// The kinds that the server has from the start, in the order in which discovery lists them.
///
/// Custom resource definitions and the kinds that are questions (access reviews and their like) are
/// defined by the parts of the server that answer them.
public enum BuiltInResources {
    public static let definitions: [ResourceDefinition] =
        core + [
            DeploymentKind.definition, EventKinds.events, JobKind.definition, EndpointKinds.networkPolicy,
        ]
        + [PolicyKinds.disruptionBudget] + RoleKinds.definitions + [VolumeKinds.storageClass]
        + WebhookKinds.definitions
        + [PolicyKinds.priorityClass, LeaseKind.definition, EndpointKinds.slices]

    private static let core: [ResourceDefinition] = [
        ConfigurationKinds.configMap, EndpointKinds.endpoints, EventKinds.core, QuotaKinds.limitRange,
        NamespaceKind.definition, NodeKind.definition, ClaimKind.definition, VolumeKinds.volume,
        PodKind.definition, QuotaKinds.quota, ConfigurationKinds.secret, ConfigurationKinds.serviceAccount,
        ServiceKind.definition,
    ]
}
