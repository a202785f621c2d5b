import Foundation
import KubernetesAPI
import Yams

/// A YAML file of this repository, as `kubectl` would send it.
public struct RepositoryManifest: Sendable, CustomStringConvertible {
    /// A number that JSON cannot express; `kubectl` refuses such a file by itself.
    public struct UnsupportedValue: Error, CustomStringConvertible {
        public var value: Double
        public var description: String { "unsupported value: \(value.isNaN ? "NaN" : "\(value)")" }
    }

    /// The folder of `Package.swift`.
    public static let repository = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    public var name: String
    public var text: String
    public var description: String { name }

    public init(_ file: URL) throws {
        name = file.deletingPathExtension().lastPathComponent
        text = try String(contentsOf: file, encoding: .utf8)
    }

    /// The manifests of a folder of the repository, by name.
    public static func all(in folder: String) throws -> [RepositoryManifest] {
        try FileManager.default.contentsOfDirectory(
            at: repository.appendingPathComponent(folder), includingPropertiesForKeys: nil
        )
        .filter { $0.pathExtension == "yaml" }
        .sorted { $0.path < $1.path }
        .map { try RepositoryManifest($0) }
    }

    /// The texts that a refusal must contain, from the file's header lines `# expect: …`.
    public var expectations: [String] {
        text.split(separator: "\n").compactMap { line in
            line.hasPrefix("# expect: ") ? String(line.dropFirst("# expect: ".count)) : nil
        }
    }

    /// The documents of the file, in order.
    public func documents() throws -> [JSONValue] {
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
