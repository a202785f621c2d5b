import Foundation

/// A condition that did not hold in time.
struct TimedOut: Error, CustomStringConvertible {
    var what: String
    var seconds: Duration
    var last: String?
    var description: String {
        "\(what) did not come about within \(seconds)\(last.map { "; last: \($0)" } ?? "")"
    }
}

/// Asks until there is an answer; an error counts as none.
func eventually<Answer>(
    _ what: String, within patience: Duration = .seconds(60), every pause: Duration = .milliseconds(250),
    _ question: () async throws -> Answer?
) async throws -> Answer {
    let end = ContinuousClock.now + patience
    var last: String?
    while true {
        do {
            if let answer = try await question() { return answer }
            last = nil
        } catch { last = "\(error)" }
        guard ContinuousClock.now < end else { throw TimedOut(what: what, seconds: patience, last: last) }
        try await Task.sleep(for: pause)
    }
}

/// A port of the loopback interface that was free a moment ago.
func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw POSIXError(.EMFILE) }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
            bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
        }
    }
    guard status else { throw POSIXError(.EADDRINUSE) }
    return Int(UInt16(bigEndian: address.sin_port))
}

/// Whether something on the loopback interface accepts connections at `port`.
func answers(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(clamping: port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
