import KubernetesAPI
import Synchronization

/// The specs that were found valid lately. Schedules and queues make many runs of one spec, and to judge a
/// spec costs more than all the rest of a run's first pass.
final class ValidSpecs<Spec: Hashable & Sendable>: Sendable {
    private static var limit: Int { 32 }

    private let known = Mutex<Set<Spec>>([])

    /// Errors that `judge` finds in the spec; it is not asked about one that it found valid.
    func errors(of spec: Spec, judge: () -> [FieldError]) -> [FieldError] {
        if known.withLock({ $0.contains(spec) }) { return [] }
        let errors = judge()
        guard errors.isEmpty else { return errors }
        known.withLock { known in
            if known.count >= Self.limit { known.removeAll() }
            known.insert(spec)
        }
        return []
    }
}
