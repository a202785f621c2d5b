import Synchronization

/// The thread on which all of libcurl runs. Other threads leave commands and wake it.
final class EventLoop: Sendable {
    enum Command {
        case start(Transfer)
        case cancel(Transfer)
        case resume(Transfer)
    }

    struct Inbox: Sendable {
        var commands: [Command] = []
        var isOpen: Bool
    }

    private let inbox: Mutex<Inbox>
    private let multi: MultiHandle?

    /// Starts the thread. If that fails, every transfer ends with `.shutDown`.
    init(
        maximumConnectionsPerHost: Int, idleConnections: Int, sharesConnections: Bool, gathering: Duration
    ) {
        multi = MultiHandle(
            maximumConnectionsPerHost: maximumConnectionsPerHost, idleConnections: idleConnections)
        inbox = Mutex(Inbox(isOpen: multi != nil))
        guard let multi else { return }
        let started = startThread(named: "anneal-http") {
            var driver = TransferDriver(
                multi: multi, sharesConnections: sharesConnections, gathering: gathering)
            driver.run { self.takeInbox() }
        }
        if !started { close() }
    }

    func start(_ transfer: Transfer) {
        if !post(.start(transfer)) { transfer.finish(.shutDown) }
    }

    /// Ends the transfer with `.cancelled`, whether it has begun or not, unless it has ended before.
    func cancel(_ transfer: Transfer) {
        transfer.markCancelled()
        _ = post(.cancel(transfer))
    }

    func resume(_ transfer: Transfer) { _ = post(.resume(transfer)) }

    /// Ends all transfers with `.shutDown`, and the thread.
    func close() {
        inbox.withLock { $0.isOpen = false }
        multi?.wake()
    }

    private func post(_ command: Command) -> Bool {
        let (isOpen, isFirst) = inbox.withLock { inbox in
            defer { if inbox.isOpen { inbox.commands.append(command) } }
            return (inbox.isOpen, inbox.commands.isEmpty)
        }
        // The thread is woken for the first command only: it then takes all that wait.
        if isOpen, isFirst { multi?.wake() }
        return isOpen
    }

    private func takeInbox() -> Inbox {
        inbox.withLock { inbox in
            let taken = inbox
            inbox.commands = []
            return taken
        }
    }
}
