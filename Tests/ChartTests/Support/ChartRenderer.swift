import Foundation
import TestSupport

/// What turns the chart into manifests: Helm itself where it is installed, and `hack/chart-render`.
struct ChartRenderer: Sendable, CustomStringConvertible {
    static let chart = RepositoryManifest.repository.appendingPathComponent("charts/anneal").path
    static let missing = """
        neither helm nor $ANNEAL_CACHE/chart-render/bin/chart-render is there: run hack/setup charts
        """

    var description: String
    private var render: @Sendable (_ valuesFile: String) throws -> String

    static let all = [helm, own].compactMap { $0 }
    static let helm = CommandLineTool(named: "helm").map { helm in
        ChartRenderer(description: "helm") { values in
            try helm(
                "template", "anneal", chart, "--namespace", "anneal-system", "--kube-version", "v1.36.0",
                "--values", values)
        }
    }
    static let own: ChartRenderer? = {
        let environment = ProcessInfo.processInfo.environment
        let caches = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "/root")/.cache"
        let program = "\(environment["ANNEAL_CACHE"] ?? "\(caches)/anneal")/chart-render/bin/chart-render"
        guard FileManager.default.isExecutableFile(atPath: program) else { return nil }
        let tool = CommandLineTool(path: program)
        return ChartRenderer(description: "chart-render") { try tool("--values", $0, chart) }
    }()

    /// The chart with the values of a file.
    func callAsFunction(valuesFile: URL) throws -> String { try render(valuesFile.path) }

    /// The chart with values as YAML text.
    func callAsFunction(values: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).yaml")
        try Data(values.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try render(file.path)
    }
}
