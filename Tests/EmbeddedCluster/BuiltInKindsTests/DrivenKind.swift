import APIServer
import KubernetesAPI
import StructuralSchema
import Testing

@testable import BuiltInKinds

/// A built-in kind, driven as the server drives it.
struct DrivenKind {
    let definition: ResourceDefinition
    static let context = StrategyContext(now: Timestamp(seconds: 1_800_000_000), user: "test")

    init(_ plural: String, group: String = "") throws {
        definition = try #require(
            BuiltInResources.definitions.first { $0.type.plural == plural && $0.type.group == group })
    }

    /// The object that is stored when a client sends `text`.
    func created(_ text: String) throws -> JSONValue {
        var object = try decoded(text)
        object[path: ["metadata", "uid"]] = "u1"
        definition.strategy.prepareForCreate(&object, Self.context)
        return object
    }

    func decoded(_ text: String) throws -> JSONValue {
        var object = try JSONValue(parsing: text)
        definition.schema.prune(&object)
        definition.schema.applyDefaults(to: &object)
        definition.strategy.applyDefaults(&object)
        return object
    }

    func creationErrors(_ text: String) throws -> [String] {
        let object = try created(text)
        return (definition.schema.validate(object) + definition.strategy.validateCreate(object, Self.context))
            .map(\.description)
    }

    func updateErrors(_ text: String, _ change: (inout JSONValue) -> Void) throws -> [String] {
        let old = try created(text)
        var new = old
        change(&new)
        return
            (definition.schema.validate(new, old: old)
            + definition.strategy.validateUpdate(new, old: old, Self.context)).map(\.description)
    }

    /// The table's cells, by column.
    func cells(_ object: JSONValue, now: String = "2026-11-21T00:10:00Z") throws -> [String: String] {
        let context = CellContext(now: try #require(Timestamp(now)))
        var cells: [String: String] = [:]
        for column in definition.columns {
            guard case .computed(let content) = column.source else { continue }
            let value = content(object, context)
            cells[column.name] = value.stringValue ?? value.text
        }
        return cells
    }
}
