import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Synchronization

/// Kubelets' events on pods that a node took and that do not start, read on demand: nothing watches the events of
/// the whole cluster. A pass asks and goes on with what is known; what was read wakes the run.
final class StartEvents: Sendable {
    /// A pod whose events are to be read.
    struct Wish: Hashable, Sendable {
        var pod: ObjectKey
        var uid: String
    }

    private struct Entry {
        var event: StartEvent?
        var readAt: Timestamp?
        var askedAt: Timestamp
    }

    /// Pods that are kept in memory, at most.
    private static var limit: Int { 1024 }
    /// Seconds after which a pod that nobody asks about is forgotten.
    private static var memory: Int64 { 600 }
    /// Events of one pod that are read, at most.
    private static var events: Int { 100 }

    /// Pods that wait to be read.
    let queue = WorkQueue<Wish>()
    private let known = Mutex<[String: Entry]>([:])

    /// What is known of the pods' start, by UID. Those that do not start, and were not read for a while, are read.
    func of(_ pods: [Pod], _ now: Timestamp, _ settings: PlannerSettings) -> [String: StartEvent] {
        var found: [String: StartEvent] = [:]
        for pod in pods {
            guard let uid = pod.metadata.uid, pod.waitsToStart, let held = pod.secondsHeld(now),
                held >= settings.startEventSeconds
            else { continue }
            // The longer it lasts, the more seldom.
            let interval = min(max(settings.startEventSeconds, held / 4), 6 * settings.startEventSeconds)
            let (event, isDue) = known.withLock { known in
                Self.makeRoom(in: &known, now)
                var entry = known[uid] ?? Entry(askedAt: now)
                entry.askedAt = now
                known[uid] = entry
                return (entry.event, entry.readAt.map { now.seconds(since: $0) >= interval } ?? true)
            }
            if isDue { queue.add(Wish(pod: pod.key, uid: uid)) }
            found[uid] = event
        }
        return found
    }

    /// Reads a pod's events; true if they say something else than before. A read that fails says what was said before,
    /// and is made again when somebody asks after a while.
    func read(_ wish: Wish, by client: KubernetesClient, _ now: Timestamp, logger: Logger) async -> Bool {
        let options = ListOptions(fieldSelector: "regarding.uid=\(wish.uid)", limit: Self.events)
        var read: StartEvent??
        do {
            let list = try await client.listLeniently(
                Event.self, namespace: wish.pod.namespace, options: options)
            let events = list.items.compactMap { item -> Event? in
                if case .object(let event) = item { event } else { nil }
            }
            read = .some(StartEvent.telling(among: events, of: wish.uid))
        } catch {
            logger.warning(
                "events of a pod that does not start can't be read",
                metadata: ["pod": "\(wish.pod)", "error": "\(error)"])
        }
        return known.withLock { known in
            guard var entry = known[wish.uid] else { return false }
            let before = entry.event
            entry.readAt = now
            if let read { entry.event = read }
            known[wish.uid] = entry
            return entry.event != before
        }
    }

    /// Forgets pods that nobody asks about any more; all of them, should there be too many.
    private static func makeRoom(in known: inout [String: Entry], _ now: Timestamp) {
        guard known.count >= limit / 8 else { return }
        known = known.filter { now.seconds(since: $0.value.askedAt) < memory }
        if known.count >= limit { known.removeAll() }
    }
}
