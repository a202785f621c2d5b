import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Agreement between git and live objects, and acceptance of this repository's manifests by clusters.
    @Suite(.cluster("gitops"), .timeLimit(.minutes(4))) struct GitOps {
        /// The runs of the example in the order of their waves, and the objects that they need; all of these
        /// kinds are served. (ChartTests checks Argo CD's own objects.)
        @Test func `the manifests of the example are accepted`() async throws {
            let team = try await Team.make("waves")
            let folder = team.servers.installation.repository.appendingPathComponent("examples/gitops/runs")
            for file in ["namespace", "evalrun", "trainingjob"] {
                let path = folder.appendingPathComponent("\(file).yaml")
                let text = try String(contentsOf: path, encoding: .utf8)
                    .replacingOccurrences(of: "namespace: demo", with: "namespace: waves")
                    .replacingOccurrences(of: "name: demo", with: "name: waves")
                try await team.kubectl("apply", "--dry-run=server", "-f", "-", input: Data(text.utf8))
            }
        }

        /// Objects of other operators' kinds are left out: those kinds are not served here.
        @Test(arguments: ["default", "everything"])
        func `the API server accepts everything that the chart renders`(_ rendering: String) async throws {
            let cluster = try #require(Cluster.current)
            for tenant in ["team-a", "team-b"] where rendering == "everything" {
                cluster.remember(namespace: tenant)
                try await cluster.kubectl("create", "namespace", tenant)
            }
            let file = cluster.servers.installation.repository.appendingPathComponent(
                "Tests/ChartTests/Golden/\(rendering).yaml")
            let documents = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n---\n")
                .filter { !$0.contains("apiVersion: monitoring.coreos.com/") }
            #expect(documents.count > 15)
            let text = documents.joined(separator: "\n---\n")
            try await cluster.kubectl("apply", "--dry-run=server", "-f", "-", input: Data(text.utf8))
        }

        @Test(.needs(.fixturePods))
        func `after a whole run the live object is what git says, and only its author wrote the spec`()
            async throws
        {
            let team = try await Team.make("no-drift")
            var run = FixtureRun("steady", of: team)
            run.maxPerplexity = 10
            try await team.apply(run.manifest)
            let status = try #require(try await team.finished(run.name).status)
            try #require(status.phase == .completed, "\(status.message ?? "")")

            // `kubectl diff` and Argo CD compare these.
            let difference = try await team.run(["diff", "-f", "-"], input: run.manifest.serialized())
            #expect(difference.succeeded, "\(difference.text)\(difference.errors)")
            let again = try await team.kubectl("apply", "-f", "-", input: run.manifest.serialized())
            #expect(again.contains("unchanged"))

            let live = try await team.kubectl(
                "get", "trainingjob", run.name, "-o", "json", "--show-managed-fields")
            let object = try JSONValue(parsing: Array(live.utf8))
            let authors = (object[path: ["metadata", "managedFields"]]?.arrayValue ?? []).filter {
                $0[path: ["fieldsV1", "f:spec"]] != nil
            }
            #expect(authors.compactMap { $0["manager"]?.stringValue } == ["kubectl-client-side-apply"])
            #expect(object[path: ["metadata", "generation"]] == 1)
        }
    }
}
