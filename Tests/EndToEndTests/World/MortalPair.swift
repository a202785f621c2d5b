import AnnealAPI
import Foundation
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Testing

/// A write that belongs to a run's admission.
enum AdmissionWrite: Sendable, CustomStringConvertible {
    /// The first of them is the one that admits.
    case number(Int)
    /// The one that takes the admission away.
    case last

    var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .last: "last"
        }
    }
}

/// An operator that takes part in an election, behind a proxy that can kill it at a write of its own.
final class MortalReplica: Sendable {
    let name: String
    let proxy: APIServerProxy
    private let program: Program
    private let arguments: [String]
    private let log: URL
    private let slot = BackgroundSlot()

    init(_ name: String, of namespace: String, in cluster: Cluster, _ folder: TemporaryFolder) async throws {
        self.name = name
        proxy = try await APIServerProxy(name, to: cluster, in: folder, seed: 1)
        log = cluster.servers.logs.appendingPathComponent("\(name)-operator.log")
        var program = try cluster.servers.installation.own("anneal-operator")
        program.environment["KUBECONFIG"] = proxy.kubeconfig.path
        program.environment["POD_NAME"] = name
        self.program = program
        arguments =
            Cluster.operatorArguments + [
                "--namespace", namespace, "--leader-elect", "--lease-namespace", namespace,
                "--retry-period-seconds", "1",
            ]
    }

    var isRunning: Bool { slot.isRunning }

    func start() throws { try slot.start(program, arguments, log: log) }

    /// Lets the proxy kill the process that runs now at a write of the admission of `run`.
    func arm(_ moment: Fault.Moment, at write: AdmissionWrite, of run: String) async throws {
        guard let identifier = slot.identifier else { return }
        let (admits, takesBack) = (#""admission":\s*\{"#, #""admission":\s*null"#)
        let (since, number) =
            switch write {
            case .number(let number): (admits, number)
            case .last: (takesBack, 1)
            }
        try await proxy.make([
            .kill(
                identifier, moment, nth: number, text: #"^(?!\S+ \S*/events)[\s\S]*\b\#(run)\b"#,
                since: since,
                until: takesBack)
        ])
    }

    func stop() async {
        await slot.stop(within: .seconds(5))
        await proxy.stop()
    }
}

/// Two operators that serve one namespace in turns, as each is killed; a fake kubelet, and all that came of it.
struct MortalPair: Sendable {
    let namespace: String
    let cluster: Cluster
    let client: KubernetesClient
    let history: AdmissionHistory
    let replicas: [MortalReplica]

