import Foundation
import KubernetesAPI
import Synchronization
import Testing

/// An embedded cluster with Anneal's definitions and a running operator, driven by kubectl.
final class Cluster: Sendable {
    @TaskLocal static var current: Cluster?

    let servers: Servers
    let kubectl: Program
    let auditLog: URL
    private let folder: TemporaryFolder
    private let name: String
    private let server: BackgroundProgram
    private let operatorProgram: Program
    private let operatorProcess: Mutex<BackgroundProgram?>

    /// Starts a cluster and installs the definitions; the operator only if it is asked for.
    static func start(_ name: String, on servers: Servers, withOperator: Bool) async throws -> Cluster {
        let cluster = try Cluster(name, servers, images: try await servers.installation.imageMap())
        do {
            _ = try await eventually("the cluster") {
                try await cluster.kubectl("get", "--raw", "/readyz")
            }
            let crds = servers.installation.repository.appendingPathComponent("crds").path
            try await cluster.kubectl("apply", "-f", crds)
            try await cluster.kubectl(
                "wait", "--for=condition=Established", "crd/trainingjobs.anneal.dev",
                "crd/evalruns.anneal.dev",
                "--timeout=30s")
            if withOperator { try cluster.startOperator() }
        } catch {
            await cluster.stop()
            throw error
        }
        return cluster
    }

    private init(_ name: String, _ servers: Servers, images: String) throws {
        let installation = servers.installation
        let folder = try TemporaryFolder()
        self.name = name
        self.servers = servers
        self.folder = folder
        auditLog = folder.file("audit.jsonl")
        try Data(images.utf8).write(to: folder.file("images.yaml"))
        let kubeconfig = folder.file("kubeconfig").path
        var kubectl = try installation.tool("bin/kubectl")
        kubectl.environment["KUBECONFIG"] = kubeconfig
        kubectl.environment["HOME"] = folder.url.path
        self.kubectl = kubectl
        var operatorProgram = try installation.own("anneal-operator")
        operatorProgram.environment["KUBECONFIG"] = kubeconfig
        self.operatorProgram = operatorProgram
        operatorProcess = Mutex(nil)
        server = try BackgroundProgram(
            try installation.own("anneal-local"),
            [
                "up", "--state", folder.file("state").path, "--images", folder.file("images.yaml").path,
                "--kubeconfig", kubeconfig, "--audit-log", auditLog.path,
            ], log: servers.logs.appendingPathComponent("\(name)-cluster.log"))
    }

    func startOperator() throws {
        let process = try BackgroundProgram(
            operatorProgram,
            ["--backoff-seconds", "1", "--heartbeat-seconds", "1", "--agent-image", "anneal/agent:0.1.0"],
            log: servers.logs.appendingPathComponent("\(name)-operator.log"))
        operatorProcess.withLock { $0 = process }
    }

    /// As `kill -9` does: no last word, no status written.
    func killOperator() async { await operatorProcess.withLock { $0 }?.kill() }

    var operatorIsRunning: Bool { operatorProcess.withLock { $0?.isRunning == true } }

    func stop() async {
        await operatorProcess.withLock { $0 }?.stop()
        await server.stop(within: .seconds(30))
        folder.remove()
    }

    /// The requests so far, as the API server recorded them.
    func audit() throws -> [AuditEntry] {
        try String(contentsOf: auditLog, encoding: .utf8).split(separator: "\n").map { line in
            AuditEntry(try JSONValue(parsing: Array(line.utf8)))
        }
    }
}

/// One request to the API server.
struct AuditEntry: Sendable, CustomStringConvertible {
    var user: String
    var userAgent: String
    var verb: String
    var resource: String
    var subresource: String
    var namespace: String
    var name: String
    var code: Int64

    init(_ line: JSONValue) {
        func text(_ key: String) -> String { line[key]?.stringValue ?? "" }
        user = text("user")
        userAgent = text("userAgent")
        verb = text("verb")
        resource = text("resource")
        subresource = text("subresource")
        namespace = text("namespace")
        name = text("name")
        code = line["code"]?.integerValue ?? 0
    }

    var description: String {
        "\(userAgent): \(verb) \(resource)/\(subresource) \(namespace)/\(name) → \(code)"
    }

    var isOfAnneal: Bool { userAgent.hasPrefix("anneal-operator") || userAgent.hasPrefix("anneal-agent") }
    var isWrite: Bool { ["create", "update", "patch", "delete", "deletecollection"].contains(verb) }
}

/// One cluster for all tests of a suite. Suites take turns, as two cores don't serve several clusters well.
struct ClusterTrait: SuiteTrait, TestScoping {
    var name: String
    var withOperator = true

    private static let turn = Turn()

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard let servers = Servers.current else { throw OutsideSuite() }
        try await Self.turn.take {
            let cluster = try await Cluster.start(name, on: servers, withOperator: withOperator)
            do {
                try await Cluster.$current.withValue(cluster, operation: function)
            } catch {
                await cluster.stop()
                throw error
            }
            #expect(
                !withOperator || cluster.operatorIsRunning, "the operator has died; see \(servers.logs.path)")
            await cluster.stop()
        }
    }
}

extension SuiteTrait where Self == ClusterTrait {
    static func cluster(_ name: String, withOperator: Bool = true) -> Self {
        ClusterTrait(name: name, withOperator: withOperator)
    }
}

struct OutsideSuite: Error, CustomStringConvertible {
    var description: String { "this runs only inside a suite with the trait `.cluster`" }
}

/// Lets one at a time pass, in the order in which they came.
actor Turn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take(_ body: @Sendable () async throws -> Void) async throws {
        if isTaken {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            isTaken = true
        }
        defer { if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() } }
        try await body()
    }
}
