import KubernetesAPI
import ObjectPatching

/// A definition as it is served: with what is derived from it once.
final class ServedResource: Sendable {
    let definition: ResourceDefinition
    /// Where the objects are stored; another kind's place for a second face.
    let storage: GroupResource
    /// How values merge and who may own their parts.
    let mergeType: MergeType
    /// Watches from before this revision are too old: the kind was not served then.
    let servedSince: Int64
    /// The CRD that made this kind; nil for built-in kinds.
    let crdName: String?

    init(_ definition: ResourceDefinition, servedSince: Int64 = 0, crdName: String? = nil) {
        self.definition = definition
        storage = GroupResource(definition.storedAs?.type ?? definition.type)
        mergeType = .object(definition.schema)
        self.servedSince = servedSince
        self.crdName = crdName
    }

    var type: ResourceType { definition.type }
    var isCustom: Bool { crdName != nil }

    /// The object as this kind shows it.
    func shown(_ stored: JSONValue) -> JSONValue { definition.storedAs?.fromStored(stored) ?? stored }

    /// The object as it is stored.
    func stored(_ shown: JSONValue) -> JSONValue { definition.storedAs?.toStored(shown) ?? shown }
}
