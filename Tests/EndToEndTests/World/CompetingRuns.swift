import AnnealAPI
import Foundation
import KubernetesAPI
import Synchronization
import Testing

/// Runs of one namespace that want more GPUs than there are.
struct CompetingRuns: Sendable {
    /// Kind of the runs at whose admissions a leader dies.
    enum Target: String, Sendable, CaseIterable {
        case evalRun
        case trainingJob

        var namespace: String { "dies-at-\(rawValue.lowercased())" }
        /// Each kind has GPUs of its own, so that both are tried side by side.
        var device: String {
            switch self {
            case .evalRun: "eval.example.com/gpu"
            case .trainingJob: "train.example.com/gpu"
            }
        }
        /// Phases that begin while a run has its admission.
        var phases: [String] {
            switch self {
            case .evalRun: ["Evaluating", "Passed"]
            case .trainingJob: ["Training", "Uploading"]
            }
        }
        /// Resources of the children that an admitted attempt creates.
        var creations: Set<String> {
            switch self {
            case .evalRun: ["pods"]
            case .trainingJob: ["pods", "leases", "services"]
            }
        }
    }

    private let target: Target
    private let pair: MortalPair
    private let created = Created()

    init(_ target: Target, _ pair: MortalPair) {
        self.target = target
        self.pair = pair
    }

    /// Pods that each run creates, by the run's name.
    private final class Created: Sendable {
        let pods = Mutex<[String: Int]>([:])
    }

    func podsByRun() -> [String: Int] { created.pods.withLock { $0 } }

    private static let rival = "rival-"
    /// Seconds that a rival keeps its GPUs, so that others wait for them.
    private static let rivalSeconds = 1.0

    /// Whether a kubelet has nothing to say of a pod: one that has no node, or that goes on.
    static func leavesAlone(_ pod: Pod) -> Bool {
        guard pod.spec?.nodeName != nil else { return pod.metadata.deletionTimestamp == nil }
        guard pod.name.hasPrefix(rival), pod.metadata.deletionTimestamp == nil,
            let start = pod.status?.containerStatuses?.first?.state?.running?.startedAt
        else { return false }
        return Date().timeIntervalSince1970 - Double(start.seconds) < rivalSeconds
    }

    /// Kills the leader at a write of the admission of a run that meets rivals.
    func meet(_ moment: Fault.Moment, at write: AdmissionWrite) async throws -> MortalPair.Outcome {
        var outcome = MortalPair.Outcome.replaced
        var attempt = 0
        while case .replaced = outcome, attempt < 3 {
            attempt += 1
            let letter = moment == .before ? "b" : "a"
            let name = "\(write)\(letter)\(attempt)"
            outcome = try await pair.kill(
                moment, at: write, of: "target-\(name)", create: { try await create(name) },
                isOver: { isOver("target-\(name)") })
        }
        return outcome
    }

    /// Creates a run, and rivals that have the GPUs when it wants them.
    private func create(_ name: String) async throws {
        switch target {
        case .evalRun:
            try await createRivals(name)
            try await createEvalRun("target-\(name)", suites: 2, gpus: 1)
        case .trainingJob:
            let run = "target-\(name)"
            created.pods.withLock { $0[run] = 2 }
            _ = try await pair.client.create(trainingJob(run))
            _ = try await eventually("\(run) prepares", every: .milliseconds(50)) {
                let early = ["", "Pending", "Validating", "Preprocessing"]
                return early.contains(pair.history.runs()[run]?.phase ?? "") ? nil : true
            }
            try await createRivals(name)
        }
    }

    private func createRivals(_ name: String) async throws {
        for number in 1...2 { try await createEvalRun("\(Self.rival)\(name)-\(number)", suites: 2, gpus: 1) }
    }

    private func createEvalRun(_ name: String, suites: Int, gpus: Int) async throws {
        created.pods.withLock { $0[name] = suites }
        var evaluator = Evaluator(image: "fixture/evaluator:1")
        evaluator.resources = NodeResources(gpus: gpus, cpu: "50m", memory: "64Mi")
        var spec = EvalRunSpec(
            model: StoredInput(storageUri: FixtureInputs.model),
            suites: (1...suites).map { EvaluationSuite(name: "s\($0)", type: .custom) })
        spec.evaluator = evaluator
        spec.thresholds = [Threshold(metric: "s1/perplexity", max: 10)]
        spec.placement = placement
        _ = try await pair.client.create(
            EvalRun(metadata: ObjectMeta(name: name, namespace: pair.namespace), spec: spec))
    }

    /// A gang of two, which together want all GPUs that there are.
    private func trainingJob(_ name: String) -> TrainingJob {
        var job = PaperRuns.run(name, in: pair.namespace)
        job.spec.evaluation = nil
        job.spec.trainer.numNodes = 2
        job.spec.trainer.resourcesPerNode = NodeResources(gpus: 2, cpu: "50m", memory: "64Mi")
        job.spec.placement = placement
        var workspace = Workspace()
        workspace.accessMode = "ReadWriteMany"
        job.spec.workspace = workspace
        return job
    }

    private var placement: Placement {
        var placement = Placement()
        placement.gpuResourceName = target.device
        return placement
    }

    /// Whether a run has ended and has no admission any more.
    private func isOver(_ name: String) -> Bool {
        pair.history.runs()[name].map { $0.hasEnded && $0.admission == nil } ?? false
    }

    /// Waits until all have had their turn, then until one has that needs all GPUs.
    func finish(needing gpus: Int64) async throws {
        try await waitForAll()
        try await createEvalRun("last", suites: 1, gpus: Int(gpus))
        try await waitForAll()
        for (name, run) in pair.history.runs() {
            #expect(["Passed", "Completed"].contains(run.phase), "\(name): \(run.reason)")
        }
    }

    private func waitForAll() async throws {
        _ = try await eventually("all runs are over", within: .seconds(120)) {
            let open = podsByRun().keys.filter { !isOver($0) }
            guard !open.isEmpty else { return true }
            let runs = pair.history.runs()
            let states = open.sorted().prefix(5).map { name in
                "\(name): \(runs[name]?.phase ?? "unseen") \(runs[name]?.reason ?? "")"
            }
            throw APIServerProxy.Mistake(description: states.joined(separator: ", "))
        }
    }
}
