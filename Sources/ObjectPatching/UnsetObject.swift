import KubernetesAPI
import StructuralSchema

extension Schema {
    /// What an object of a built-in kind is before anything in it is set. In a real API server it begins
    /// as a Go struct, whose nested structs and demanded lists are there from the start, so that nobody
    /// who creates an object comes to own them.
    ///
    /// A schema doesn't tell structs from pointers to structs. Structs are the sections of an object, what
    /// is required, and a pod template with its sections.
    public var unsetObject: JSONValue {
        var members: [String: JSONValue] = [:]
        for (name, schema) in properties where name != "metadata" && schema.isStruct {
            members[name] = schema.unsetStruct(depth: 0)
        }
        return .object(members)
    }

    private static let structDepthLimit = 8

    private var isStruct: Bool { kind == .object && !properties.isEmpty && mapType != .atomic }

    private func unsetStruct(depth: Int) -> JSONValue {
        guard depth < Self.structDepthLimit else { return [:] }
        var members: [String: JSONValue] = [:]
        let isPodTemplate = properties["metadata"] != nil && properties["spec"] != nil
        for (name, schema) in properties {
            let isDemanded = required.contains(name) || (isPodTemplate && name == "spec")
            if isDemanded, schema.isStruct {
                members[name] = schema.unsetStruct(depth: depth + 1)
            } else if isDemanded, schema.kind == .array {
                members[name] = JSONValue.null
            }
        }
        if isPodTemplate { members["metadata"] = [:] }
        return .object(members)
    }
}
