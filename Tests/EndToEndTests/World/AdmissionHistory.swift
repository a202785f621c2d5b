import AnnealAPI
import Foundation
import KubernetesAPI
import KubernetesClient
import Synchronization

/// All that the runs and pods of a namespace ever were, in the order in which it was written.
final class AdmissionHistory: Sendable {
    /// One version of a run.
    struct Run: Sendable {
        var name: String
        var uid: String
        var phase: String
        var reason: String
        var hasEnded: Bool
        var admission: Admission?
    }

    /// One version of a pod that asks for GPUs.
    private struct GPUPod: Sendable {
        var name: String
        var uid: String
        var owner: String
        var gpus: Int64
        /// Whether it has ended, or is gone.
        var isOver: Bool
    }

    private enum Change: Sendable {
        case run(Run)
        case pod(GPUPod)
    }

    private let namespace: String
    private let device: String
    private let client: KubernetesClient
    private let first: String?
    private let changes = Mutex<[(version: UInt64, change: Change)]>([])
    private let newest = Mutex<[String: Run]>([:])
    private let mistakes = Mutex<[String]>([])

    /// A history that begins now.
    ///
    /// - Parameter device: Extended resource that stands for GPUs.
    init(of namespace: String, device: String, _ client: KubernetesClient) async throws {
        self.namespace = namespace
        self.device = device
        self.client = client
        first = try await client.list(Pod.self, namespace: namespace).metadata.resourceVersion
    }

