import Synchronization

/// A transfer that is made once its continuation exists, and that may be cancelled before.
final class Pending: Sendable {
    private enum State {
        case waiting
        case begun(Transfer)
        case cancelled
    }

    private let state = Mutex(State.waiting)

    func begin(_ transfer: Transfer, on loop: EventLoop) {
        let isCancelled = state.withLock { state in
            if case .cancelled = state { return true }
            state = .begun(transfer)
            return false
        }
        if isCancelled { transfer.markCancelled() }
        loop.start(transfer)
    }

    func cancel(on loop: EventLoop) {
        let transfer = state.withLock { state -> Transfer? in
            if case .begun(let transfer) = state { return transfer }
            state = .cancelled
            return nil
        }
        if let transfer { loop.cancel(transfer) }
    }
}
