import FoundationEssentials
import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes one JSON object a line: `time`, `level`, `logger`, `message`, and the metadata beside them.
public struct JSONLogHandler: LogHandler {
    /// Receiver of a whole line with its end. Called from any thread, never twice at once.
    public typealias Output = @Sendable ([UInt8]) -> Void

    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level = .info
    private let label: String
    private let now: @Sendable () -> Date
    private let output: LogOutput

    public init(
        label: String, output: LogOutput = .standardError, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.label = label
        self.output = output
        self.now = now
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
        if let own = event.metadata { fields.merge(own) { $1 } }
        if let error = event.error { fields["error"] = "\(error)" }
        var line = JSONLine()
        line.add("time", Self.text(now()))
        line.add("level", event.level.rawValue)
        line.add("logger", label)
        line.add("message", event.message.description)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { line.add(key, value) }
        output.take(line.finished())
    }

    /// RFC 3339 in UTC, with milliseconds.
    private static func text(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}

/// Takes lines one after the other.
public final class LogOutput: Sendable {
    public static let standardError = LogOutput { line in
        var rest = line[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                // Nobody is left to be told of the failure.
                return
            }
            rest = rest.dropFirst(count)
        }
    }

    private let turn = Mutex(())
    private let body: JSONLogHandler.Output

    public init(_ body: @escaping JSONLogHandler.Output) { self.body = body }

    /// Writes one line that ends in a newline.
    public func take(_ line: [UInt8]) { turn.withLock { _ in body(line) } }
}
