import JSONLogging
import KubernetesAPI
import Logging
import Synchronization
import Testing

@testable import Agent

@Suite struct AgentLoggingTests {
    private func lines(_ format: AgentLogFormat, _ write: (Logger) -> Void) -> [String] {
        let lines = Mutex<[String]>([])
        let output = LogOutput { line in lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) } }
        write(Logger(label: "agent") { format.handler(label: $0, level: .info, output: output) })
        return lines.withLock { $0 }
    }

    @Test func `a line break in a message or a field does not begin another line of text`() throws {
        let lines = lines(.text) { logger in
            logger.error("first\nsecond", metadata: ["b": "x\r\ny", "a": "1"])
            logger.debug("not asked for")
        }
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(line.hasSuffix(" error first second a=1 b=x y\n"), "\(line)")
    }

    @Test func `a JSON line is an object with its label and metadata`() throws {
        let line = try #require(lines(.json) { $0.warning("lost\nit", metadata: ["attempt": "2"]) }.first)
        let object = try JSONValue(parsing: Array(line.utf8))
        #expect(object["level"]?.stringValue == "warning")
        #expect(object["logger"]?.stringValue == "agent")
        #expect(object["message"]?.stringValue == "lost\nit")
        #expect(object["attempt"]?.stringValue == "2")
    }
}
