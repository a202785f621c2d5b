import FoundationEssentials
import Synchronization
import TestSupport
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
struct HTTPStreamTests {
    @Test(arguments: [Duration.zero, .milliseconds(10)])
    func `the head comes before the body, and the bytes as they are sent`(gathering: Duration) async throws {
        let gate = Gate()
        let server = try ScriptedServer { connection, _ in
            connection.beginChunks()
            gate.wait()
            connection.sendChunk("one")
            gate.wait()
            connection.sendChunk("two")
            connection.endChunks()
        }
        let transport = HTTPTransport(configuration: .init(streamGathering: gathering))
        let stream = try await transport.stream(HTTPRequest(url: server.url))
        #expect(stream.head.status == 200)
        var iterator = stream.makeAsyncIterator()
        gate.open()
        #expect(try await iterator.next() == Data("one".utf8))
        gate.open()
        #expect(try await iterator.next() == Data("two".utf8))
        #expect(try await iterator.next() == nil)
        #expect(try await iterator.next() == nil)
    }

    @Test func `a gathered body comes whole`() async throws {
        let lines = (0..<500).map { "line \($0)\n" }
        let server = try ScriptedServer { connection, _ in
            connection.beginChunks()
            for line in lines { connection.sendChunk(line) }
            connection.endChunks()
        }
        let transport = HTTPTransport(configuration: .init(streamGathering: .milliseconds(5)))
        let stream = try await transport.stream(HTTPRequest(url: server.url))
        var received = Data()
        for try await piece in stream { received += piece }
        #expect(String(decoding: received, as: UTF8.self) == lines.joined())
    }

    @Test func `a reader that does not read holds the server back`() async throws {
        let sent = Mutex(0)
        let total = 64 << 20
        let server = try ScriptedServer { connection, _ in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let piece = [UInt8](repeating: 7, count: 1 << 16)
            while sent.withLock({ $0 }) < total, connection.send(piece) {
                sent.withLock { $0 += piece.count }
            }
        }
        let transport = HTTPTransport()
        let request = HTTPRequest(url: server.url, idleTimeout: .milliseconds(200))
        let stream = try await transport.stream(request)
        // The server stalls once the buffers on the way are full; a stream that is held back is not idle.
        var before = -1
        while before != sent.withLock({ $0 }) {
            before = sent.withLock { $0 }
            try await Task.sleep(for: .milliseconds(300))
        }
        #expect(before < total / 2)
        var received = 0
        for try await chunk in stream { received += chunk.count }
        #expect(received == total)
    }

    @Test func `a silent stream meets the idle timeout`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.beginChunks()
            connection.sendChunk("x")
            connection.waitForClose()
        }
        let transport = HTTPTransport()
        let stream = try await transport.stream(HTTPRequest(url: server.url, idleTimeout: .milliseconds(80)))
        var received = Data()
        let error = await #expect(throws: TransportError.self) {
            for try await chunk in stream { received += chunk }
        }
        #expect(error?.code == .idleTimeout)
        #expect(received == Data("x".utf8))
    }

    @Test func `dropping a stream ends its transfer`() async throws {
        let (ended, signal) = AsyncStream.makeStream(of: Void.self)
        let server = try ScriptedServer { connection, _ in
            connection.beginChunks()
            connection.waitForClose()
            signal.finish()
        }
        let transport = HTTPTransport()
        _ = try await transport.stream(HTTPRequest(url: server.url))
        for await _ in ended {}
    }

    @Test func `cancelling the reader ends the wait`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.beginChunks()
            connection.waitForClose()
        }
        let transport = HTTPTransport()
        let stream = try await transport.stream(HTTPRequest(url: server.url))
        let reader = Task { for try await _ in stream {} }
        reader.cancel()
        let result = await reader.result
        #expect(throws: TransportError.cancelled) {
            do { try result.get() } catch var error as TransportError {
                error.sentPossibly = false
                throw error
            }
        }
    }

    @Test func `a stream that breaks off delivers its bytes and then the error`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.beginChunks()
            connection.sendChunk("part")
            connection.hangUp()
        }
        let transport = HTTPTransport()
        let stream = try await transport.stream(HTTPRequest(url: server.url))
        var received = Data()
        let error = await #expect(throws: TransportError.self) {
            for try await chunk in stream { received += chunk }
        }
        #expect(error?.code == .connectionLost)
        #expect(received == Data("part".utf8))
    }

    @Test func `streams that never end do not hold up each other`() async throws {
        let server = try ScriptedServer { connection, request in
            guard request.path == "/stream" else { return connection.respond(200) }
            connection.beginChunks()
            connection.sendChunk("x")
            connection.waitForClose()
        }
        let transport = HTTPTransport()
        let url = server.url
        let streams = try await withThrowingTaskGroup(of: HTTPStream.self) { group in
            for _ in 0..<12 {
                group.addTask { try await transport.stream(HTTPRequest(url: "\(url)/stream")) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for stream in streams {
            var iterator = stream.makeAsyncIterator()
            #expect(try await iterator.next() == Data("x".utf8))
        }
        #expect(try await transport.send(HTTPRequest(url: url)).status == 200)
    }

    @Test func `many streams and requests share one thread`() async throws {
        let server = try ScriptedServer { connection, request in
            guard request.path == "/stream" else { return connection.respond(200, request.target) }
            connection.beginChunks()
            for index in 0..<50 { connection.sendChunk("\(index),") }
            connection.endChunks()
        }
        let transport = HTTPTransport()
        let url = server.url
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<40 {
                group.addTask {
                    if index.isMultiple(of: 2) {
                        let response = try await transport.send(HTTPRequest(url: "\(url)/\(index)"))
                        #expect(response.body == Data("/\(index)".utf8))
                    } else {
                        let stream = try await transport.stream(HTTPRequest(url: "\(url)/stream"))
                        let body = try await stream.remainder(limit: 1 << 20)
                        #expect(body == Data((0..<50).map { "\($0)," }.joined().utf8))
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

/// Makes a server's thread wait for its test.
final class Gate: Sendable {
    private let opened = Mutex(0)
    private let passed = Mutex(0)

    func open() { opened.withLock { $0 += 1 } }

    func wait() {
        let turn = passed.withLock { passed in
            passed += 1
            return passed
        }
        while opened.withLock({ $0 }) < turn { usleep(1000) }
    }
}
