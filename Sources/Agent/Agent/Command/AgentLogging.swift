import FoundationEssentials
import JSONLogging
import Logging

/// The form of the agent's log lines, which go to standard error.
public enum AgentLogFormat: String, Sendable, CaseIterable {
    /// A JSON object a line, as the operator writes it.
    case json
    /// Time, level, message and metadata, for people.
    case text

    public func handler(
        label: String, level: Logger.Level, output: LogOutput = .standardError
    ) -> any LogHandler {
        var handler: any LogHandler =
            switch self {
            case .json: JSONLogHandler(label: label, output: output)
            case .text: TextLogHandler(output: output)
            }
        handler.logLevel = level
        return handler
    }
}

private struct TextLogHandler: LogHandler {
    var logLevel: Logger.Level = .info
    var metadata: Logger.Metadata = [:]
    let output: LogOutput

    init(output: LogOutput) { self.output = output }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
        let rest = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let message = Self.oneLine(event.message.description + rest)
        output.take(Array("\(Date().formatted(.iso8601)) \(event.level.rawValue) \(message)\n".utf8))
    }

    /// The text on one line, blanks for its line breaks: a break in a message must not look like another
    /// message.
    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }
}
