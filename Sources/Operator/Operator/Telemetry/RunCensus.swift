import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Synchronization
import Telemetry

/// Counts the runs in the caches as they change, so that a scrape looks through nothing.
final class RunCensus: Sendable {
    private struct Entry: Hashable {
        var kind: String
        var phase: String
    }

    /// Since when a run in Training has had no newer checkpoint, as far as this process has seen.
    private struct Standstill {
        var step: Int64?
        var since: ContinuousClock.Instant
    }

    private struct State {
        var counts: [Entry: Int] = [:]
        var standstills: [ObjectKey: Standstill] = [:]
    }

    private let state = Mutex(State())

    /// Must be called before the informers start.
    func follow(_ caches: ClusterCaches) {
        caches.trainingJobs.addHandler { [self] change in
            count(change, phases: TrainingJobPhase.pending.rawValue)
            noteCheckpoint(of: change)
        }
        caches.evalRuns.addHandler { [self] change in count(change, phases: EvalRunPhase.pending.rawValue) }
    }

    @Sendable func collect() -> [MetricSample] {
        let (counts, oldest) = state.withLock { ($0.counts, $0.standstills.values.map(\.since).min()) }
        var samples = counts.map { entry, count in
            MetricSample(
                MetricCatalogue.runs, [MetricLabel("kind", entry.kind), MetricLabel("phase", entry.phase)],
                value: Double(count))
        }
        let age = oldest.map { Double($0.duration(to: .now).components.seconds) } ?? 0
        samples.append(MetricSample(MetricCatalogue.checkpointAge, value: age))
        return samples
    }

    private func count<Run: StatefulRun>(_ change: StoreChange<Run>, phases initial: String) {
        func entry(_ run: Run) -> Entry {
            Entry(kind: Run.resourceType.kind, phase: run.status?.phaseName ?? initial)
        }
        state.withLock { state in
            switch change {
            case .added(let run): state.counts[entry(run), default: 0] += 1
            case .updated(let old, let new):
                state.counts[entry(old), default: 0] -= 1
                state.counts[entry(new), default: 0] += 1
            case .deleted(let run): state.counts[entry(run), default: 0] -= 1
            }
        }
    }

    private func noteCheckpoint(of change: StoreChange<TrainingJob>) {
        let job = change.object
        state.withLock { state in
            if case .deleted = change { return state.standstills[job.key] = nil }
            guard job.status?.phase == .training else { return state.standstills[job.key] = nil }
            let step = job.status?.checkpoint?.step
            if let known = state.standstills[job.key], known.step == step { return }
            state.standstills[job.key] = Standstill(step: step, since: .now)
        }
    }
}
