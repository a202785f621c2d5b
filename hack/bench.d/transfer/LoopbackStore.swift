// A fast S3 server on loopback for `hack/bench transfers`: objects are in memory, nothing is checked, each
// connection has a thread. Usage: loopback-store PORT
//
// It checks no signature, so that its own time is small beside that of the clients that are measured.
import Glibc
import Synchronization

/// Bytes of an object or part, which live as long as someone sends them.
final class Bytes: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let count: Int

    init(count: Int) {
        self.count = count
        start = UnsafeMutableRawPointer.allocate(byteCount: max(1, count), alignment: 64)
    }

    deinit { start.deallocate() }
}

struct Object: Sendable {
    var pieces: [Bytes]
    var etag: String
    var metadata: [String]
    var size: Int { pieces.reduce(0) { $0 + $1.count } }
}

struct Upload: Sendable {
    var key: String
    var metadata: [String]
    var parts: [Int: Bytes] = [:]
}

struct Store: Sendable {
    var objects: [String: Object] = [:]
    var uploads: [String: Upload] = [:]
    var counter = 0
    /// Keys in order; nil after a change.
    var order: [String]?

    mutating func keys() -> [String] {
        if let order { return order }
        let sorted = objects.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        order = sorted
        return sorted
    }

    mutating func put(_ key: String, _ object: Object) {
        if objects.updateValue(object, forKey: key) == nil { order = nil }
    }
}

enum Shared {
    static let store = Mutex(Store())
}

/// A request's head.
struct Head {
    var method = ""
    var path = ""
    var query: [String: String] = [:]
    var headers: [String: String] = [:]

    init?(_ bytes: ArraySlice<UInt8>) {
        var lines = bytes.split(separator: 0x0A).makeIterator()
        guard let first = lines.next() else { return nil }
        let words = first.split(separator: 0x20)
        guard words.count >= 2 else { return nil }
        method = String(decoding: words[0], as: UTF8.self)
        let target = words[1].split(separator: UInt8(ascii: "?"), maxSplits: 1)
        path = Self.decoded(target.first ?? [])
        for pair in target.dropFirst().first?.split(separator: UInt8(ascii: "&")) ?? [] {
            let sides = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            query[Self.decoded(sides[0])] = sides.count > 1 ? Self.decoded(sides[1]) : ""
        }
        while let line = lines.next() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = line[(colon + 1)...].drop { $0 == 0x20 }.prefix { $0 != 0x0D }
            headers[name] = String(decoding: value, as: UTF8.self)
        }
    }

    static func decoded(_ text: ArraySlice<UInt8>) -> String {
        guard text.contains(UInt8(ascii: "%")) || text.contains(UInt8(ascii: "+")) else {
            return String(decoding: text, as: UTF8.self)
        }
        var output: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                output.append(value)
                rest = rest.dropFirst(2)
            } else {
                output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

/// One connection: requests come one after the other.
struct Connection {
    let socket: Int32
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    /// Bytes of the buffer that came and are not used yet.
    var unread = 0..<0

    mutating func serve() {
        while let head = readHead(), answer(head) {}
        close(socket)
    }

    mutating func readHead() -> Head? {
        while true {
            let bytes = buffer[unread]
            if let end = Self.endOfHead(bytes) {
                unread = end..<unread.upperBound
                return Head(bytes[..<end])
            }
            if unread.lowerBound > 0 {
                buffer.replaceSubrange(0..<unread.count, with: Array(bytes))
                unread = 0..<unread.count
            }
            guard unread.upperBound < buffer.count else { return nil }
            let count = buffer.withUnsafeMutableBytes {
                recv(socket, $0.baseAddress! + unread.upperBound, $0.count - unread.upperBound, 0)
            }
            guard count > 0 else { return nil }
            unread = unread.lowerBound..<(unread.upperBound + count)
        }
    }

    static func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex
        while index + 3 < bytes.endIndex {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                return index + 4
            }
            index += 1
        }
        return nil
    }

    mutating func readBody(_ head: Head) -> Bytes? {
        let length = Int(head.headers["content-length"] ?? "0") ?? 0
        if head.headers["expect"] != nil { send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
        let body = Bytes(count: length)
        let first = min(unread.count, length)
        buffer.withUnsafeBytes { body.start.copyMemory(from: $0.baseAddress! + unread.lowerBound, byteCount: first) }
        unread = (unread.lowerBound + first)..<unread.upperBound
        var done = first
        while done < length {
            let count = recv(socket, body.start + done, length - done, 0)
            guard count > 0 else { return nil }
            done += count
        }
        return body
    }

    func send(_ bytes: [UInt8], more: Bool = false) {
        bytes.withUnsafeBytes { send($0.baseAddress!, $0.count, more: more) }
    }

    func send(_ start: UnsafeRawPointer, _ count: Int, more: Bool = false) {
        var done = 0
        while done < count {
            let sent = Glibc.send(
                socket, start + done, count - done, Int32(MSG_NOSIGNAL) | (more ? Int32(MSG_MORE) : 0))
            guard sent > 0 else { return }
            done += sent
        }
    }

    func reply(_ status: String, _ headers: [String] = [], _ body: String = "") {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
        send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8))
    }
}

