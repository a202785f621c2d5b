import Foundation
import Synchronization

/// A loopback HTTP proxy in front of a server that can harm each request as networks do. One request a
/// connection.
public final class FaultProxy: Sendable {
    public enum Fault: Sendable {
        case pass
        /// Answers in the server's place.
        case status(Int)
        case answer(String)
        /// Closes the connection before the server hears of the request.
        case dropRequest
        /// Lets the server act, and loses its answer.
        case loseReply
        /// Resets the connection after that many bytes of the answer.
        case resetAfter(Int)
        /// Ends the answer regularly after that many bytes.
        case truncateAfter(Int)
        /// Changes the answer's last byte.
        case garbleLastByte
    }

    public struct Request: Sendable {
        /// Number of the request, from 0.
        public var index: Int
        public var method: String
        /// Path and query.
        public var target: String
    }

    public let port: UInt16
    private let listener: Int32
    private let upstream: UInt16
    private let state: Mutex<State>

    private struct State {
        var requests: [Request] = []
        var decide: @Sendable (Request) -> Fault
    }

    public init(upstream: UInt16, decide: @escaping @Sendable (Request) -> Fault = { _ in .pass }) throws {
        self.upstream = upstream
        state = Mutex(State(decide: decide))
        (listener, port) = try Loopback.listen()
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                Thread.detachNewThread { [self] in
                    serve(client)
                    close(client)
                }
            }
        }
    }

    public var endpoint: String { "http://127.0.0.1:\(port)" }

    public var requests: [Request] { state.withLock { $0.requests } }

    /// Forgets the requests so far and decides anew.
    public func reset(_ decide: @escaping @Sendable (Request) -> Fault = { _ in .pass }) {
        state.withLock { $0 = State(decide: decide) }
    }

    public func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func serve(_ client: Int32) {
        guard let head = Loopback.readHead(client) else { return }
        let words = String(decoding: head.prefix { $0 != 0x0D }, as: UTF8.self).split(separator: " ")
        guard words.count > 1 else { return }
        let fault = state.withLock { state in
            let request = Request(
                index: state.requests.count, method: String(words[0]), target: String(words[1]))
            state.requests.append(request)
            return state.decide(request)
        }
        switch fault {
        case .status(let code):
            Loopback.send(
                client, Data("HTTP/1.1 \(code) x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
            drain(client)
        case .answer(let body):
            Loopback.send(
                client,
                Data(
                    "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
                        .utf8
                ))
            drain(client)
        case .dropRequest: return
        case .pass: forward(client, head) { _ in true }
        case .loseReply: forward(client, head) { _ in false }
        case .resetAfter(let limit):
            forward(client, head, limit: limit) { _ in true }
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        case .truncateAfter(let limit): forward(client, head, limit: limit) { _ in true }
        case .garbleLastByte:
            forward(client, head, garbles: true) { _ in true }
        }
    }

    /// Reads the rest of the client's request: unread bytes would make closing reset the connection and lose
    /// the answer.
    private func drain(_ client: Int32) {
        shutdown(client, Int32(SHUT_WR))
        while let chunk = Loopback.read(client), !chunk.isEmpty {}
    }

    private func forward(
        _ client: Int32, _ head: Data, limit: Int = .max, garbles: Bool = false, _ passes: (Data) -> Bool
    ) {
        guard let server = Loopback.connect(upstream) else { return }
        defer { close(server) }
        Loopback.send(server, Self.closing(head))
        let pump = Thread {
            while let chunk = Loopback.read(client), !chunk.isEmpty { Loopback.send(server, chunk) }
        }
        pump.start()
        var left = limit
        var held = Data()
        while left > 0, let chunk = Loopback.read(server), !chunk.isEmpty {
            guard passes(chunk) else { continue }
            held.append(chunk.prefix(left))
            left -= min(left, chunk.count)
            // The last byte is held until it is known to be the last.
            if held.count > 1 {
                Loopback.send(client, held.dropLast())
                held = held.suffix(1)
            }
        }
        if garbles, let byte = held.last { held = Data([byte ^ 0x55]) }
        Loopback.send(client, held)
        shutdown(client, Int32(SHUT_RD))
    }

    /// The head, with a header that ends the connection after this request.
    private static func closing(_ head: Data) -> Data {
        guard let end = head.firstIndex(of: 0x0A) else { return head }
        return head[...end] + Data("Connection: close\r\n".utf8) + head[head.index(after: end)...]
    }
}

/// Blocking sockets on loopback.
public enum Loopback {
    public struct Failure: Error {}

    public static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw Failure() }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// A port that is free at the moment.
    public static func freePort() throws -> UInt16 {
        let (descriptor, port) = try listen()
        close(descriptor)
        return port
    }

    public static func connect(_ port: UInt16) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = address(port)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    public static func read(_ descriptor: Int32) -> Data? {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : Data(buffer[..<count])
    }

    public static func send(_ descriptor: Int32, _ data: Data) {
        var rest = Array(data)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Reads up to and with the empty line, and the bytes behind it in the same packets.
    public static func readHead(_ descriptor: Int32) -> Data? {
        var head = Data()
        while head.range(of: Data("\r\n\r\n".utf8)) == nil {
            guard let chunk = read(descriptor), !chunk.isEmpty else { return nil }
            head.append(chunk)
        }
        return head
    }
}
