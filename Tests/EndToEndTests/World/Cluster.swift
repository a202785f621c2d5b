import Foundation
import KubernetesAPI
import Synchronization
import Testing

/// A cluster, as a rule with Anneal's definitions and a running operator, driven by kubectl.
final class Cluster: Sendable {
    @TaskLocal static var current: Cluster?

    /// Parts of Anneal that are there from the start.
    enum Contents: Sendable {
        case nothing
        /// The definitions and the operator's access, and no operator.
        case definitions
        case `operator`
    }

    let name: String
    let servers: Servers
    /// kubectl with all rights.
    let kubectl: Program
    private let folder: TemporaryFolder
    private let members: any ClusterServers
    private let operatorProgram: Program
    private let operatorSlot = BackgroundSlot()
    private let namespaces = Mutex<[String]>([])

    /// Starts a cluster and installs in it what is asked for.
    static func start(_ name: String, on servers: Servers, with contents: Contents) async throws -> Cluster {
        let cluster = try Cluster(name, servers, images: try await servers.installation.imageMap())
        do {
            try await cluster.members.start()
            try await cluster.ready()
            if contents != .nothing {
                let crds = servers.installation.repository.appendingPathComponent("crds").path
                try await cluster.kubectl("apply", "-f", crds)
                try await cluster.definitionsEstablished()
            }
            try await cluster.members.join(cluster.kubectl)
            if contents != .nothing {
                try await OperatorAccess.install(servers.installation, kubectl: cluster.kubectl)
                try await cluster.issueOperatorCredentials()
            }
            if contents == .operator { try cluster.startOperator() }
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
        try Data(images.utf8).write(to: folder.file("images.yaml"))
        members =
            switch try Backend.chosen() {
            case .embedded: try EmbeddedServers(name, servers, folder: folder)
            case .controlPlane(let assets): try ControlPlane(assets, name, servers, folder: folder)
            case .given(let kubeconfig): try GivenServers(kubeconfig, name, servers, folder: folder)
            }
        var kubectl = try installation.tool("bin/kubectl")
        kubectl.environment["KUBECONFIG"] = members.kubeconfig.path
        kubectl.environment["HOME"] = folder.url.path
        self.kubectl = kubectl
        var operatorProgram = try installation.own("anneal-operator")
        operatorProgram.environment["KUBECONFIG"] = folder.file(OperatorAccess.kubeconfig).path
        self.operatorProgram = operatorProgram
    }

    private func ready() async throws {
        _ = try await eventually("the API server", within: .seconds(120)) {
            try await kubectl("get", "--raw", "/readyz")
        }
    }

    /// Returns when Anneal's kinds are served.
    func definitionsEstablished() async throws {
        // kubectl gives up on a definition that has no conditions yet.
        _ = try await eventually("the definitions") {
            try await kubectl(
                "wait", "--for=condition=Established", "crd/trainingjobs.anneal.dev",
                "crd/evalruns.anneal.dev", "--timeout=30s")
        }
    }

    /// A new token of the operator's service account.
    func issueOperatorCredentials() async throws {
        try await OperatorAccess.issue(into: folder, kubectl: kubectl)
    }

    /// The kubeconfig of the operator's service account.
    var operatorKubeconfig: URL { folder.file(OperatorAccess.kubeconfig) }

    func startOperator() throws {
        try operatorSlot.start(
            operatorProgram, Self.operatorArguments,
            log: servers.logs.appendingPathComponent("\(name)-operator.log"))
    }

    /// Arguments with short waits, so that tests are short.
    static let operatorArguments = [
        "--backoff-seconds", "1", "--heartbeat-seconds", "1", "--agent-image", "anneal/agent:0.1.0",
    ]

    /// Kills the operator as `kill -9` does: it writes no last status.
    func killOperator() async { await operatorSlot.kill() }

    var operatorIsRunning: Bool { operatorSlot.isRunning }

    /// Kills the API server and its storage with `kill -9`.
    func killServers() async { await members.kill() }

    /// Starts the servers again, and waits until they answer.
    func restartServers() async throws {
        try await members.start()
        try await ready()
    }

    /// Notes a namespace that is removed from a cluster that outlives the tests.
    func remember(namespace: String) { namespaces.withLock { $0.append(namespace) } }

    private func removeNamespaces() async {
        let names = namespaces.withLock { $0 }
        guard case .given = try? Backend.chosen(), !names.isEmpty else { return }
        _ = try? await kubectl.run(["delete", "namespace", "--ignore-not-found", "--timeout=120s"] + names)
    }

    func stop() async {
        // The removal of objects needs the nodes and the operator.
        await removeNamespaces()
        await operatorSlot.stop()
        await members.stop()
        folder.remove()
    }

    /// The requests so far, as the API server recorded them; empty if there is no log of them.
    func audit() throws -> [AuditEntry] {
        guard let log = members.auditLog else { return [] }
        // The last line may be half written.
        return try String(contentsOf: log, encoding: .utf8).split(separator: "\n").compactMap { line in
            (try? JSONValue(parsing: Array(line.utf8))).map(AuditEntry.init)
        }
    }
}

/// Gives all tests of a suite one cluster. Suites take turns, as two cores do not serve several clusters
/// well.
struct ClusterTrait: SuiteTrait, TestScoping {
    var name: String
    var contents = Cluster.Contents.operator

    private static let turn = Turn()

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard let servers = Servers.current else { throw OutsideSuite() }
        try await Self.turn.take {
            let cluster = try await Cluster.start(name, on: servers, with: contents)
            do {
                try await Cluster.$current.withValue(cluster, operation: function)
                #expect(
                    contents != .operator || cluster.operatorIsRunning,
                    "the operator has died; see \(servers.logs.path)")
                try await AccessReview(of: cluster).judge()
            } catch {
                await cluster.stop()
                throw error
            }
            await cluster.stop()
        }
    }
}

extension SuiteTrait where Self == ClusterTrait {
    static func cluster(_ name: String, withOperator: Bool = true) -> Self {
        ClusterTrait(name: name, contents: withOperator ? .operator : .definitions)
    }

    static func emptyCluster(_ name: String) -> Self { ClusterTrait(name: name, contents: .nothing) }
}

struct OutsideSuite: Error, CustomStringConvertible {
    var description: String { "this runs only inside a suite with the trait `.cluster`" }
}

/// Lets one caller at a time pass, in the order in which they came.
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
