import Foundation
import KubernetesAPI
import TestSupport
import Testing

/// Metrics as Prometheus finds them, and the alerts that it gives.
@Suite struct MonitoringTests {
    static let promtool: CommandLineTool? = {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["ANNEAL_CACHE"] ?? "\(environment["HOME"] ?? "/root")/.cache/anneal"
        let unpacked = "\(cache)/bin/promtool"
        return FileManager.default.isExecutableFile(atPath: unpacked)
            ? CommandLineTool(path: unpacked) : CommandLineTool(named: "promtool")
    }()

    @Test func `the ServiceMonitor selects the metrics Service and its port`() throws {
        let rendering = Rendering(description: "everything")
        let monitor = try rendering.object("ServiceMonitor")
        let wanted = try #require(monitor["spec", "selector", "matchLabels"]?.objectValue)
        let selected = try rendering.objects().filter { object in
            object.kind == "Service" && wanted.allSatisfy { object["metadata", "labels", $0.key] == $0.value }
        }
        #expect(selected.map(\.name) == ["anneal-metrics"])
        let port = monitor["spec", "endpoints"]?[0]?["port"]?.stringValue ?? ""
        #expect(selected.first?["spec", "ports"]?.element(named: port) != nil)
    }

    /// A metric that was renamed would leave an alert that never fires.
    @Test func `alerts ask for metrics that the operator has`() throws {
        let catalogue = try String(
            contentsOf: RepositoryManifest.repository.appendingPathComponent(
                "Sources/Operator/Operator/Telemetry/MetricCatalogue.swift"), encoding: .utf8)
        for rule in try rules() {
            let expression = rule["expr"]?.stringValue ?? ""
            let names = expression.matches(of: /anneal_[a-z_]+/).map { String($0.output) }
            #expect(!names.isEmpty)
            for name in names { #expect(catalogue.contains("\"\(name)\""), "\(name)") }
        }
    }

    @Test func `every alert has a severity and says what it means`() throws {
        for rule in try rules() {
            let name = rule["alert"]?.stringValue ?? ""
            let severity = rule[path: ["labels", "severity"]]?.stringValue ?? ""
            #expect(["critical", "warning", "info"].contains(severity), "\(name)")
            for text in ["summary", "description"] {
                #expect(rule[path: ["annotations", text]]?.stringValue?.isEmpty == false, "\(name)")
            }
        }
    }

    @Test(.enabled(if: promtool != nil, "promtool is not installed: run hack/setup tests"))
    func `promtool accepts the alerts`() throws {
        let promtool = try #require(Self.promtool)
        let spec = try #require(try Rendering(description: "everything").object("PrometheusRule")["spec"])
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).yaml")
        // JSON is YAML.
        try spec.serialized().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try promtool("check", "rules", file.path)
    }

    private func rules() throws -> [JSONValue] {
        let groups = try Rendering(description: "everything").object("PrometheusRule")["spec", "groups"]
        return (groups?.arrayValue ?? []).flatMap { $0["rules"]?.arrayValue ?? [] }
    }
}
