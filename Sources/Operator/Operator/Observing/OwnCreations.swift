import Planning
import Synchronization

/// UIDs of the objects that this process created, by the run that they are for. A status takes over those of an
/// attempt once all of it was seen; until then only this memory tells a run's own object from one that somebody
/// else made in its name. After a crash in between, the seals do.
final class OwnCreations: Sendable {
    /// Seals of what this process creates.
    let seals: Seals = {
        var random = SystemRandomNumberGenerator()
        return Seals(secret: (0..<4).map { _ in String(random.next() as UInt64, radix: 16) }.joined())
    }()
    private let uids = Mutex<[String: Set<String>]>([:])

    func note(_ uid: String?, of run: String?) {
        guard let uid, let run else { return }
        uids.withLock { _ = $0[run, default: []].insert(uid) }
    }

    func of(_ run: String?) -> Set<String> {
        guard let run else { return [] }
        return uids.withLock { $0[run] ?? [] }
    }

    /// Forgets a run that makes nothing any more.
    func forget(_ run: String?) {
        guard let run else { return }
        uids.withLock { $0[run] = nil }
    }
}
