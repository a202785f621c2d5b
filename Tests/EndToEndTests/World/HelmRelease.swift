import Foundation
import Testing

/// A release of the chart under the name and in the namespace that its README uses, driven by Helm itself.
struct HelmRelease: Sendable {
    static let name = "anneal"

    let cluster: Cluster
    private let chart: URL
    private let helm: Program

    init() throws {
        let cluster = try #require(Cluster.current)
        let installation = cluster.servers.installation
        self.cluster = cluster
        chart = installation.repository.appendingPathComponent("charts/anneal")
        _ = try installation.tool("charts/bin/python")
        var helm = Program(path: installation.repository.appendingPathComponent("hack/helm").path)
        for variable in ["KUBECONFIG", "HOME"] {
            helm.environment[variable] = cluster.kubectl.environment[variable]
        }
        helm.environment["ANNEAL_CACHE"] = installation.cache.path
        self.helm = helm
    }

    /// Runs a command whose arguments are the release and the chart, with values as YAML text.
    @discardableResult
    func callAsFunction(_ command: String, values: String = "{}", _ options: String...) async throws -> String
    {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try Data(values.utf8).write(to: folder.file("values.yaml"))
        return try await succeed(
            [command, Self.name, chart.path, "--namespace", OperatorAccess.namespace] + options
                + ["--values", folder.file("values.yaml").path])
    }

    /// Goes back to the revision before.
    func rollBack() async throws {
        try await succeed(["rollback", Self.name, "--namespace", OperatorAccess.namespace])
    }

    /// Output of Helm at the end, such as the list of kept objects.
    @discardableResult
    func uninstall() async throws -> String {
        try await succeed(["uninstall", Self.name, "--namespace", OperatorAccess.namespace])
    }

    /// A line of the chart's README that begins with `helm` and has `text` in it, run without judging how it ends.
    func readme(commandWith text: String) async throws -> ProgramResult {
        let readme = try String(contentsOf: chart.appendingPathComponent("README.md"), encoding: .utf8)
        let command = try #require(
            readme.split(separator: "\n").first { $0.hasPrefix("helm ") && $0.contains(text) },
            "the README has no such command")
        let arguments = command.split(separator: " ").dropFirst().map {
            $0 == "charts/anneal" ? chart.path : String($0)
        }
        return try await helm.run(arguments)
    }

    /// The objects of a rendering that the cluster has, as `kind/name`.
    func present(of rendering: String) async throws -> [String] {
        try await cluster.kubectl(
            "get", "--ignore-not-found", "-o", "name", "-f", "-", input: Data(rendering.utf8)
        ).split(separator: "\n").map(String.init)
    }

    @discardableResult
    private func succeed(_ arguments: [String]) async throws -> String {
        let result = try await helm.run(arguments)
        guard result.succeeded else {
            throw ProgramFailure(command: "hack/helm \(arguments.joined(separator: " "))", result: result)
        }
        return result.text
    }
}
