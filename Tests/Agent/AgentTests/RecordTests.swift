import AnnealAPI
import FoundationEssentials
import TestSupport
import Testing

@testable import Agent

@Suite struct RecordTests {
    private func record(_ line: String, _ format: DatasetFormat) throws(RecordError) -> Record {
        try Record(Array(line.utf8), format: format)
    }

    @Test(arguments: [
        (#"{"prompt": "a", "completion": "b", "more": 1}"#, DatasetFormat.promptCompletion, "a\nb"),
        (#"{"text": "\ud83d\ude00 é"}"#, .text, "😀 é"),
        (#"{"prompt": "p", "chosen": "c", "rejected": "r"}"#, .preference, "p\nc\nr"),
        (
            #"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}"#,
            .messages, "q\na"
        ),
        ("{\"text\": \"a\"}\r", .text, "a"),
    ])
    func `a record's text is read`(line: String, format: DatasetFormat, text: String) throws {
        #expect(try record(line, format).text == text)
    }

    @Test(arguments: [
        ("{", DatasetFormat.text, "the text ends too early"),
        ("[1]", .text, "no JSON object"),
        (#"{"prompt": "a"}"#, .promptCompletion, "\"completion\" is missing"),
        (#"{"prompt": 1, "completion": "b"}"#, .promptCompletion, "\"prompt\" must be a string"),
        (#"{"messages": []}"#, .messages, "not empty"),
        (#"{"messages": [{"role": "user", "content": "q"}]}"#, .messages, "nothing to learn"),
        (#"{"messages": [{"role": "robot", "content": "q"}]}"#, .messages, "messages[0] needs a role"),
        (
            #"{"messages": [{"role": "assistant", "content": 5}]}"#, .messages,
            "messages[0].content must be a string"
        ),
        (#"{"text": "\ud83d"}"#, .text, "surrogate"),
        (#"{"text": "\ude00\ud83d"}"#, .text, "surrogate"),
        (#"{"text": NaN}"#, .text, "unexpected character"),
        (String(repeating: "[", count: 100), .text, "nested deeper"),
    ])
    func `a malformed record is refused with its problem`(
        line: String, format: DatasetFormat, problem: String
    ) {
        let error = #expect(throws: RecordError.self) { try record(line, format) }
        #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
    }

    /// Row of the table that the trainers' tests read too.
    private struct Row: Decodable {
        var format: DatasetFormat
        var line: String
        /// Part of the message; nil of a good record.
        var problem: String?
    }

    @Test func `what a record may be is what the trainers take too`() throws {
        let table = RepositoryManifest.repository.appending(path: "examples/runtimes/tests/records.jsonl")
        let lines = try Data(contentsOf: table).split(separator: 0x0A)
        #expect(lines.count > 100)
        for line in lines {
            let row = try JSONDecoder().decode(Row.self, from: line)
            var problem: String?
            do throws(RecordError) { _ = try record(row.line, row.format) } catch { problem = error.problem }
            #expect((problem == nil) == (row.problem == nil), "\(row.line): \(problem ?? "accepted")")
            if let expected = row.problem, !expected.isEmpty {
                #expect(problem?.contains(expected) == true, "\(row.line): \(problem ?? "")")
            }
        }
    }

    @Test func `calls are text, tools are not, and weights and tools tell records apart`() throws {
        func conversation(_ answer: String, _ tools: String = "null") throws -> Record {
            try record(
                #"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", \#(answer)}], "#
                    + #""tools": \#(tools)}"#, .messages)
        }
        let call =
            #""tool_calls": [{"function": {"name": "port", "arguments": "{\"of\": \"dns\", \"a\": 1}"}}]"#
        let tools = #"[{"function": {"name": "port", "description": "looks up"}}]"#
        let called = try conversation(call, tools)
        #expect(called.text == #"q\#nport {"a":1,"of":"dns"}"#)
        let other = call.replacing("dns", with: "ntp")
        #expect(try conversation(other, tools).identity != called.identity)
        #expect(try conversation(call).identity != called.identity)
        #expect(try conversation(call).text == called.text)
        let said = try conversation(#""content": "a""#)
        #expect(try conversation(#""content": "a", "weight": 0"#).identity != said.identity)
        #expect(try conversation(#""content": "a", "weight": 1"#).identity == said.identity)
        #expect(try conversation(#""content": [{"type": "text", "text": "a"}]"#) == said)
        #expect(try conversation(#""content": "a", "reasoning_content": "hm""#).text == "q\nhm\na")
    }

    @Test func `text that is not UTF-8 is refused`() {
        let error = #expect(throws: RecordError.self) {
            try Record(Array(#"{"text": ""#.utf8) + [0xFF, 0xFE] + Array(#""}"#.utf8), format: .text)
        }
        #expect(error?.problem == "it is not UTF-8")
    }

    @Test func `an escaped backslash before a u is no escape`() throws {
        #expect(try record(#"{"text": "\\ud83d"}"#, .text).text == #"\ud83d"#)
    }

    @Test func `the identity of a record tells its parts apart`() throws {
        let left = try record(#"{"prompt": "a\nb", "completion": "c"}"#, .promptCompletion)
        let right = try record(#"{"prompt": "a", "completion": "b\nc"}"#, .promptCompletion)
        #expect(left.text == right.text)
        #expect(left.identity != right.identity)
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (4711, "4,711"), (1_234_567, "1,234,567"), (-1000, "-1,000"),
    ])
    func `numbers are grouped by thousands`(number: Int, text: String) { #expect(grouped(number) == text) }
}

@Suite struct LineSplitterTests {
    /// Texts that are cut in two at every place.
    @Test(arguments: ["a\nbb\n\nccc", "a\r\nb\n", "", "\n", "x"])
    func `lines are the same however they come in chunks`(text: String) throws {
        let data = Data(text.utf8)
        for place in 0...data.count {
            var splitter = LineSplitter(limit: 100)
            var lines: [String] = []
            try splitter.take(data[..<place]) { lines.append(String(decoding: $0, as: UTF8.self)) }
            try splitter.take(data[place...]) { lines.append(String(decoding: $0, as: UTF8.self)) }
            try splitter.finish { lines.append(String(decoding: $0, as: UTF8.self)) }
            var expected = data.split(separator: 0x0A, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            if expected.last == "" { expected.removeLast() }
            #expect(lines == expected)
        }
    }

    @Test func `a line that is too long ends the reading`() throws {
        var splitter = LineSplitter(limit: 4)
        try splitter.take(Data("1234\n12".utf8)) { _ in }
        #expect(throws: LineSplitter.LineTooLong()) { try splitter.take(Data("345".utf8)) { _ in } }
    }
}
