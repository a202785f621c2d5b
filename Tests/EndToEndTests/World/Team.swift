import AnnealAPI
import Foundation
import KubernetesAPI

/// A team's namespace, with credentials for S3.
struct Team: Sendable {
    let cluster: Cluster
    let namespace: String

    var servers: Servers { cluster.servers }

    /// Makes the namespace of `examples/namespace.yaml` under another name, in the current cluster.
    static func make(_ namespace: String) async throws -> Team {
        guard let cluster = Cluster.current else { throw OutsideSuite() }
        cluster.remember(namespace: namespace)
        let example = cluster.servers.installation.repository.appendingPathComponent(
            "examples/namespace.yaml")
        let text = try String(contentsOf: example, encoding: .utf8)
            .replacingOccurrences(of: "name: demo", with: "name: \(namespace)")
            .replacingOccurrences(of: "namespace: demo", with: "namespace: \(namespace)")
        try await cluster.kubectl("apply", "-f", "-", input: Data(text.utf8))
        let team = Team(cluster: cluster, namespace: namespace)
        try await team.kubectl(
            "create", "secret", "generic", "s3-credentials",
            "--from-literal=accessKeyId=\(S3Server.accessKey)",
            "--from-literal=secretAccessKey=\(S3Server.secretKey)",
            // The store, and proxies before it.
            "--from-literal=allowedHosts=127.0.0.1")
        return team
    }

    @discardableResult
    func kubectl(_ arguments: String..., input: Data = Data()) async throws -> String {
        let result = try await run(arguments, input: input)
        guard result.succeeded else {
            throw ProgramFailure(command: "kubectl \(arguments.joined(separator: " "))", result: result)
        }
        return result.text
    }

    /// Runs kubectl, whether it succeeds or not.
    func run(_ arguments: [String], input: Data = Data()) async throws -> ProgramResult {
        try await cluster.kubectl.run(["-n", namespace] + arguments, input: input)
    }

    func apply(_ manifest: JSONValue) async throws {
        try await kubectl("apply", "-f", "-", input: manifest.serialized())
    }

    func object(_ resource: String) async throws -> JSONValue {
        try JSONValue(parsing: Array(try await kubectl("get", resource, "-o", "json").utf8))
    }

    func trainingJob(_ name: String) async throws -> TrainingJob {
        try await object("trainingjob/\(name)").decoded()
    }

    /// Waits with `kubectl wait`.
    func wait(_ name: String, for condition: String, within seconds: Int = 120) async throws {
        do {
            try await kubectl("wait", "trainingjob/\(name)", "--for=\(condition)", "--timeout=\(seconds)s")
        } catch {
            let state = try await run(["get", "trainingjob/\(name)", "-o", "jsonpath={.status}"])
            let events = try await run(["get", "events,pods,jobs"])
            throw TimedOut(
                what: "\(condition) of \(name)", seconds: .seconds(seconds),
                last: "\(error)\n\(state.text)\n\(events.text)")
        }
    }

    /// Waits until the run has finished, and returns it.
    func finished(_ name: String, within seconds: Int = 180) async throws -> TrainingJob {
        try await wait(name, for: "condition=Finished", within: seconds)
        return try await trainingJob(name)
    }

    /// The names of a kind's objects in the namespace.
    func names(of kind: String) async throws -> [String] {
        try await kubectl("get", kind, "-o", "name").split(separator: "\n").map(String.init)
    }
}
