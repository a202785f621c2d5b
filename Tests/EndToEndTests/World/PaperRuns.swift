import AnnealAPI
import Foundation
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Testing

/// Runs in one namespace without any computation, an operator of their own behind a fault proxy, and a fake
/// kubelet that ends their pods.
struct PaperRuns: Sendable {
    let name: String
    let cluster: Cluster
    let client: KubernetesClient
    let proxy: APIServerProxy
    let seed: UInt64
    private let operatorProcess: BackgroundSlot
    private let operatorLog: URL
    private let transport: HTTPTransport

    /// Makes room for runs that nothing computes. Once is enough for a cluster.
    static func prepare(
        _ cluster: Cluster, devices: [String: Int64] = FakeKubelet.plenty
    ) async throws {
        let known = try await cluster.kubectl.run(["get", "node", FakeKubelet.node])
        guard !known.succeeded else { return }
        let transport = HTTPTransport()
        defer { transport.shutdown() }
        try await FakeKubelet.prepare(
            cluster, try administrator(of: cluster, transport), devices: devices)
    }

    /// A client that may do everything.
    static func administrator(
        of cluster: Cluster, _ transport: HTTPTransport
    ) throws -> KubernetesClient {
        let configuration = try MergedKubeconfig.load(path: cluster.kubectl.environment["KUBECONFIG"])
        return KubernetesClient(
            configuration: configuration, transport: transport, userAgent: "anneal-tests")
    }

    /// Runs `body` beside an operator and a kubelet, and ends them.
    static func with(
        _ name: String, leavesAlone: @escaping @Sendable (Pod) -> Bool = { _ in false },
        _ body: @Sendable (PaperRuns) async throws -> Void
    ) async throws {
        guard let cluster = Cluster.current else { throw OutsideSuite() }
        let seed = Self.seed(name)
        let folder = try TemporaryFolder()
        let transport = HTTPTransport()
        defer {
            transport.shutdown()
            folder.remove()
        }
        let client = try administrator(of: cluster, transport)
        try await cluster.kubectl("create", "namespace", name)
        try await cluster.kubectl("-n", name, "create", "serviceaccount", "anneal-agent")
        let proxy = try await APIServerProxy(name, to: cluster, in: folder, seed: seed)
        let runs = PaperRuns(
            name: name, cluster: cluster, client: client, proxy: proxy, seed: seed,
            operatorProcess: BackgroundSlot(),
            operatorLog: cluster.servers.logs.appendingPathComponent("\(name)-operator.log"),
            transport: transport)
        var kubelet = FakeKubelet(client: client, namespace: name)
        kubelet.leavesAlone = leavesAlone
        do {
            try runs.startOperator()
            try await withThrowingTaskGroup(of: Void.self) { [kubelet] group in
                group.addTask { await kubelet.run() }
                try await body(runs)
                group.cancelAll()
            }
            #expect(runs.operatorProcess.isRunning, "the operator has died; see \(runs.operatorLog.path)")
        } catch {
            await runs.stop()
            throw Failure(scenario: name, seed: seed, error: error)
        }
        await runs.stop()
    }

    struct Failure: Error, CustomStringConvertible {
        var scenario: String
        var seed: UInt64
        var error: any Error
        var description: String { "\(scenario) (ANNEAL_SEED=\(seed)): \(error)" }
    }

    /// The seed in `ANNEAL_SEED`, or one that depends on the name alone.
    private static func seed(_ name: String) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["ANNEAL_SEED"].flatMap { UInt64($0) }
        let seed = given ?? name.utf8.reduce(20_261_121) { ($0 &* 31 &+ UInt64($1)) % 1_000_000_007 }
        print("\(name): ANNEAL_SEED=\(seed)")
        return seed
    }

    func startOperator() throws {
        var program = try cluster.servers.installation.own("anneal-operator")
        program.environment["KUBECONFIG"] = proxy.kubeconfig.path
        try operatorProcess.start(
            program, Cluster.operatorArguments + ["--namespace", name], log: operatorLog)
    }

    func restartOperator() async throws {
        await operatorProcess.kill()
        try startOperator()
    }

    private func stop() async {
        await operatorProcess.stop(within: .seconds(5))
        await proxy.stop()
    }
}

