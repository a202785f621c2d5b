import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Planning
import Synchronization

/// Events on pods that a node took and that do not start, and on Jobs that have no pod, read on demand: nothing watches
/// the events of the whole cluster. A pass asks and goes on with what is known; what was read wakes the run.
final class StartEvents: Sendable {
    /// A pod or a Job whose events are to be read.
    struct Wish: Hashable, Sendable {
        var key: ObjectKey
        var uid: String
    }

    private struct Entry {
        var event: StartEvent?
        var readAt: Timestamp?
        var askedAt: Timestamp
    }

    /// Objects that are kept in memory, at most.
    private static var limit: Int { 1024 }
    /// Seconds after which an object that nobody asks about is forgotten.
    private static var memory: Int64 { 600 }
    /// Events of one object that are read, at most.
    private static var events: Int { 100 }

    /// Objects that wait to be read.
    let queue = WorkQueue<Wish>()
    private let known = Mutex<[String: Entry]>([:])

    /// What is known of the start of pods and Jobs, by UID. Those that do not start, and were not read for a while, are
    /// read.
    func of(_ pods: [Pod], jobs: [Job] = [], _ now: Timestamp, _ settings: PlannerSettings)
        -> [String: StartEvent]
    {
        var found: [String: StartEvent] = [:]
        for pod in pods where pod.waitsToStart {
            guard let uid = pod.metadata.uid, let held = pod.secondsHeld(now) else { continue }
            found[uid] = event(Wish(key: pod.key, uid: uid), waited: held, now, settings)
        }
        let owners = Set(pods.compactMap { $0.metadata.controller?.uid })
        for job in jobs where job.waitsForPods {
            guard let uid = job.metadata.uid, !owners.contains(uid),
                let start = job.metadata.creationTimestamp
            else { continue }
            found[uid] = event(
                Wish(key: job.key, uid: uid), waited: max(0, now.seconds(since: start)), now, settings)
        }
        return found
    }

    private func event(_ wish: Wish, waited: Int64, _ now: Timestamp, _ settings: PlannerSettings)
        -> StartEvent?
    {
        guard waited >= settings.startEventSeconds else { return nil }
        // The longer it lasts, the more seldom.
        let interval = min(max(settings.startEventSeconds, waited / 4), 6 * settings.startEventSeconds)
        let (event, isDue) = known.withLock { known in
            Self.makeRoom(in: &known, now)
            var entry = known[wish.uid] ?? Entry(askedAt: now)
            entry.askedAt = now
            known[wish.uid] = entry
            return (entry.event, entry.readAt.map { now.seconds(since: $0) >= interval } ?? true)
        }
        if isDue { queue.add(wish) }
        return event
    }

    /// Reads an object's events; true if they say something else than before. A read that fails says what was said before,
    /// and is made again when somebody asks after a while.
    func read(_ wish: Wish, by client: KubernetesClient, _ now: Timestamp, logger: Logger) async -> Bool {
        let options = ListOptions(fieldSelector: "regarding.uid=\(wish.uid)", limit: Self.events)
        var read: StartEvent??
        do {
            let list = try await client.listLeniently(
                Event.self, namespace: wish.key.namespace, options: options)
            let events = list.items.compactMap { item -> Event? in
                if case .object(let event) = item { event } else { nil }
            }
            read = .some(StartEvent.telling(among: events, of: wish.uid))
        } catch {
            logger.warning(
                "events of an object that does not start can't be read",
                metadata: ["object": "\(wish.key)", "error": "\(error)"])
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

    /// Forgets objects that nobody asks about any more; all of them, should there be too many.
    private static func makeRoom(in known: inout [String: Entry], _ now: Timestamp) {
        guard known.count >= limit / 8 else { return }
        known = known.filter { now.seconds(since: $0.value.askedAt) < memory }
        if known.count >= limit { known.removeAll() }
    }
}
