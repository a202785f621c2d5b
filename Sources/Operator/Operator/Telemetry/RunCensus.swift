import ControllerRuntime
import KubernetesAPI
import Synchronization
import Telemetry

/// Count of the runs in the caches, kept as they change, so that a scrape looks through nothing.
final class RunCensus: Sendable {
    private struct Entry: Hashable {
        var kind: String
        var phase: String
    }

    private struct State {
        var counts: [Entry: Int] = [:]
        var collectors: [@Sendable () -> [MetricSample]] = []
    }

    private let state = Mutex(State())

    /// Counts the runs of a kind by phase. Must be called before the informers start.
    func count<Run: KubernetesResource>(_ informer: Informer<Run>, phase: @escaping @Sendable (Run) -> String)
    {
        informer.addHandler { [self] change in
            func entry(_ run: Run) -> Entry { Entry(kind: Run.resourceType.kind, phase: phase(run)) }
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
    }

    /// Adds figures that a kind gathers itself.
    func add(_ collector: @escaping @Sendable () -> [MetricSample]) {
        state.withLock { $0.collectors.append(collector) }
    }

    @Sendable func collect() -> [MetricSample] {
        let (counts, collectors) = state.withLock { ($0.counts, $0.collectors) }
        let samples = counts.map { entry, count in
            MetricSample(
                MetricCatalogue.runs, [MetricLabel("kind", entry.kind), MetricLabel("phase", entry.phase)],
                value: Double(count))
        }
        return samples + collectors.flatMap { $0() }
    }
}
