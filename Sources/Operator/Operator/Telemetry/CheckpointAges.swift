import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import Synchronization
import Telemetry

/// Times for which runs in Training have had no newer checkpoint, as far as this process has seen.
final class CheckpointAges: Sendable {
    private struct Standstill {
        var step: Int64?
        var since: ContinuousClock.Instant
    }

    private let standstills = Mutex<[ObjectKey: Standstill]>([:])

    /// Follows the runs from now on, and answers with the longest time.
    @Sendable static func follow(_ jobs: Informer<TrainingJob>) -> @Sendable () -> [MetricSample] {
        let ages = CheckpointAges()
        jobs.addHandler { change in ages.note(change) }
        return { [ages.sample] }
    }

    private var sample: MetricSample {
        let oldest = standstills.withLock { $0.values.map(\.since).min() }
        let age = oldest.map { Double($0.duration(to: .now).components.seconds) } ?? 0
        return MetricSample(MetricCatalogue.checkpointAge, value: age)
    }

    private func note(_ change: StoreChange<TrainingJob>) {
        let job = change.object
        standstills.withLock { standstills in
            if case .deleted = change { return standstills[job.key] = nil }
            guard job.status?.phase == .training else { return standstills[job.key] = nil }
            let step = job.status?.checkpoint?.step
            if let known = standstills[job.key], known.step == step { return }
            standstills[job.key] = Standstill(step: step, since: .now)
        }
    }
}
