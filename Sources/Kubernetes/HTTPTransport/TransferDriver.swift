import CCurl

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Bytes that came since `takeBytes` was last called. Belongs to the loop's thread.
final class Traffic {
    private var bytes = 0

    func add(_ count: Int) { bytes &+= count }

    func takeBytes() -> Int {
        defer { bytes = 0 }
        return bytes
    }
}

/// Drives the transfers of one multi handle, on the thread that calls `run`.
struct TransferDriver: ~Copyable {
    /// Milliseconds to sleep when nothing is due.
    private static let longestSleep: Int32 = 60_000
    /// Bytes in one turn from which on they are no trickle of small messages.
    private static let trickle = 16 << 10

    private let multi: MultiHandle
    private let sharesConnections: Bool
    /// Microseconds during which small messages gather.
    private let gathering: UInt32
    private let traffic = Traffic()
    private var handles = EasyHandles()
    private var transfers: [EasyHandle: Transfer] = [:]
    /// Instant before which no transfer has been idle for too long; nil if none may become so.
    private var nextIdleDeadline: ContinuousClock.Instant?

    init(multi: MultiHandle, sharesConnections: Bool, gathering: Duration) {
        self.multi = multi
        self.sharesConnections = sharesConnections
        let microseconds = min(max(.zero, gathering), .seconds(1)) / .microseconds(1)
        self.gathering = UInt32(microseconds)
    }

    /// Drives the transfers until the inbox is closed, and then ends them all.
    mutating func run(inbox: () -> EventLoop.Inbox) {
        var isReady = false
        while true {
            let received = inbox()
            for command in received.commands { take(command) }
            guard received.isOpen else { return endAll() }
            multi.perform()
            while let (easy, result) = multi.nextDone() { end(easy) { $0.finish(result) } }
            expireIdle(now: .now)
            if isReady { gather() }
            isReady = multi.wait(milliseconds: sleepMilliseconds(now: .now))
        }
    }

    /// Waits a little, so that the next small messages come together. Each turn costs a few system calls and
    /// a look at all transfers of the connection, so that one message a turn is dear.
    private func gather() {
        guard gathering > 0, traffic.takeBytes() < Self.trickle else { return }
        usleep(gathering)
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
            let easy = try handles.take()
            transfers[easy] = transfer
            do throws(TransportError) {
                try transfer.prepare(easy, sharingConnection: sharesConnections, counting: traffic)
                try multi.add(easy)
                noteIdleDeadline(of: transfer)
            } catch {
                end(easy) { $0.finish(error) }
            }
        } catch {
            transfer.finish(error)
        }
    }

    private mutating func end(_ easy: EasyHandle, _ finish: (Transfer) -> Void) {
        guard let transfer = transfers.removeValue(forKey: easy) else { return }
        finish(transfer)
        multi.remove(easy)
        transfer.release()
        handles.give(easy)
    }

    private mutating func endAll() {
        for easy in Array(transfers.keys) { end(easy) { $0.finish(.shutDown) } }
    }

    private mutating func noteIdleDeadline(of transfer: Transfer) {
        guard let deadline = transfer.idleDeadline else { return }
        nextIdleDeadline = min(nextIdleDeadline ?? deadline, deadline)
    }

    /// Ends transfers that have been idle for too long. It looks at them only when one may be due: bytes move
    /// a deadline away, never nearer.
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
