import KubernetesAPI
import StructuralSchema

extension ResourceDefinition {
    /// The kind that a stored CRD declares; nil if it declares none that can be served.
    init?(customResource definition: JSONValue) {
        let spec = definition["spec"] ?? [:]
        let names = spec["names"] ?? [:]
        let versions = spec["versions"]?.arrayValue ?? []
        guard let version = versions.first(where: { $0["served"]?.boolValue == true }),
            let group = spec["group"]?.stringValue, let kind = names["kind"]?.stringValue,
            let plural = names["plural"]?.stringValue, let name = version["name"]?.stringValue,
            let json = version[path: ["schema", "openAPIV3Schema"]],
            let parsed = try? Schema(parsing: json, path: "")
        else { return nil }
        let columns = (version["additionalPrinterColumns"]?.arrayValue ?? []).map(PrinterColumn.init)
        let hasStatus = version[path: ["subresources", "status"]] != nil
        self.init(
            type: ResourceType(
                group: group, version: name, kind: kind, plural: plural,
                isNamespaced: spec["scope"]?.stringValue == "Namespaced"),
            singular: names["singular"]?.stringValue, shortNames: Self.texts(names["shortNames"]),
            categories: Self.texts(names["categories"]), listKind: names["listKind"]?.stringValue,
            schema: Self.completed(parsed), columns: columns.isEmpty ? [.age] : columns,
            subresources: hasStatus ? [.status] : [],
            selectableFields: Self.selectableFields(version), allowsStrategicMerge: false,
            hasGeneration: true)
    }

    private static func texts(_ list: JSONValue?) -> [String] {
        (list?.arrayValue ?? []).compactMap(\.stringValue)
    }

    /// Every object has these members, whatever its schema says of them.
    private static func completed(_ schema: Schema) -> Schema {
        var schema = schema
        schema.properties["apiVersion"] = .string("The version of this representation of the object.")
        schema.properties["kind"] = .string("What the object is.")
        schema.properties["metadata"] = Schema.objectMeta
        return schema
    }

    private static func selectableFields(_ version: JSONValue) -> [SelectableField] {
        (version["selectableFields"]?.arrayValue ?? []).compactMap { field in
            guard let path = field["jsonPath"]?.stringValue, path.hasPrefix(".") else { return nil }
            return SelectableField(String(path.dropFirst()))
        }
    }
}

extension PrinterColumn {
    /// One of `additionalPrinterColumns`.
    fileprivate init(_ column: JSONValue) {
        let path = column["jsonPath"]?.stringValue ?? ""
        self.init(
            column["name"]?.stringValue ?? "", type: column["type"]?.stringValue ?? "string",
            format: column["format"]?.stringValue ?? "",
            description: column["description"]?.stringValue
                ?? "Custom resource definition column (in JSONPath format): \(path)",
            priority: Int(column["priority"]?.integerValue ?? 0), source: .path(path))
    }
}
