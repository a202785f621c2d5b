import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Answers of the API server to good and bad manifests from an ordinary kubectl.
    @Suite(.cluster("admission", withOperator: false), .timeLimit(.minutes(4))) struct ManifestAdmission {
        static let repository = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()

        static func files(in folder: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(
                atPath: repository.appendingPathComponent(folder).path
            )
            .filter { $0.hasSuffix(".yaml") }.sorted()
        }

        private static let wrongManifests = "Tests/Operator/AnnealAPITests/WrongManifests"

        @Test(arguments: try files(in: wrongManifests))
        func `a wrong manifest is refused with the message that it announces`(_ file: String) async throws {
            let cluster = try #require(Cluster.current)
            let path = Self.repository.appendingPathComponent(Self.wrongManifests).appendingPathComponent(
                file)
            let text = try String(contentsOf: path, encoding: .utf8)
            let expectations = text.split(separator: "\n").filter { $0.hasPrefix("# expect: ") }
                .map { $0.dropFirst("# expect: ".count) }
            var documents = text.components(separatedBy: "\n---\n")
            var namespace = "default"
            if documents.count > 1 {
                namespace = String(file.dropLast(".yaml".count))
                cluster.remember(namespace: namespace)
                try await cluster.kubectl("create", "namespace", namespace)
                try await cluster.kubectl(
                    "-n", namespace, "apply", "-f", "-", input: Data(documents.removeFirst().utf8))
            }
            let result = try await cluster.kubectl.run(
                ["-n", namespace, "apply", "-f", "-"], input: Data(documents.joined().utf8))
            #expect(!result.succeeded)
            for expectation in expectations { #expect(result.errors.contains(expectation)) }
        }

        @Test func `every example is accepted, by apply of both kinds`() async throws {
            let cluster = try #require(Cluster.current)
            let examples = Self.repository.appendingPathComponent("examples")
            try await cluster.kubectl("apply", "-f", examples.appendingPathComponent("namespace.yaml").path)
            for file in try Self.files(in: "examples") where file != "namespace.yaml" {
                let path = examples.appendingPathComponent(file).path
                try await cluster.kubectl("apply", "-f", path)
                let again = try await cluster.kubectl("apply", "-f", path)
                #expect(again.contains("unchanged"), "\(again)")
                let team = Team(cluster: cluster, namespace: "demo")
                #expect(
                    try await team.run(["apply", "--server-side", "--force-conflicts", "-f", path]).succeeded)
            }
        }

        @Test func `a status that a user writes is dropped`() async throws {
            let team = try await Team.make("status-by-hand")
            var manifest = FixtureRun("honest", of: team).manifest
            manifest["status"] = ["phase": "Completed", "trainingAttempts": 7]
            try await team.apply(manifest)
            #expect(try await team.object("trainingjob/honest")["status"] == nil)
        }

        @Test func `a manifest of four megabytes is refused, and the server goes on`() async throws {
            let team = try await Team.make("oversized")
            var run = FixtureRun("big", of: team)
            run.parameters = ["note": String(repeating: "x", count: 4 << 20)]
            let result = try await team.run(["create", "-f", "-"], input: run.manifest.serialized())
            #expect(!result.succeeded)
            #expect(try await team.kubectl("get", "--raw", "/readyz").contains("ok"))
        }
    }
}
