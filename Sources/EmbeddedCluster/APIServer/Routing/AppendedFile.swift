import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A file to which lines are appended.
final class AppendedFile: Sendable {
    private let descriptor: Int32

    struct OpenError: Error, CustomStringConvertible {
        let path: String
        let code: Int32
        var description: String { "cannot open \(path) for appending (errno \(code)); check its folder" }
    }

    init(path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw OpenError(path: path, code: errno) }
    }

    deinit { close(descriptor) }

    /// Appends the data in one write, so that lines of several writers do not mix. A full disk loses lines.
    func append(_ data: Data) {
        _ = data.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
