import KubernetesAPI
import ObjectPatching
import StructuralSchema

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
    /// What an object is before its creation. What is here already, if only as null, is owned by nobody.
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

    /// A Go struct as it is written before anything is set: it has its inner structs and what is required.
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
