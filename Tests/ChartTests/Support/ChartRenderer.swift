import Foundation
import TestSupport

/// Program that turns the chart into manifests: Helm itself where it is installed, and `hack/helm`, which is
/// Helm as a library.
struct ChartRenderer: Sendable, CustomStringConvertible {
    static let chart = RepositoryManifest.repository.appendingPathComponent("charts/anneal").path
    static let missing = """
        neither helm nor $ANNEAL_CACHE/charts is there: run hack/setup charts
        """

    var description: String
    private var program: CommandLineTool

    static let all = [helm, own].compactMap { $0 }
    static let helm = CommandLineTool(named: "helm").map { ChartRenderer(description: "helm", program: $0) }
    static let own: ChartRenderer? = {
        let environment = ProcessInfo.processInfo.environment
        let caches = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "/root")/.cache"
        let python = "\(environment["ANNEAL_CACHE"] ?? "\(caches)/anneal")/charts/bin/python"
        guard FileManager.default.isExecutableFile(atPath: python) else { return nil }
        let path = RepositoryManifest.repository.appendingPathComponent("hack/helm").path
        return ChartRenderer(description: "hack/helm", program: CommandLineTool(path: path))
    }()

    /// Throws what Helm finds wrong with the chart, warnings included.
    func lint(valuesFile: URL) throws {
        try program("lint", "--strict", Self.chart, "--values", valuesFile.path)
    }

    /// The chart with the values of a file.
    func callAsFunction(valuesFile: URL) throws -> String {
        try program(
            "template", "anneal", Self.chart, "--namespace", "anneal-system", "--kube-version", "v1.36.0",
            "--values", valuesFile.path)
    }

    /// The chart with values as YAML text.
    func callAsFunction(values: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).yaml")
        try Data(values.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try self(valuesFile: file)
    }
}
