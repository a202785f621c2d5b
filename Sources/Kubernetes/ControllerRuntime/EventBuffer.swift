import Collections
import Synchronization

/// Records that wait to be written; the oldest make room for newer ones. One task at a time may take them.
final class EventBuffer: Sendable {
    private struct State {
        var records = Deque<EventRecord>()
        var dropped = 0
        var isFinished = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let size: Int
    private let state = Mutex(State())

    init(size: Int) { self.size = max(1, size) }

    var droppedCount: Int { state.withLock { $0.dropped } }

    func append(_ record: EventRecord) {
        change { state in
            guard !state.isFinished else { return state.dropped &+= 1 }
            if state.records.count >= size {
                _ = state.records.popFirst()
                state.dropped &+= 1
            }
            state.records.append(record)
        }
    }

    func noteDropped() { state.withLock { $0.dropped &+= 1 } }

    /// Makes `next` answer nil once the waiting records are taken.
    func finish() { change { $0.isFinished = true } }

    /// Takes back `finish`.
    func reopen() { change { $0.isFinished = false } }

    /// The oldest record, when there is one; nil after `finish`, or when the task is cancelled.
    func next() async -> EventRecord? {
        while !Task.isCancelled {
            let (record, isFinished) = state.withLock { ($0.records.popFirst(), $0.isFinished) }
            if record != nil || isFinished { return record }
            await waitForChange()
        }
        return nil
    }

    private func change(_ body: (inout State) -> Void) {
        let waiting = state.withLock { state in
            body(&state)
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume()
    }

    private func waitForChange() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustNotWait = state.withLock { state in
                    guard state.records.isEmpty, !state.isFinished, !Task.isCancelled else { return true }
                    state.waiting = continuation
                    return false
                }
                if mustNotWait { continuation.resume() }
            }
        } onCancel: {
            change { _ in }
        }
    }
}