extension Connection {
    /// Answers a request; false if the connection is over.
    mutating func answer(_ head: Head) -> Bool {
        guard let body = readBody(head) else { return false }
        let path = head.path.drop { $0 == "/" }
        let bucket = path.prefix { $0 != "/" }
        let key = String(path)
        let isBucket = path.dropFirst(bucket.count).drop { $0 == "/" }.isEmpty
        switch (head.method, isBucket) {
        case ("GET", true) where head.query["location"] != nil:
            reply("200 OK", [], "<LocationConstraint/>")
        case ("GET", true): reply("200 OK", ["Content-Type: application/xml"], list(String(bucket), head))
        case ("PUT", true), ("HEAD", true): reply("200 OK")
        case ("PUT", false): put(key, head, body)
        case ("POST", false): post(key, head)
        case ("GET", false), ("HEAD", false): get(key, head)
        case ("DELETE", _):
            Shared.store.withLock {
                if $0.objects.removeValue(forKey: key) != nil { $0.order = nil }
            }
            reply("204 No Content")
        default: reply("501 Not Implemented")
        }
        return true
    }

    private func metadata(_ head: Head) -> [String] {
        head.headers.filter { $0.key.hasPrefix("x-amz-meta-") }.map { "\($0.key): \($0.value)" }
    }

    private func put(_ key: String, _ head: Head, _ body: Bytes) {
        if let number = Int(head.query["partNumber"] ?? ""), let id = head.query["uploadId"] {
            Shared.store.withLock { $0.uploads[id]?.parts[number] = body }
            return reply("200 OK", ["ETag: \"part-\(number)\""])
        }
        let etag = Shared.store.withLock { store in
            store.counter += 1
            // No MD5, and of a form that no client takes for one, unless the client said what it is.
            let etag = head.headers["content-md5"].flatMap(Self.hexadecimal) ?? "\(store.counter)-1"
            store.put(key, Object(pieces: [body], etag: etag, metadata: metadata(head)))
            return etag
        }
        reply("200 OK", ["ETag: \"\(etag)\""])
    }

    /// Hexadecimal digits of 16 bytes in base 64.
    private static func hexadecimal(_ text: String) -> String? {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var bits = 0
        var value = 0
        var digits = ""
        for byte in text.utf8.prefix(22) {
            guard let index = alphabet.firstIndex(of: byte) else { return nil }
            value = value << 6 | index
            bits += 6
            while bits >= 4, digits.count < 32 {
                bits -= 4
                digits += String((value >> bits) & 15, radix: 16)
            }
            value &= 255
        }
        return digits.count == 32 ? digits : nil
    }

    private func post(_ key: String, _ head: Head) {
        if head.query["uploads"] != nil {
            let id = Shared.store.withLock { store in
                store.counter += 1
                store.uploads["u\(store.counter)"] = Upload(key: key, metadata: metadata(head))
                return "u\(store.counter)"
            }
            return reply("200 OK", [], "<InitiateMultipartUploadResult><UploadId>\(id)</UploadId></InitiateMultipartUploadResult>")
        }
        let etag: String? = Shared.store.withLock { store in
            guard let upload = store.uploads.removeValue(forKey: head.query["uploadId"] ?? "") else { return nil }
            store.counter += 1
            let etag = "\(store.counter)-\(upload.parts.count)"
            let pieces = upload.parts.sorted { $0.key < $1.key }.map(\.value)
            store.put(key, Object(pieces: pieces, etag: etag, metadata: upload.metadata))
            return etag
        }
        guard let etag else { return reply("404 Not Found", [], "<Error><Code>NoSuchUpload</Code></Error>") }
        reply("200 OK", [], "<CompleteMultipartUploadResult><ETag>&quot;\(etag)&quot;</ETag></CompleteMultipartUploadResult>")
    }

