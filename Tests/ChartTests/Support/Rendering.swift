import Foundation
import KubernetesAPI
import TestSupport

/// A rendering of the chart that is committed, with the values it was made from.
struct Rendering: Sendable, CaseIterable, CustomStringConvertible {
    static let allCases = ["default", "everything", "cert-manager", "single-namespace"].map(Rendering.init)

    var description: String

    private static let folder = RepositoryManifest.repository.appendingPathComponent(
        "Tests/ChartTests/Golden")
    var valuesFile: URL { Self.folder.appendingPathComponent("\(description).values.yaml") }
    var file: URL { Self.folder.appendingPathComponent("\(description).yaml") }

    func text() throws -> String { try String(contentsOf: file, encoding: .utf8) }
    func objects() throws -> [RenderedObject] {
        try RepositoryManifest(file).documents().map(RenderedObject.init(json:))
    }

    /// The only object of a kind, with that name if one is given.
    func object(_ kind: String, _ name: String? = nil) throws -> RenderedObject {
        let found = try objects().filter { $0.kind == kind && (name == nil || $0.name == name) }
        guard found.count == 1, let object = found.first else {
            throw WrongCount(what: "\(kind) \(name ?? "") in \(self)", count: found.count)
        }
        return object
    }
}

struct WrongCount: Error, CustomStringConvertible {
    var what: String
    var count: Int
    var description: String { "there are \(count) of \(what)" }
}

/// One object of a rendering.
struct RenderedObject: Sendable {
    var json: JSONValue

    var kind: String { json["kind"]?.stringValue ?? "" }
    var name: String { json[path: ["metadata", "name"]]?.stringValue ?? "" }
    var namespace: String? { json[path: ["metadata", "namespace"]]?.stringValue }
    var isOfCluster: Bool { namespace == nil }
    subscript(path: String...) -> JSONValue? { json[path: path] }
}

extension JSONValue {
    /// The strings of an array; empty if this is none.
    var strings: [String] { (arrayValue ?? []).compactMap(\.stringValue) }

    /// The element of an array of objects whose member `name` is that name.
    func element(named name: String) -> JSONValue? {
        arrayValue?.first { $0["name"]?.stringValue == name }
    }
}
