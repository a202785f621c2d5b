import CCurl

/// Drives the transfers of one multi handle, on the thread that calls `run`.
struct TransferDriver: ~Copyable {
    /// How long to sleep when nothing is due, in milliseconds.
    private static let longestSleep: Int32 = 60_000

    private let multi: MultiHandle
    private var transfers: [UnsafeMutableRawPointer: Transfer] = [:]
    /// No transfer has been idle for too long before then; nil while none may become so.
    private var nextIdleDeadline: ContinuousClock.Instant?

    init(multi: MultiHandle) { self.multi = multi }

    /// Returns when the inbox is closed, all transfers having ended.
    mutating func run(inbox: () -> EventLoop.Inbox) {
        while true {
            let received = inbox()
            for command in received.commands { take(command) }
            guard received.isOpen else { return endAll() }
            multi.perform()
            while let (easy, result) = multi.nextDone() { end(easy) { $0.finish(result) } }
            expireIdle(now: .now)
            multi.poll(milliseconds: sleepMilliseconds(now: .now))
        }
    }

    private mutating func take(_ command: EventLoop.Command) {
        switch command {
        case .start(let transfer): start(transfer)
        case .cancel(let transfer):
            if let easy = transfer.easy { end(easy) { $0.finish(.cancelled) } }
        case .resume(let transfer):
            guard let easy = transfer.easy, transfers[easy] != nil else { return }
            transfer.resume()
            noteIdleDeadline(of: transfer)
        }
    }

    private mutating func start(_ transfer: Transfer) {
        guard !transfer.isCancelled else { return transfer.finish(.cancelled) }
        do throws(TransportError) {
            let easy = try transfer.prepare()
            try multi.add(easy)
            transfers[easy] = transfer
            noteIdleDeadline(of: transfer)
        } catch {
            transfer.finish(error)
        }
    }

    private mutating func end(_ easy: UnsafeMutableRawPointer, _ finish: (Transfer) -> Void) {
        guard let transfer = transfers.removeValue(forKey: easy) else { return }
        finish(transfer)
        multi.remove(easy)
        transfer.release()
    }

    private mutating func endAll() {
        for easy in Array(transfers.keys) { end(easy) { $0.finish(.shutDown) } }
    }

    private mutating func noteIdleDeadline(of transfer: Transfer) {
        guard let deadline = transfer.idleDeadline else { return }
        nextIdleDeadline = min(nextIdleDeadline ?? deadline, deadline)
    }

    /// Ends what has been idle for too long. Transfers are looked through only when one may be: bytes
    /// move a deadline away, never nearer.
    private mutating func expireIdle(now: ContinuousClock.Instant) {
        guard let due = nextIdleDeadline, due <= now else { return }
        nextIdleDeadline = nil
        for (easy, transfer) in transfers {
            guard let deadline = transfer.idleDeadline else { continue }
            if deadline <= now {
                let limit = transfer.request.idleTimeout ?? .zero
                let error = TransportError(
                    code: .idleTimeout, message: "no byte passed for \(limit)", isRetryable: true)
                end(easy) { $0.finish(error) }
            } else {
                noteIdleDeadline(of: transfer)
            }
        }
    }

    private func sleepMilliseconds(now: ContinuousClock.Instant) -> Int32 {
        guard let due = nextIdleDeadline else { return Self.longestSleep }
        let wait = now.duration(to: due)
        return wait <= .zero ? 0 : min(Self.longestSleep, Int32(clamping: wait.wholeMilliseconds))
    }
}
