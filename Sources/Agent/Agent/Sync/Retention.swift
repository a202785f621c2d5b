import AnnealAPI

/// Rule for the checkpoints that stay.
struct Retention: Equatable, Sendable {
    /// Number of the newest that stay, at least 1.
    let keepLast: Int
    let keepBest: Int

    init(keepLast: Int, keepBest: Int) {
        self.keepLast = max(1, keepLast)
        self.keepBest = max(0, keepBest)
    }

    /// A checkpoint as the rule sees it.
    struct Entry: Hashable, Sendable {
        var step: Int64
        var attempt: Int
        var evalLoss: Double?
    }

    /// The entries that may go: not among the `keepLast` newest, nor among the `keepBest` of the lowest
    /// `evalLoss`. Of equals the newer is the better; an entry without a loss is never among the best.
    func expendable(_ entries: [Entry]) -> Set<Entry> {
        let newest = entries.sorted { ($0.step, $0.attempt) > ($1.step, $1.attempt) }.prefix(keepLast)
        return Set(entries).subtracting(newest).subtracting(Self.best(entries).prefix(keepBest))
    }

    /// Entries with a loss, the best first.
    static func best(_ entries: [Entry]) -> [Entry] {
        entries.filter { $0.evalLoss != nil }.sorted {
            let (left, right) = ($0.evalLoss ?? .infinity, $1.evalLoss ?? .infinity)
            return left != right ? left < right : ($0.step, $0.attempt) > ($1.step, $1.attempt)
        }
    }
}