// MARK: Runs

extension PaperRuns {
    /// A run with all stages but registration, whose trainer holds no GPU.
    static func run(_ name: String, in namespace: String) -> TrainingJob {
        var trainer = Trainer(image: "fixture/trainer:1")
        trainer.resourcesPerNode = NodeResources(gpus: 0, cpu: "50m", memory: "64Mi")
        var spec = TrainingJobSpec(
            model: StoredInput(storageUri: FixtureInputs.model),
            dataset: DatasetReference(storageUri: FixtureInputs.dataset, format: .promptCompletion),
            method: .lora, trainer: trainer, artifacts: Artifacts(storageUri: FixtureInputs.artifacts))
        var evaluator = Evaluator(image: "fixture/evaluator:1")
        evaluator.resources = NodeResources(gpus: 0, cpu: "50m", memory: "64Mi")
        spec.evaluation = EvaluationPolicy(
            evaluator: evaluator, suites: [EvaluationSuite(name: "quality", type: .perplexity)],
            thresholds: [Threshold(metric: "quality/perplexity", max: 10)])
        return TrainingJob(metadata: ObjectMeta(name: name, namespace: namespace), spec: spec)
    }

    /// Creates runs directly, not through the proxy.
    func create(_ names: [String]) async throws {
        for name in names { _ = try await client.create(Self.run(name, in: self.name)) }
    }

    func jobs() async throws -> [TrainingJob] {
        try await client.listAll(TrainingJob.self, namespace: name).items
    }

    /// The outcome of a run, without times and identifiers.
    static func summary(of job: TrainingJob) -> String {
        guard let status = job.status else { return "new" }
        let stages = (status.stages ?? []).map { "\($0.name.rawValue)×\($0.attempts)" }
        return "\(status.phase.rawValue) \(status.reason ?? "-"): \(stages.joined(separator: " ")); "
            + "trained \(status.trainingAttempts ?? 0), failed \(status.countedFailures ?? 0)"
    }

    /// Outcome of a run without faults.
    static let undisturbed =
        "Completed Succeeded: Validating×1 Preprocessing×1 Preparing×1 Queued×1 Training×1 Uploading×1 "
        + "Evaluating×1; trained 1, failed 0"

    /// Waits until all runs have ended, and checks that their outcomes are those without faults.
    func finish(_ count: Int, within patience: Duration = .seconds(180)) async throws {
        let ended: [TrainingJob] = try await eventually("the end of \(count) runs", within: patience) {
            let jobs = try await jobs()
            let open = jobs.filter { $0.status?.phase.isTerminal != true }
            guard open.isEmpty, jobs.count == count else {
                let states: [String] = open.prefix(3).map { "\($0.name): \(Self.summary(of: $0))" }
                throw APIServerProxy.Mistake(description: states.joined(separator: "\n"))
            }
            return jobs
        }
        hold(ended)
    }

    /// Waits for the runs with names `run-…`, and checks their outcomes. Other objects need not decode.
    func finishGood(_ count: Int, within patience: Duration) async throws {
        let ended: [TrainingJob] = try await eventually("the end of \(count) good runs", within: patience) {
            let all = try await client.listLeniently(TrainingJob.self, namespace: name).items
            let good = all.compactMap { item -> TrainingJob? in
                guard case .object(let job) = item, job.name.hasPrefix("run-") else { return nil }
                return job
            }
            let open = good.filter { $0.status?.phase.isTerminal != true }
            guard open.isEmpty, good.count == count else {
                throw APIServerProxy.Mistake(description: "\(good.count - open.count) have ended")
            }
            return good
        }
        hold(ended)
    }

    private func hold(_ ended: [TrainingJob]) {
        for job in ended {
            #expect(
                Self.summary(of: job) == Self.undisturbed, "\(job.name), ANNEAL_SEED=\(seed)")
        }
    }
}
