import Collections
import SeededRandomness

/// The decisions of a work queue, as a value: the next key, and the time until it is due. Instants are
/// durations since some start.
struct WorkQueueState<Key: Hashable & Sendable>: Sendable {
    enum Next: Equatable, Sendable {
        case key(Key)
        /// Nothing is due before `until`; nil: nothing waits.
        case wait(until: Duration?)
        case shutDown
    }

    private struct Entry: Comparable, Sendable {
        var due: Duration
        /// Number of the addition: keys that are due together come in the order in which they were added.
        var order: UInt64
        var key: Key

        static func < (lhs: Entry, rhs: Entry) -> Bool { (lhs.due, lhs.order) < (rhs.due, rhs.order) }
        static func == (lhs: Entry, rhs: Entry) -> Bool { lhs.order == rhs.order }
    }

    /// The valid entry of each key. The heap may hold older ones, which are skipped.
    private var queued: [Key: Entry] = [:]
    private var heap = Heap<Entry>()
    private var running: Set<Key> = []
    /// Instants at which keys that run now are due again.
    private var again: [Key: Duration] = [:]
    private var failures: [Key: Int] = [:]
    private var order: UInt64 = 0
    private var isShutDown = false
    private let backoff: JitteredBackoff
    private var random: SeededGenerator

    init(backoff: JitteredBackoff, random: SeededGenerator) {
        self.backoff = backoff
        self.random = random
    }

    /// Keys that wait, due or not.
    var count: Int { queued.count + again.count }
    var runningCount: Int { running.count }

    /// Keys that are due and wait for a worker.
    func dueCount(now: Duration) -> Int {
        queued.values.count { $0.due <= now } + again.values.count { $0 <= now }
    }

    /// Entries held, outdated ones included.
    var heapCount: Int { heap.count }

    /// Makes the key due at `due`, or earlier if it is due earlier already. False if that changes nothing.
    @discardableResult
    mutating func add(_ key: Key, due: Duration) -> Bool {
        guard !isShutDown else { return false }
        if running.contains(key) {
            if let earlier = again[key], earlier <= due { return false }
            again[key] = due
            return true
        }
        if let entry = queued[key], entry.due <= due { return false }
        order &+= 1
        let entry = Entry(due: due, order: order, key: key)
        queued[key] = entry
        heap.insert(entry)
        dropOutdated()
        return true
    }

    /// Counts a failure of the key and returns the wait after it, `maximum` at most.
    mutating func noteFailure(_ key: Key, atMost maximum: Duration? = nil) -> Duration {
        let count = min(failures[key, default: 0] + 1, 1 << 20)
        failures[key] = count
        var backoff = backoff
        if let maximum { backoff.maximum = min(backoff.maximum, maximum) }
        return backoff.delay(failures: count, using: &random)
    }

    func failures(of key: Key) -> Int { failures[key] ?? 0 }

    mutating func forget(_ key: Key) { failures[key] = nil }

    /// Takes the next key that is due; it does not run again before `done`.
    mutating func next(now: Duration) -> Next {
        guard !isShutDown else { return .shutDown }
        while let first = heap.min {
            guard queued[first.key]?.order == first.order else {
                heap.removeMin()
                continue
            }
            guard first.due <= now else { return .wait(until: first.due) }
            heap.removeMin()
            queued[first.key] = nil
            running.insert(first.key)
            return .key(first.key)
        }
        return .wait(until: nil)
    }

    /// Ends the run of a key. True if it waits to run again.
    mutating func done(_ key: Key) -> Bool {
        guard running.remove(key) != nil, let due = again.removeValue(forKey: key) else { return false }
        return add(key, due: due)
    }

    mutating func shutDown() {
        isShutDown = true
        queued = [:]
        again = [:]
        heap = Heap()
    }

    /// Keeps the heap's outdated entries fewer than the valid ones.
    private mutating func dropOutdated() {
        guard heap.count > 64, heap.count > 2 * queued.count else { return }
        heap = Heap(queued.values)
    }
}
