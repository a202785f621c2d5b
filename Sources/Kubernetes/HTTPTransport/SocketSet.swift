import CCurl

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Sockets with the events that are awaited of each, and a pipe that ends the waiting from any thread.
final class SocketSet: @unchecked Sendable {
    struct Events: OptionSet {
        let rawValue: Int16
        static let readable = Events(rawValue: Int16(POLLIN))
        static let writable = Events(rawValue: Int16(POLLOUT))
        /// The socket is broken, or closed by its peer.
        static let failed = Events(rawValue: Int16(POLLERR | POLLHUP | POLLNVAL))
    }

    // The first entry is the pipe's. All but `wakeEnd` belongs to the waiting thread.
    private var entries: [pollfd]
    private let readEnd: Int32
    private let wakeEnd: Int32

    /// Nil if the process can open no more descriptors.
    init?() {
        var (reading, writing): (Int32, Int32) = (-1, -1)
        guard ccurl_open_pipe(&reading, &writing) else { return nil }
        readEnd = reading
        wakeEnd = writing
        entries = [pollfd(fd: reading, events: Events.readable.rawValue, revents: 0)]
    }

    deinit {
        close(readEnd)
        close(wakeEnd)
    }

    func watch(_ socket: Int32, for events: Events) {
        if let index = entries.firstIndex(where: { $0.fd == socket }) {
            entries[index].events = events.rawValue
        } else {
            entries.append(pollfd(fd: socket, events: events.rawValue, revents: 0))
        }
    }

    func forget(_ socket: Int32) { entries.removeAll { $0.fd == socket } }

    /// Sleeps until a socket is ready, `wake` is called or the time is over. Appends the ready ones to
    /// `ready`.
    func wait(milliseconds: Int32, ready: inout [(socket: Int32, events: Events)]) {
        guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return }
        for (index, entry) in entries.enumerated() where entry.revents != 0 {
            if index == 0 { drain() } else { ready.append((entry.fd, Events(rawValue: entry.revents))) }
        }
    }

    /// Ends the waiting. May be called from any thread; a full pipe wakes, too.
    func wake() {
        var byte: UInt8 = 0
        _ = write(wakeEnd, &byte, 1)
    }

    private func drain() {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            while read(readEnd, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }
}
