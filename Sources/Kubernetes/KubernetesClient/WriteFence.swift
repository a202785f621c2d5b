import HTTPTransport
import Synchronization

/// The window of time in which a process may write as the leader, by a clock that goes on while the process
/// is stopped or the machine sleeps.
///
/// A process that was stopped cannot know that its lease is over before it asks. So each request that changes
/// something carries the limit, and the thread that sends it checks the clock last of all.
public final class WriteFence: Sendable {
    public struct Window: Hashable, Sendable {
        /// Instant from which on no write is begun.
        public var sendBefore: ContinuousClock.Instant
        /// Instant at which writes under way are given up.
        public var finishBefore: ContinuousClock.Instant

        public init(sendBefore: ContinuousClock.Instant, finishBefore: ContinuousClock.Instant) {
            self.sendBefore = sendBefore
            self.finishBefore = max(sendBefore, finishBefore)
        }
    }

    private let state: Mutex<Window?>

    /// Makes a closed fence.
    public init() { state = Mutex(nil) }

    /// Lets writes pass in a window, which replaces the one before.
    public func open(_ window: Window) { state.withLock { $0 = window } }

    /// Closes the fence. Requests that were sent go on to their end.
    public func close() { state.withLock { $0 = nil } }

    /// Whether a write may be begun now.
    public var isOpen: Bool {
        guard let window = state.withLock({ $0 }) else { return false }
        return window.sendBefore > .now
    }

    /// Gives a request the limits of the window.
    ///
    /// - Throws: `.deadlinePassed` if the fence is closed.
    func limit(_ request: inout HTTPRequest) throws(TransportError) {
        guard let window = state.withLock({ $0 }), window.sendBefore > .now else { throw .notLeading }
        request.sendBefore = window.sendBefore
        let left = ContinuousClock.now.duration(to: window.finishBefore)
        request.timeout = min(request.timeout ?? left, left)
    }
}

extension TransportError {
    static let notLeading = TransportError(
        code: .deadlinePassed, message: "this process does not hold the lease, so nothing was sent",
        isRetryable: true)
}
