import AnnealAPI
import Foundation
import KubernetesAPI
import KubernetesClient
import Testing

extension EndToEnd {
    /// Unreadable objects, written past the schema or garbled on their way, among good ones.
    @Suite(
        .cluster("poison", withOperator: false), .needs(.audit), .serialized, .timeLimit(.minutes(30)))
    struct Poison {
        /// Number of good runs: 1,000 in a full run, otherwise 24.
        private static let count =
            ProcessInfo.processInfo.environment["ANNEAL_FAULTS_FULL"] == "1" ? 1000 : 24

        /// Changes to a good run's JSON that the schema would refuse: name, path and value.
        private static let wrong: [(name: String, path: [String], value: JSONValue)] = [
            ("bad-spec", ["spec"], "no object"),
            ("bad-enumeration", ["spec", "method"], "alchemy"),
            ("bad-number", ["spec", "trainer", "numNodes"], 1e300),
            ("bad-quantity", ["spec", "trainer", "resourcesPerNode", "memory"], "much"),
            ("bad-type", ["spec", "dataset"], [1, 2, 3]),
            ("bad-status", ["status"], ["phase": "Levitating"]),
        ]

        @Test func `malformed runs carry an event or a condition, and the good ones finish`() async throws {
            guard let cluster = Cluster.current else { throw OutsideSuite() }
            try await PaperRuns.prepare(cluster)
            try await PaperRuns.with("malformed") { runs in
                let good = (0..<Self.count).map { "run-\($0)" }
                try await runs.create(Array(good.prefix(Self.count / 2)))
                try await Self.withoutSchema(cluster) {
                    for (name, path, value) in Self.wrong { try await Self.write(name, path, value, runs) }
                }
                try await runs.create(Array(good.dropFirst(Self.count / 2)))
                try await runs.finishGood(Self.count, within: .seconds(Self.count > 100 ? 1500 : 240))
                for (name, _, _) in Self.wrong { try await Self.holdComplaint(name, runs) }
                let before = try await Self.states(runs)
                try await runs.restartOperator()
                try await Task.sleep(for: .seconds(3))
                try await runs.holdSilence(exceptEvents: true)
                #expect(try await Self.states(runs) == before, "a restart changed something")
                for (name, _, _) in Self.wrong {
                    let count = try await Self.complaints(name, runs).count
                    #expect(count <= 2, "\(name): \(count) events for one mistake and two starts")
                }
            }
        }

        /// Children that the server can read and this operator cannot.
        @Test func `a malformed child holds up its own run alone`() async throws {
            guard let cluster = Cluster.current else { throw OutsideSuite() }
            try await PaperRuns.prepare(cluster)
            try await PaperRuns.with("children") { runs in
                try await runs.proxy.make([
                    .poison("run-0-validate-1", ["spec", "backoffLimit"], "many"),
                    .poison("run-1-train-1-0", ["spec", "containers", 0, "resources"], "all of them"),
                    .poison("run-2-train-1", ["spec", "renewTime"], "yesterday"),
                    .poison("run-3-workspace", ["spec", "accessModes"], 7),
                    .poison("run-4-train-1", ["metadata", "annotations"], ["anneal.dev/progress": "{"]),
                    .poison("gpu-2", ["status", "allocatable"], ["cpu": "plenty"]),
                ])
                try await runs.create((0..<12).map { "run-\($0)" })
                _ = try await eventually("the end of the good runs", within: .seconds(90)) {
                    let ended = try await runs.jobs().filter { $0.status?.phase.isTerminal == true }
                    return Set(ended.map(\.name)).isSuperset(of: (5..<12).map { "run-\($0)" }) ? true : nil
                }
                let text = try await cluster.kubectl("get", "events", "-A", "-o", "json")
                let events = try JSONValue(parsing: Array(text.utf8))["items"]?.arrayValue ?? []
                for (kind, name) in [
                    ("Job", "run-0-validate-1"), ("TrainingJob", "run-0"), ("Node", "gpu-2"),
                ] {
                    let told = events.contains {
                        $0[path: ["involvedObject", "kind"]]?.stringValue == kind
                            && $0[path: ["involvedObject", "name"]]?.stringValue == name
                            && $0["reason"]?.stringValue == "Malformed"
                    }
                    #expect(told, "no event on \(kind) \(name)")
                }
                // The operator does not ask for an unreadable object again and again.
                let start = try runs.proxy.exchanges().count
                try await Task.sleep(for: .seconds(5))
                let requests = try runs.proxy.exchanges().count - start
                #expect(requests < 60, "\(requests) requests in 5 s")
            }
        }

        // MARK: Past the schema

        private static func withoutSchema(_ cluster: Cluster, _ body: () async throws -> Void) async throws {
            let crds = cluster.servers.installation.repository.appendingPathComponent("crds").path
            let open: JSONValue = [
                "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                "properties": [
                    "spec": ["x-kubernetes-preserve-unknown-fields": true],
                    "status": ["x-kubernetes-preserve-unknown-fields": true],
                ],
            ]
            let patch: JSONValue = [
                ["op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": open]
            ]
            try await cluster.kubectl(
                "patch", "crd", "trainingjobs.anneal.dev", "--type", "json", "-p", patch.text)
            defer { print("poison: the schema is back") }
            try await Task.sleep(for: .seconds(1))
            try await body()
            try await cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", crds)
        }

        private static func write(
            _ name: String, _ path: [String], _ value: JSONValue, _ runs: PaperRuns
        ) async throws {
            var body = try JSONValue(encoding: PaperRuns.run(name, in: runs.name))
            body[path: path] = value
            _ = try await eventually("\(name) is stored", within: .seconds(20)) {
                try await runs.client.send(
                    TrainingJob.resourceType.create(
                        namespace: runs.name, body: body.serialized(), fieldManager: nil))
            }
            guard path.first == "status" else { return }
            _ = try await runs.client.send(
                TrainingJob.resourceType.patch(
                    namespace: runs.name, name: name, .merge(["status": value]), subresource: "status"))
        }

        // MARK: What is told

        private static func complaints(_ name: String, _ runs: PaperRuns) async throws -> [JSONValue] {
            let text = try await runs.cluster.kubectl("-n", runs.name, "get", "events", "-o", "json")
            return try JSONValue(parsing: Array(text.utf8))["items"]?.arrayValue?.filter {
                $0[path: ["involvedObject", "name"]]?.stringValue == name && $0["type"] == "Warning"
            } ?? []
        }

        private static func holdComplaint(_ name: String, _ runs: PaperRuns) async throws {
            let events = try await complaints(name, runs)
            let text = try await runs.cluster.kubectl(
                "-n", runs.name, "get", "trainingjob", name, "-o", "jsonpath={.status.reason}")
            #expect(!events.isEmpty || text == "InvalidSpec", "\(name) says nothing")
        }

        /// The status of every run, the malformed ones included.
        private static func states(_ runs: PaperRuns) async throws -> [String: JSONValue] {
            let text = try await runs.cluster.kubectl("-n", runs.name, "get", "trainingjobs", "-o", "json")
            var states: [String: JSONValue] = [:]
            for item in try JSONValue(parsing: Array(text.utf8))["items"]?.arrayValue ?? [] {
                states[item[path: ["metadata", "name"]]?.stringValue ?? ""] = item["status"] ?? .null
            }
            return states
        }
    }
}
