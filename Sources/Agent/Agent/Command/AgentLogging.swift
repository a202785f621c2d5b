import FoundationEssentials
import KubernetesAPI
import Logging

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where log lines go: standard error, a line a message.
public struct AgentLogHandler: LogHandler {
    public enum Format: String, Sendable, CaseIterable { case json, text }

    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    private let format: Format
    private let sink: @Sendable (String) -> Void

    public init(
        format: Format, level: Logger.Level = .info,
        sink: @escaping @Sendable (String) -> Void = Self.standardError
    ) {
        self.format = format
        logLevel = level
        self.sink = sink
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var all = metadata
        if let given = event.metadata { all.merge(given) { _, new in new } }
        let fields = all.mapValues { "\($0)" }
        let time = Date().formatted(.iso8601)
        switch format {
        case .json:
            var line: [String: JSONValue] = fields.mapValues { .string($0) }
            line["time"] = .string(time)
            line["level"] = .string(event.level.rawValue)
            line["message"] = .string(event.message.description)
            sink(JSONValue.object(line).text + "\n")
        case .text:
            let rest = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
            sink(
                "\(time) \(event.level.rawValue) \(Self.oneLine(event.message.description))\(Self.oneLine(rest))\n"
            )
        }
    }

    /// A line break in a message must not look like another message.
    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    /// One call a line, so that lines of several threads do not mix.
    public static let standardError: @Sendable (String) -> Void = { line in
        var line = line
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
