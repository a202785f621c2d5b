import Testing

@testable import HTTPTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(1)))
struct SocketSetTests {
    private func ready(of sockets: SocketSet, within milliseconds: Int32) -> [(Int32, SocketSet.Events)] {
        var ready: [(socket: Int32, events: SocketSet.Events)] = []
        sockets.wait(milliseconds: milliseconds, ready: &ready)
        return ready.map { ($0.socket, $0.events) }
    }

    private func pair() throws -> (near: Int32, far: Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        return (ends[0], ends[1])
    }

    @Test func `a wait ends when somebody wakes it`() throws {
        let sockets = try #require(SocketSet())
        // More bytes than the pipe holds: no call may block, and together they end one wait.
        for _ in 0..<100_000 { sockets.wake() }
        #expect(ready(of: sockets, within: 60_000).isEmpty)
        let started = ContinuousClock.now
        #expect(ready(of: sockets, within: 50).isEmpty)
        #expect(started.duration(to: .now) >= .milliseconds(50))
    }

    @Test func `a socket is reported for the events that it is watched for`() throws {
        let sockets = try #require(SocketSet())
        let (near, far) = try pair()
        defer { close(near) }
        sockets.watch(near, for: .readable)
        #expect(ready(of: sockets, within: 0).isEmpty)
        sockets.watch(near, for: [.readable, .writable])
        #expect(ready(of: sockets, within: 60_000).map(\.1) == [.writable])
        sockets.watch(near, for: .readable)
        close(far)
        let (socket, events) = try #require(ready(of: sockets, within: 60_000).first)
        #expect(socket == near && events.contains(.readable) && !events.isDisjoint(with: .failed))
        sockets.forget(near)
        #expect(ready(of: sockets, within: 0).isEmpty)
    }
}
