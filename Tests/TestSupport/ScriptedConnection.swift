import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One connection of a `ScriptedServer`.
public final class ScriptedConnection: Sendable {
    private let socket: Int32
    private let unread = Mutex<[UInt8]>([])

    init(socket: Int32) { self.socket = socket }

    /// Sends bytes as they are; false if the peer has gone.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { write(socket, $0.baseAddress, $0.count) }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends a whole response.
    public func respond(_ status: Int, headers: [String: String] = [:], _ body: String = "") {
        let fields = headers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        send("HTTP/1.1 \(status) Scripted\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Sends the head of a chunked response; `sendChunk` and `endChunks` follow.
    public func beginChunks(_ status: Int = 200) {
        send(
            "HTTP/1.1 \(status) Scripted\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
    }

    @discardableResult
    public func sendChunk(_ text: String) -> Bool {
        send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
    }

    public func endChunks() { send("0\r\n\r\n") }

    /// Ends the connection, like a server that goes away.
    public func hangUp() { shutdown(socket, Int32(SHUT_RDWR)) }

    /// Waits until the peer has closed. Bytes that it still sends are dropped.
    public func waitForClose() {
        var byte: UInt8 = 0
        while read(socket, &byte, 1) > 0 {}
    }

    func readRequest() -> ScriptedRequest? {
        guard let head = readHead() else { return nil }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first?.split(separator: " "), first.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        }
        if headers["expect"] != nil { send("HTTP/1.1 100 Continue\r\n\r\n") }
        guard let body = readBody(Int(headers["content-length"] ?? "0") ?? 0) else { return nil }
        return ScriptedRequest(
            method: String(first[0]), target: String(first[1]), headers: headers, body: body)
    }

    private func readHead() -> [UInt8]? {
        let end: [UInt8] = [13, 10, 13, 10]
        while true {
            let head = unread.withLock { unread -> [UInt8]? in
                guard unread.count >= 4 else { return nil }
                for index in 0...(unread.count - 4) where Array(unread[index..<(index + 4)]) == end {
                    let head = Array(unread[..<index])
                    unread.removeFirst(index + 4)
                    return head
                }
                return nil
            }
            if let head { return head }
            guard readMore() else { return nil }
        }
    }

    private func readBody(_ count: Int) -> [UInt8]? {
        while unread.withLock({ $0.count }) < count {
            guard readMore() else { return nil }
        }
        return unread.withLock { unread in
            defer { unread.removeFirst(count) }
            return Array(unread.prefix(count))
        }
    }

    private func readMore() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(socket, &buffer, buffer.count)
        guard count > 0 else { return false }
        unread.withLock { $0.append(contentsOf: buffer[..<count]) }
        return true
    }
}
