import AnnealAPI
import Foundation
import KubernetesAPI
import TestSupport

/// Description of one of our kinds for Argo CD: Lua files in the layout of its own `resource_customizations`.
struct Customization: Sendable, CustomStringConvertible {
    static let root = RepositoryManifest.repository.appendingPathComponent(
        "examples/gitops/resource_customizations")
    static let all = CustomResourceDefinition.all.map { Customization(kind: $0.resourceType.kind) }

    var kind: String
    var description: String { kind }

    static let trainingJob = Customization(kind: TrainingJob.resourceType.kind)
    static let evalRun = Customization(kind: EvalRun.resourceType.kind)

    var folder: URL { Self.root.appendingPathComponent("\(Anneal.group)/\(kind)") }

    func health(of object: JSONValue) throws -> Health {
        try Lua.run(folder.appendingPathComponent("health.lua"), on: object).decoded()
    }

    /// The actions offered on an object: true for those that are enabled.
    func actions(on object: JSONValue) throws -> [String: Bool] {
        let offered = try Lua.run(folder.appendingPathComponent("actions/discovery.lua"), on: object)
        return (offered.objectValue ?? [:]).mapValues { $0["disabled"] != true }
    }

    func perform(_ action: String, on object: JSONValue) throws -> JSONValue {
        try Lua.run(folder.appendingPathComponent("actions/\(action)/action.lua"), on: object)
    }

    /// The names of the actions that have a script.
    func scripts() throws -> Set<String> {
        let actions = folder.appendingPathComponent("actions")
        return Set(
            try FileManager.default.contentsOfDirectory(atPath: actions.path).filter {
                FileManager.default.fileExists(
                    atPath: actions.appendingPathComponent("\($0)/action.lua").path)
            })
    }

    /// An object of `testdata`, as an API server answered it.
    func object(_ file: String) throws -> JSONValue {
        guard let document = try RepositoryManifest(folder.appendingPathComponent(file)).documents().first
        else {
            throw WrongCount(what: "documents in \(file)", count: 0)
        }
        return document
    }

    /// The cases that Argo CD's own test runner reads.
    func cases(_ file: String, _ key: String) throws -> [JSONValue] {
        try object(file)[key]?.arrayValue ?? []
    }
}

/// Argo CD's health of an object.
struct Health: Codable, Hashable, Sendable {
    enum Status: String, Codable, Hashable, Sendable {
        case healthy = "Healthy"
        case progressing = "Progressing"
        case suspended = "Suspended"
        case degraded = "Degraded"
        case unknown = "Unknown"
    }

    var status: Status
    var message: String
}