    /// Follows until the task is cancelled.
    func follow() async {
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                await follow(EvalRun.self) { run, _ in
                    .run(
                        Run(
                            name: run.name, uid: run.metadata.uid ?? "",
                            phase: run.status?.phase.rawValue ?? "",
                            reason: run.status?.reason ?? "", hasEnded: run.status?.phase.isTerminal == true,
                            admission: run.status?.admission))
                }
            }
            group.addTask { [self] in
                await follow(TrainingJob.self) { run, _ in
                    .run(
                        Run(
                            name: run.name, uid: run.metadata.uid ?? "",
                            phase: run.status?.phase.rawValue ?? "",
                            reason: run.status?.reason ?? "", hasEnded: run.status?.phase.isTerminal == true,
                            admission: run.status?.admission))
                }
            }
            group.addTask { [self] in await follow(Pod.self, change) }
        }
    }

    private func change(_ pod: Pod, isGone: Bool) -> Change? {
        let gpus = (pod.spec?.containers ?? []).reduce(into: Int64(0)) { sum, container in
            sum += (container.resources?.limits?[device]?.milliunits).map { Int64(clamping: $0) / 1000 } ?? 0
        }
        guard gpus > 0, let owner = pod.metadata.controller?.uid else { return nil }
        let hasEnded = ["Succeeded", "Failed"].contains(pod.status?.phase)
        return .pod(
            GPUPod(
                name: pod.name, uid: pod.metadata.uid ?? "", owner: owner, gpus: gpus,
                isOver: isGone || hasEnded))
    }

    private func follow<R: KubernetesResource>(
        _: R.Type, _ change: @Sendable (R, Bool) -> Change?
    ) async {
        var version = first
        while !Task.isCancelled {
            do {
                let stream = try await client.watch(
                    R.self, namespace: namespace, options: WatchOptions(resourceVersion: version),
                    onMalformed: { [self] in note("\($0)") })
                for try await event in stream {
                    switch event {
                    case .added(let object), .modified(let object):
                        version = object.metadata.resourceVersion
                        add(change(object, false), at: version)
                    case .deleted(let object):
                        version = object.metadata.resourceVersion
                        add(change(object, true), at: version)
                    case .bookmark(let newest, _): version = newest
                    case .error(let status): return note("\(status)")
                    }
                }
            } catch {
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    private func add(_ change: Change?, at version: String?) {
        guard let change else { return }
        guard let number = version.flatMap(UInt64.init) else { return note("\(version ?? "no version")") }
        changes.withLock { $0.append((number, change)) }
        if case .run(let run) = change { newest.withLock { $0[run.name] = run } }
    }

    private func note(_ mistake: String) { mistakes.withLock { $0.append(mistake) } }

    /// The newest version of each run, by name.
    func runs() -> [String: Run] { newest.withLock { $0 } }

    /// Names of the runs that waited for capacity.
    func waiting() -> Set<String> {
        changes.withLock { changes in
            var names: Set<String> = []
            for case (_, .run(let run)) in changes where run.reason == "WaitingForCapacity" {
                names.insert(run.name)
            }
            return names
        }
    }

    // MARK: Judgement

    /// Violations of what must never be, in words: more GPUs given than there are, a run that was let in twice, a pod that
    /// was made twice.
    ///
    /// - Parameter pods: Pods with GPUs that each run has to have had, by its name.
    func problems(capacity: Int64, pods expected: [String: Int]) -> [String] {
        var ledger = Ledger()
        var before: Int64 = 0
        var problems = mistakes.withLock { $0.map { "the history is not whole: \($0)" } }
        let ordered = changes.withLock { $0.sorted { $0.version < $1.version } }
        for (version, change) in ordered {
            switch change {
            case .run(let run): ledger.note(run)
            case .pod(let pod): ledger.note(pod)
            }
            let held = ledger.held
            if held > capacity, held > before {
                problems.append("at \(version), by \(change), \(held) GPUs are held: \(ledger)")
            }
            before = held
        }
        for run in ledger.runs.values.sorted(by: { $0.name < $1.name }) {
            let admissions = ledger.admissions[run.uid] ?? []
            if admissions.count != 1 {
                problems.append("\(run.name) was let in \(admissions.count) times: \(admissions)")
            }
            if let admission = run.admission { problems.append("\(run.name) still has \(admission)") }
            let made = ledger.pods[run.uid]?.count ?? 0
            if made != expected[run.name] {
                problems.append("\(run.name) had \(made) pods: \(ledger.pods[run.uid] ?? [:])")
            }
        }
        return problems
    }

    /// Who holds what at one moment.
    private struct Ledger: CustomStringConvertible {
        var runs: [String: Run] = [:]
        /// All admissions of a run, what is wanted back left out, by its UID.
        var admissions: [String: Set<Admission>] = [:]
        /// All pods of a run, by the run's and their own UID.
        var pods: [String: [String: GPUPod]] = [:]

        mutating func note(_ run: Run) {
            runs[run.uid] = run
            if let admission = run.admission { admissions[run.uid, default: []].insert(admission) }
        }

        mutating func note(_ pod: GPUPod) { pods[pod.owner, default: [:]][pod.uid] = pod }

        /// GPUs of pods that have not ended, and of pods that an admission has still to create.
        var held: Int64 {
            Set(runs.keys).union(pods.keys).reduce(into: 0) { $0 += held(by: $1) }
        }

        private func held(by uid: String) -> Int64 {
            let pods = pods[uid] ?? [:]
            let running = pods.values.reduce(into: Int64(0)) { $0 += $1.isOver ? 0 : $1.gpus }
            guard let admission = runs[uid]?.admission, admission.pods > 0 else { return running }
            let missing = Int64(max(0, admission.pods - pods.count))
            return running + missing * (admission.gpus / Int64(admission.pods))
        }

        var description: String {
            let holders = runs.values.filter { held(by: $0.uid) > 0 }.sorted { $0.name < $1.name }
            return holders.map { run in
                let running = (pods[run.uid] ?? [:]).values.filter { !$0.isOver }.map(\.name).sorted()
                return "\(run.name) (\(run.phase), let in with \(run.admission?.pods ?? 0)) holds "
                    + "\(held(by: run.uid)), \(pods[run.uid]?.count ?? 0) made, \(running)"
            }
            .joined(separator: ", ")
        }
    }
}
