import Foundation
import JSONLogging
import Logging
import Synchronization
import Testing

@Suite struct JSONLogTests {
    /// The lines that a logger writes.
    private final class Lines: Sendable {
        let bytes = Mutex<[[UInt8]]>([])

        func logger() -> Logger {
            let output = LogOutput { line in self.bytes.withLock { $0.append(line) } }
            let instant = Date(timeIntervalSince1970: 1_795_221_900.0625)
            return Logger(label: "test") { JSONLogHandler(label: $0, output: output, now: { instant }) }
        }

        var texts: [String] { bytes.withLock { $0.map { String(decoding: $0, as: UTF8.self) } } }

        func object() throws -> [String: Any] {
            let line = try #require(bytes.withLock { $0.last })
            return try #require(JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        }
    }

    @Test func `a line is one object with its metadata beside the message`() {
        let lines = Lines()
        var logger = lines.logger()
        logger[metadataKey: "stage"] = "Training"
        logger.info("Queued → Training", metadata: ["attempt": .stringConvertible(2), "run": "u-1"])
        let time = "2026-11-21T00:45:00.062Z"
        #expect(
            lines.texts == [
                "{\"time\":\"\(time)\",\"level\":\"info\",\"logger\":\"test\",\"message\":\"Queued → Training\","
                    + "\"attempt\":2,\"run\":\"u-1\",\"stage\":\"Training\"}\n"
            ])
    }

    @Test(arguments: ["a \"quoted\" \\ path", "two\nlines\r\n\ttab", "\u{0}\u{1}\u{1F}\u{7F}", "\u{2028}é🚀"])
    func `any text comes back as it was, on one line`(text: String) throws {
        let lines = Lines()
        lines.logger().error("\(text)", metadata: ["value": "\(text)", "\(text)": "key"])
        #expect(lines.texts.first?.dropLast().contains(where: \.isNewline) == false)
        let object = try lines.object()
        #expect(object["message"] as? String == text && object["value"] as? String == text)
        #expect(object[text] as? String == "key")
    }

    @Test func `metadata cannot replace the line's own fields`() throws {
        let lines = Lines()
        lines.logger().warning("true", metadata: ["message": "false", "time": "never"])
        let object = try lines.object()
        #expect(object["message"] as? String == "true" && object["_message"] as? String == "false")
        #expect(object["_time"] as? String == "never")
    }

    @Test func `a line is never longer than container runtimes take, and still an object`() throws {
        let lines = Lines()
        var metadata: Logger.Metadata = [:]
        for index in 0..<100 { metadata["key\(index)"] = "\(String(repeating: "é\n", count: 2000))" }
        metadata["many"] = .array(Array(repeating: "value", count: 100_000))
        lines.logger().info("\(String(repeating: "x", count: 1 << 20))", metadata: metadata)
        #expect(try #require(lines.bytes.withLock { $0.first?.count }) <= 16 << 10)
        let object = try lines.object()
        #expect(object["truncated"] as? Bool == true)
        #expect((object["message"] as? String)?.hasSuffix("…") == true)
    }

    @Test func `nested metadata ends at a depth`() throws {
        let lines = Lines()
        var value: Logger.MetadataValue = "bottom"
        for _ in 0..<1000 { value = .dictionary(["in": value]) }
        lines.logger().info("deep", metadata: ["value": value])
        #expect(try lines.object()["value"] is [String: Any])
        #expect(lines.texts.first?.contains("bottom") == false)
    }
}
