import KubernetesAPI

/// `meta.k8s.io/v1` `Table`: what `kubectl get` prints.
struct TableRendering: Sendable {
    private let definition: ResourceDefinition
    private let cells: [@Sendable (JSONValue, CellContext) -> JSONValue]
    private let includeObject: IncludeObject

    enum IncludeObject: String, Sendable {
        case metadata = "Metadata"
        case none = "None"
        case object = "Object"
    }

    init(_ definition: ResourceDefinition, includeObject: String?) {
        self.definition = definition
        self.includeObject = includeObject.flatMap(IncludeObject.init) ?? .metadata
        cells = definition.columns.map(Self.cell)
    }

    private static let nameDescription =
        "Name must be unique within a namespace. Is required when creating resources, although some resources "
        + "may allow a client to request the generation of an appropriate name automatically. Name is "
        + "primarily intended for creation idempotence and configuration definition. Cannot be updated. More "
        + "info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"

    /// - Parameters:
    ///   - metadata: the list's, or the resource version of a single object
    ///   - withColumns: false in a watch after the first event
    func table(
        _ objects: [JSONValue], metadata: JSONValue, now: Timestamp, withColumns: Bool = true
    ) -> JSONValue {
        let context = CellContext(now: now)
        return [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            "columnDefinitions": withColumns ? columnDefinitions : .null,
            "rows": .array(objects.map { row($0, context) }),
        ]
    }

    private var columnDefinitions: JSONValue {
        let name = PrinterColumn(
            "Name", format: "name", description: Self.nameDescription, source: .path(".metadata.name"))
        return .array(
            ([name] + definition.columns).map { column in
                [
                    "name": .string(column.name), "type": .string(column.type),
                    "format": .string(column.format), "description": .string(column.description),
                    "priority": .integer(Int64(column.priority)),
                ]
            })
    }

    private func row(_ object: JSONValue, _ context: CellContext) -> JSONValue {
        let name = object[metadata: "name"] ?? ""
        var row: JSONValue = ["cells": .array([name] + cells.map { $0(object, context) })]
        switch includeObject {
        case .none: break
        case .object: row["object"] = object
        case .metadata: row["object"] = object.partialMetadata
        }
        return row
    }

    private static func cell(
        _ column: PrinterColumn
    ) -> @Sendable (JSONValue, CellContext) -> JSONValue {
        switch column.source {
        case .computed(let compute): return compute
        case .path(let text):
            guard let path = JSONPathCell(text) else { return { _, _ in .null } }
            let type = column.type
            return { object, context in format(path.values(in: object), type: type, context) }
        }
    }

    private static func format(_ values: [JSONValue], type: String, _ context: CellContext) -> JSONValue {
        guard let first = values.first, !first.isNull else { return .null }
        switch type {
        case "integer": return first.integerValue.map(JSONValue.integer) ?? .null
        case "number": return first.doubleValue.map(JSONValue.number) ?? .null
        case "boolean": return first.boolValue.map(JSONValue.bool) ?? .null
        case "date":
            guard let text = first.stringValue, let time = Timestamp(text) else {
                return .string("<invalid>")
            }
            return .string(context.duration(since: time))
        default: return .string(values.map(\.cellText).joined(separator: ","))
        }
    }
}

extension JSONValue {
    /// Text that a string column shows for a value of any type.
    fileprivate var cellText: String { stringValue ?? text }

    /// `meta.k8s.io/v1` `PartialObjectMetadata`
    var partialMetadata: JSONValue {
        [
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": self["metadata"] ?? [:],
        ]
    }
}