    /// Runs `body` beside two operators and a kubelet, and ends them.
    ///
    /// - Parameters:
    ///   - device: Extended resource that stands for the GPUs of the namespace's runs.
    ///   - devices: All extended resources of the node, by name.
    static func with(
        _ namespace: String, device: String, of devices: [String: Int64],
        leavesAlone: @escaping @Sendable (Pod) -> Bool, _ body: @Sendable (MortalPair) async throws -> Void
    ) async throws {
        guard let cluster = Cluster.current else { throw OutsideSuite() }
        let folder = try TemporaryFolder()
        let transport = HTTPTransport()
        defer {
            transport.shutdown()
            folder.remove()
        }
        try await prepare(namespace, cluster)
        let client = try PaperRuns.administrator(of: cluster, transport)
        let history = try await AdmissionHistory(of: namespace, device: device, client)
        var replicas: [MortalReplica] = []
        do {
            for letter in ["a", "b"] {
                let name = "\(namespace)-\(letter)"
                replicas.append(try await MortalReplica(name, of: namespace, in: cluster, folder))
            }
            for replica in replicas { try replica.start() }
            let pair = MortalPair(
                namespace: namespace, cluster: cluster, client: client, history: history, replicas: replicas)
            let kubelet = FakeKubelet(
                client: client, namespace: namespace, leavesAlone: leavesAlone, devices: devices)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await kubelet.run() }
                group.addTask { await history.follow() }
                try await body(pair)
                group.cancelAll()
            }
        } catch {
            for replica in replicas { await replica.stop() }
            throw error
        }
        for replica in replicas { await replica.stop() }
    }

    /// A namespace in which the operators may elect a leader.
    private static func prepare(_ namespace: String, _ cluster: Cluster) async throws {
        cluster.remember(namespace: namespace)
        try await cluster.kubectl("create", "namespace", namespace)
        try await cluster.kubectl("-n", namespace, "create", "serviceaccount", "anneal-agent")
        try await cluster.kubectl(
            "-n", namespace, "create", "role", "election", "--verb=get,update", "--resource=leases")
        try await cluster.kubectl(
            "-n", namespace, "create", "rolebinding", "election", "--role=election",
            "--serviceaccount=\(OperatorAccess.namespace):\(OperatorAccess.account)")
    }

    private func lease() async throws -> Lease {
        try await client.get(Lease.self, ObjectKey(namespace: namespace, name: "anneal-operator"))
    }

    /// The one that leads, and how often the lead has changed hands.
    func leader() async throws -> (replica: MortalReplica, transitions: Int64) {
        try await eventually("a leader", every: .milliseconds(100)) { () -> (MortalReplica, Int64)? in
            let lease = try await lease()
            guard let replica = replicas.first(where: { lease.isHeld(by: $0) }), replica.isRunning else {
                return nil
            }
            return (replica, lease.spec?.leaseTransitions ?? 0)
        }
    }

    /// Outcome of an attempt to kill a leader.
    enum Outcome: Sendable {
        case killed
        /// The admission had come and gone before.
        case survived
        /// Another leads, though nobody was killed.
        case replaced
    }

    /// Kills the leader at a write of the admission of `run`, lets the other one take over, and starts the dead
    /// one again.
    ///
    /// - Parameters:
    ///   - create: Creates the run, and what else it is to meet.
    ///   - isOver: Whether the run has had its admission and lost it again.
    func kill(
        _ moment: Fault.Moment, at write: AdmissionWrite, of run: String, create: () async throws -> Void,
        isOver: () async throws -> Bool
    ) async throws -> Outcome {
        // One that died later than it was waited for.
        for replica in replicas { try replica.start() }
        let (leader, transitions) = try await leader()
        try await leader.arm(moment, at: write, of: run)
        try await create()
        let isDead = try await eventually(
            "write \(write) of \(run)", within: .seconds(90), every: .milliseconds(50)
        ) {
            if !leader.isRunning { return true }
            guard try await isOver() else { return nil }
            // The last write is seen before its writer has died of it.
            try await Task.sleep(for: .seconds(0.5))
            return !leader.isRunning
        }
        guard isDead else {
            try await leader.proxy.makeNone()
            return try await self.leader().transitions == transitions ? .survived : .replaced
        }
        try await expireLease(of: leader)
        _ = try await eventually("the other one leads", every: .milliseconds(50)) {
            let lease = try await lease()
            return lease.isHeld(by: leader) || lease.spec?.holderIdentity ?? "" == "" ? nil : true
        }
        try leader.start()
        return .killed
    }

    /// Has a dead leader's lease be over: that the others wait for its end is shown elsewhere.
    private func expireLease(of leader: MortalReplica) async throws {
        _ = try await eventually("the lease of \(leader.name) is over", every: .milliseconds(50)) {
            let lease = try await lease()
            guard lease.isHeld(by: leader) else { return true }
            var metadata: JSONValue = [:]
            metadata["resourceVersion"] = lease.metadata.resourceVersion.map(JSONValue.string)
            let patch: JSONValue = ["metadata": metadata, "spec": ["holderIdentity": ""]]
            _ = try await client.patch(Lease.self, lease.key, .merge(patch))
            return true
        }
    }

    /// Writes at which an operator was killed.
    func deadlyWrites() throws -> [Exchange] {
        try replicas.flatMap { try $0.proxy.exchanges() }.filter {
            $0.fault.flatMap(Fault.Moment.init) != nil
        }
    }
}

extension Lease {
    fileprivate func isHeld(by replica: MortalReplica) -> Bool {
        spec?.holderIdentity?.hasPrefix("\(replica.name)_") == true
    }
}