    private func get(_ key: String, _ head: Head) {
        guard let object = Shared.store.withLock({ $0.objects[key] }) else {
            let body = head.method == "HEAD" ? "" : "<Error><Code>NoSuchKey</Code></Error>"
            return reply("404 Not Found", [], body)
        }
        let size = object.size
        var range = 0..<size
        if let wanted = head.headers["range"]?.dropFirst("bytes=".count).split(separator: "-").map({ Int($0) ?? 0 }),
            let first = wanted.first, first < size
        {
            range = first..<min(size, (wanted.count > 1 ? wanted[1] : size - 1) + 1)
        }
        var lines = [
            head.headers["range"] == nil ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
            "Content-Length: \(range.count)", "ETag: \"\(object.etag)\"",
            "Last-Modified: Fri, 01 Jan 2021 00:00:00 GMT",
        ]
        if head.headers["range"] != nil {
            lines.append("Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
        }
        let text = (lines + object.metadata).joined(separator: "\r\n") + "\r\n\r\n"
        send(Array(text.utf8), more: head.method == "GET" && !range.isEmpty)
        guard head.method == "GET" else { return }
        var offset = 0
        for piece in object.pieces {
            let part = range.clamped(to: offset..<(offset + piece.count))
            if !part.isEmpty { send(piece.start + (part.lowerBound - offset), part.count) }
            offset += piece.count
        }
    }

    private func list(_ bucket: String, _ head: Head) -> String {
        let prefix = "\(bucket)/" + (head.query["prefix"] ?? "")
        let after = (head.query["continuation-token"] ?? head.query["marker"]).map { "\(bucket)/\($0)" }
        let limit = min(1000, Int(head.query["max-keys"] ?? "1000") ?? 1000)
        let delimiter = head.query["delimiter"].flatMap { $0.isEmpty ? nil : $0 }
        return Shared.store.withLock { store in
            let keys = store.keys()
            var low = 0
            var high = keys.count
            let start = max(after ?? "", prefix)
            while low < high {
                let middle = (low + high) / 2
                let isBefore = keys[middle].utf8.lexicographicallyPrecedes(start.utf8) || keys[middle] == after
                if isBefore { low = middle + 1 } else { high = middle }
            }
            var text = "<ListBucketResult>"
            var folders: [String] = []
            var count = 0
            var last = ""
            while low < keys.count, count < limit, keys[low].hasPrefix(prefix) {
                let key = keys[low]
                low += 1
                if let delimiter, let slash = key.dropFirst(prefix.count).firstIndex(of: Character(delimiter)) {
                    let folder = String(key[...slash].dropFirst(bucket.count + 1))
                    if folders.last != folder { folders.append(folder) }
                    continue
                }
                guard let object = store.objects[key] else { continue }
                last = String(key.dropFirst(bucket.count + 1))
                text += "<Contents><Key>\(last)</Key><Size>\(object.size)</Size><ETag>&quot;\(object.etag)&quot;</ETag>"
                text += "<LastModified>2021-01-01T00:00:00.000Z</LastModified><StorageClass>STANDARD</StorageClass></Contents>"
                count += 1
            }
            for folder in folders { text += "<CommonPrefixes><Prefix>\(folder)</Prefix></CommonPrefixes>" }
            let isCut = low < keys.count && keys[low].hasPrefix(prefix)
            text += "<IsTruncated>\(isCut)</IsTruncated><KeyCount>\(count)</KeyCount><MaxKeys>\(limit)</MaxKeys>"
            if isCut { text += "<NextContinuationToken>\(last)</NextContinuationToken><NextMarker>\(last)</NextMarker>" }
            return text + "</ListBucketResult>"
        }
    }
}

func listen(on port: UInt16) -> Int32 {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard bound == 0, Glibc.listen(listener, 1024) == 0 else {
        perror("loopback-store")
        exit(1)
    }
    return listener
}

/// Serves each connection on a thread of its own.
nonisolated func serve(_ listener: Int32) {
    while true {
        let socket = accept(listener, nil, nil)
        guard socket >= 0 else { continue }
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                var connection = Connection(socket: Int32(Int(bitPattern: context)))
                connection.serve()
                return nil
            }, UnsafeMutableRawPointer(bitPattern: Int(socket)))
        pthread_detach(thread)
    }
}

guard CommandLine.arguments.count == 2, let port = UInt16(CommandLine.arguments[1]) else {
    print("usage: loopback-store PORT")
    exit(2)
}
serve(listen(on: port))
