import Foundation
import SeededRandomness
import TestSupport
import Testing

@testable import Agent

@Suite struct RecordLinesTests {
    private func lines(_ data: Data, cutAt place: Int? = nil, opensGzip: Bool = true) throws -> [String] {
        var lines = RecordLines(opensGzip: opensGzip)
        var read: [String] = []
        func take(_ line: [UInt8]) { read.append(String(decoding: line, as: UTF8.self)) }
        let cut = place ?? data.count
        try lines.take(data.prefix(cut), take)
        try lines.take(data.dropFirst(cut), take)
        try lines.finish(take)
        return read
    }

    /// What gzip makes of some bytes.
    private func gzip(_ data: Data) throws -> Data {
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { for name in [file, file + ".gz"] { try? FileManager.default.removeItem(atPath: name) } }
        try data.write(to: URL(filePath: file))
        let program = try #require(Executable.find("gzip", variable: "GZIP_PROGRAM"))
        _ = try Executable.output(of: program, ["-k", file])
        return try Data(contentsOf: URL(filePath: file + ".gz"))
    }

    @Test func `a byte order mark is dropped, also where files were joined`() throws {
        let text = "\u{FEFF}{\"a\": 1}\n\n \n\u{FEFF}{\"a\": 2}\n\u{FEFF}\n"
        #expect(try lines(Data(text.utf8)) == ["{\"a\": 1}", "{\"a\": 2}"])
    }

    @Test func `gzip gives the same lines however it comes in chunks, and of several members`() throws {
        let both = try gzip(Data("{\"a\": 1}\n{\"a\"".utf8)) + gzip(Data(": 2}\n".utf8)) + Data([0, 0, 0])
        for place in 0...both.count {
            #expect(try lines(both, cutAt: place) == ["{\"a\": 1}", "{\"a\": 2}"])
        }
    }

    @Test func `gzip of megabytes is read whole`() throws {
        let text = (0..<40_000).map {
            "{\"text\": \"line \($0) of a larger file, which has many of them\"}\n"
        }.joined()
        let data = try gzip(Data(text.utf8))
        for place in [1, data.count / 2, data.count] {
            #expect(try lines(data, cutAt: place).joined(separator: "\n") + "\n" == text)
        }
    }

    @Test func `gzip that is cut or damaged is refused as that`() throws {
        let data = try gzip(Data(String(repeating: "{\"a\": 1}\n", count: 100).utf8))
        var damaged = data
        damaged[damaged.count - 6] ^= 0x55
        let cases = [
            (data.dropLast(1), "ends too early"), (data.prefix(12), "ends too early"), (damaged, "damaged"),
            (data + Data("more".utf8), "damaged"), (try gzip(data), "gzip in gzip"),
            (try gzip(Data("[1]".utf8)), "a JSON array"),
        ]
        for (bytes, problem) in cases {
            let error = #expect(throws: UnreadableContent.self) { try lines(Data(bytes)) }
            #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
        }
        let refused = #expect(throws: UnreadableContent.self) { try lines(data, opensGzip: false) }
        #expect(refused?.problem.contains("gunzip") == true)
    }

    @Test func `no bytes after gzip's head make reading trap, and none are read as other lines unnoticed`()
        throws
    {
        let good = try gzip(Data((0..<300).map { "{\"a\": \($0)}\n" }.joined().utf8))
        let expected = try lines(good)
        var random = SeededGenerator(seed: 3)
        for _ in 0..<400 {
            var data = [UInt8](good)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                data[Int.random(in: 12..<data.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let read = try? lines(Data(data), cutAt: Int.random(in: 0...data.count, using: &random))
            #expect(read == nil || read == expected)
        }
    }

    @Test(arguments: [
        ("[\n{\"a\": 1},\n{\"a\": 2}\n]\n", "a JSON array; write one object a line"),
        ("\u{FEFF}[]", "a JSON array"), ("{\n  \"a\": 1\n}\n", "over several lines"),
        ("<html><title>Log in</title>", "an HTML page (\"Log in\")"),
        ("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"), ("PAR1", "Parquet"),
        ("PK\u{3}\u{4}", "unzip"),
    ])
    func `content that is no lines of JSON is refused by what it is`(text: String, problem: String) {
        let error = #expect(throws: UnreadableContent.self) { try lines(Data(text.utf8)) }
        #expect(error?.problem.contains(problem) == true, "\(error?.problem ?? "")")
    }

    @Test(arguments: [String.Encoding.utf16, .utf16LittleEndian, .utf16BigEndian, .utf32])
    func `other encodings are refused by name`(encoding: String.Encoding) throws {
        let data = try #require("{\"a\": 1}\n".data(using: encoding))
        let error = #expect(throws: UnreadableContent.self) { try lines(data) }
        #expect(error?.problem.contains("iconv -t UTF-8") == true)
    }
}
