import KubernetesAPI
import ObjectPatching
import StructuralSchema

/// A definition as it is served, with values that are derived from it once.
final class ServedResource: Sendable {
    let definition: ResourceDefinition
    /// Collection in the store that holds the objects; another kind's if this kind is another view of its
    /// objects.
    let storage: GroupResource
    /// Rules by which values merge and their parts have owners.
    let mergeType: MergeType
    /// First revision at which the kind was served; watches from before it are too old.
    let servedSince: Int64
    /// The CRD that made this kind; nil for built-in kinds.
    let crdName: String?
    /// An object as it is before its creation. Members that are here already, if only as null, have no owner.
    let emptyObject: JSONValue

    init(_ definition: ResourceDefinition, servedSince: Int64 = 0, crdName: String? = nil) {
        self.definition = definition
        storage = GroupResource(definition.storedAs?.type ?? definition.type)
        mergeType = .object(definition.schema)
        self.servedSince = servedSince
        self.crdName = crdName
        emptyObject = crdName == nil ? Self.emptyStruct(definition.schema, depth: 0) : [:]
    }

    var type: ResourceType { definition.type }
    var isCustom: Bool { crdName != nil }

    /// The object as this kind shows it.
    func shown(_ stored: JSONValue) -> JSONValue { definition.storedAs?.fromStored(stored) ?? stored }

    /// The object as it is stored.
    func stored(_ shown: JSONValue) -> JSONValue { definition.storedAs?.toStored(shown) ?? shown }

    /// A Go struct as it is written before anything is set: its inner structs and its required members.
    private static func emptyStruct(_ schema: Schema, depth: Int) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for (name, property) in schema.properties where depth < Schema.depthLimit {
            let isStruct = property.kind == .object && property.additionalProperties == nil
            let isSection = ["metadata", "spec", "status", "template"].contains(name)
            guard
                isSection || (isStruct && depth == 0) || schema.required.contains(name)
                    || property.isNullable
            else { continue }
            members[name] = isStruct && !property.isNullable ? emptyStruct(property, depth: depth + 1) : .null
        }
        return .object(members)
    }
}
