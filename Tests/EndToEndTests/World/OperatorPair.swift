import Foundation
import KubernetesAPI
import Testing

/// An operator that takes part in the election of a leader.
final class Replica: Sendable {
    let name: String
    let metricsPort: Int
    let healthPort: Int
    let webhookPort: Int
    let log: URL
    private let cluster: Cluster
    private let program: BackgroundProgram

    init(_ name: String, in cluster: Cluster, hasWebhook: Bool) throws {
        self.name = name
        self.cluster = cluster
        metricsPort = try freePort()
        healthPort = try freePort()
        webhookPort = hasWebhook ? try freePort() : 0
        log = cluster.servers.logs.appendingPathComponent("\(cluster.name)-\(name).log")
        var program = try cluster.servers.installation.own("anneal-operator")
        program.environment["KUBECONFIG"] = cluster.operatorKubeconfig.path
        program.environment["POD_NAME"] = name
        self.program = try BackgroundProgram(
            program,
            Cluster.operatorArguments + [
                "--leader-elect", "--webhook-port", "\(webhookPort)", "--webhook-host", "127.0.0.1",
                "--log-format", "json",
                "--metrics-port", "\(metricsPort)", "--health-port", "\(healthPort)",
            ], log: log)
    }

    var isRunning: Bool { program.isRunning }
    func signal(_ number: Int32) { program.signal(number) }
    func kill() async { await program.kill() }
    func stop() async { await program.stop() }

    /// Whether this process made the request.
    func sent(_ entry: AuditEntry) -> Bool { entry.userAgent.hasSuffix("(\(name))") }

    func get(_ path: String, port: Int) async throws -> String {
        try await Program(path: "/usr/bin/curl")("-sS", "--max-time", "5", "http://127.0.0.1:\(port)\(path)")
    }

    /// Whether its webhook admits a valid EvalRun, with a certificate of the authority in the Secret.
    func admits() async throws -> Bool {
        let authority = try TemporaryFolder()
        defer { authority.remove() }
        let certificate = try await WebhookOperator.secret("ca.crt", in: cluster)
        try Data(certificate.utf8).write(to: authority.file("ca.crt"))
        var object = WebhookOperator.evalRun("probe")
        object[path: ["metadata", "annotations"]] = ["anneal.dev/created-by": "ada"]
        let review: JSONValue = [
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": [
                "uid": "1", "operation": "CREATE", "name": "probe", "namespace": "default",
                "kind": ["group": "anneal.dev", "version": "v1alpha1", "kind": "EvalRun"],
                "resource": ["group": "anneal.dev", "version": "v1alpha1", "resource": "evalruns"],
                "userInfo": ["username": "ada"], "object": object,
            ],
        ]
        let answer = try await Program(path: "/usr/bin/curl")(
            "-sS", "--max-time", "5", "--cacert", authority.file("ca.crt").path, "--json", "@-",
            "https://127.0.0.1:\(webhookPort)/validate", input: review.serialized())
        return try JSONValue(parsing: answer)["response"]?["allowed"] == .bool(true)
    }
}

/// The lease of the operators.
struct LeaderLease: Sendable {
    /// Name of the replica that holds the lease; empty for none.
    var holder: String
    var acquired: Date?
    var transitions: Int64

    /// Reads the lease; nil if there is none.
    static func read(_ cluster: Cluster) async throws -> LeaderLease? {
        let result = try await cluster.kubectl.run(
            ["-n", OperatorAccess.namespace, "get", "lease", "anneal-operator", "-o", "json"])
        guard result.succeeded else { return nil }
        let spec = try JSONValue(parsing: Array(result.output))["spec"] ?? [:]
        let identity = spec["holderIdentity"]?.stringValue ?? ""
        let acquired = spec["acquireTime"]?.stringValue.flatMap(MicroTime.init).map {
            Date(timeIntervalSince1970: Double($0.seconds) + Double($0.microseconds) / 1_000_000)
        }
        return LeaderLease(
            holder: String(identity.prefix { $0 != "_" }), acquired: acquired,
            transitions: spec["leaseTransitions"]?.integerValue ?? 0)
    }
}

/// Two operators, of which one leads.
struct OperatorPair: Sendable {
    let leader: Replica
    let standby: Replica

    /// Runs `body` with two operators of its own, and ends them.
    static func with(
        _ name: String, hasWebhook: Bool = false, _ body: @Sendable (OperatorPair) async throws -> Void
    ) async throws {
        guard let cluster = Cluster.current else { throw OutsideSuite() }
        let replicas = try ["a", "b"].map {
            try Replica("\(name)-\($0)", in: cluster, hasWebhook: hasWebhook)
        }
        do {
            let holder = try await eventually("a leader", every: .milliseconds(100)) {
                try await LeaderLease.read(cluster).flatMap { lease in
                    replicas.contains { $0.name == lease.holder } ? lease.holder : nil
                }
            }
            let leader = replicas[holder == replicas[0].name ? 0 : 1]
            let standby = replicas[holder == replicas[0].name ? 1 : 0]
            _ = try await eventually("the other one stands by", every: .milliseconds(100)) {
                try String(contentsOf: standby.log, encoding: .utf8).contains("\"following\"") ? true : nil
            }
            try await body(OperatorPair(leader: leader, standby: standby))
        } catch {
            for replica in replicas { await replica.end() }
            throw error
        }
        for replica in replicas { await replica.end() }
    }

    /// Waits until the standby leads; returns the seconds from `start` to the time that it wrote into the
    /// lease.
    func handover(since start: Date, within patience: Duration, in cluster: Cluster) async throws -> Double {
        let lease = try await eventually("the handover", within: patience, every: .milliseconds(50)) {
            try await LeaderLease.read(cluster).flatMap { $0.holder == standby.name ? $0 : nil }
        }
        return (lease.acquired ?? .distantFuture).timeIntervalSince(start)
    }
}

extension Replica {
    fileprivate func end() async {
        // A stopped process receives no other signal.
        signal(SIGCONT)
        await stop()
    }
}
