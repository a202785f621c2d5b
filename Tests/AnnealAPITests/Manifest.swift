import AnnealAPI
import Foundation
import KubernetesAPI
import StructuralSchema
import Testing
import Yams

/// A YAML file of this repository, as `kubectl` would send it.
struct Manifest: Sendable, CustomTestStringConvertible {
    /// JSON has no word for it; `kubectl` refuses such a file by itself.
    struct UnsupportedValue: Error, CustomStringConvertible {
        var value: Double
        var description: String { "unsupported value: \(value.isNaN ? "NaN" : "\(value)")" }
    }

    static let repository = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    var name: String
    var text: String
    var testDescription: String { name }

    init(_ file: URL) throws {
        name = file.deletingPathExtension().lastPathComponent
        text = try String(contentsOf: file, encoding: .utf8)
    }

    /// The manifests of a folder of the repository, by name.
    static func all(in folder: String) throws -> [Manifest] {
        try FileManager.default.contentsOfDirectory(
            at: repository.appendingPathComponent(folder), includingPropertiesForKeys: nil
        )
        .filter { $0.pathExtension == "yaml" }
        .sorted { $0.path < $1.path }
        .map { try Manifest($0) }
    }

    /// What the file's header lines `# expect: …` say that the refusal must contain.
    var expectations: [String] {
        text.split(separator: "\n").compactMap { line in
            line.hasPrefix("# expect: ") ? String(line.dropFirst("# expect: ".count)) : nil
        }
    }

    func documents() throws -> [JSONValue] {
        try Array(Yams.compose_all(yaml: text)).map { try Self.json($0) }
    }

    private static func json(_ node: Yams.Node) throws -> JSONValue {
        switch node {
        case .mapping(let mapping):
            let members = try mapping.map { ($0.key.string ?? "", try json($0.value)) }
            return .object(Dictionary(members, uniquingKeysWith: { _, last in last }))
        case .sequence(let sequence): return .array(try sequence.map { try json($0) })
        case .scalar(let scalar):
            if let whole = node.int { return .integer(Int64(whole)) }
            if node.tag == Tag(.null) || scalar.string == "~" { return .null }
            if let number = node.float {
                guard number.isFinite else { throw UnsupportedValue(value: number) }
                return .number(number)
            }
            return node.bool.map(JSONValue.bool) ?? .string(scalar.string)
        case .alias: return .null
        }
    }
}

extension CustomResourceDefinition {
    /// The definition of a document's kind; nil for a kind that is not Anneal's.
    static func of(_ document: JSONValue) -> CustomResourceDefinition? {
        all.first { $0.resourceType.kind == document["kind"]?.stringValue }
    }

    /// The document with its defaults, as a cluster stores it.
    func stored(_ document: JSONValue) -> JSONValue {
        var stored = document
        schema.applyDefaults(to: &stored)
        return stored
    }

    /// Why a cluster that is asked to store `document` refuses: strict decoding first, then the schema.
    func refusals(of document: JSONValue, replacing old: JSONValue? = nil) -> [String] {
        var declared = document
        declared["metadata"] = nil
        let unknown = schema.unknownFields(in: declared).map { "unknown field \"\($0)\"" }
        guard unknown.isEmpty else { return unknown }
        return schema.validate(stored(document), old: old.map(stored)).map(\.description)
            .filter { !$0.contains("some validation rules were not checked") }
    }
}
