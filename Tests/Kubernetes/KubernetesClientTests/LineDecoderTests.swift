import FoundationEssentials
import Testing

@testable import KubernetesClient

struct LineDecoderTests {
    private func lines(_ pieces: [[UInt8]], limit: Int = 100) throws -> (lines: [String], rest: String?) {
        var decoder = LineDecoder(maximumLineBytes: limit)
        var lines: [String] = []
        for piece in pieces {
            decoder.append(piece)
            while let line = try decoder.next() { lines.append(String(decoding: line, as: UTF8.self)) }
        }
        return (lines, decoder.finish().map { String(decoding: $0, as: UTF8.self) })
    }

    @Test func `lines are the same wherever the bytes are split`() throws {
        let bytes = Array("{\"a\":\"ü\"}\n\n{\"b\":2}\r\nlast".utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let pieces = [bytes[..<first], bytes[first..<second], bytes[second...]].map(Array.init)
                let result = try lines(pieces)
                #expect(result.lines == ["{\"a\":\"ü\"}", "{\"b\":2}"])
                #expect(result.rest == "last")
            }
        }
    }

    @Test func `a line above the limit is refused whether it ends or not`() throws {
        let long = [UInt8](repeating: 0x61, count: 11)
        #expect(throws: LineDecoder.LineTooLong(limit: 10)) { try lines([long], limit: 10) }
        #expect(throws: LineDecoder.LineTooLong(limit: 10)) { try lines([long + [10]], limit: 10) }
        #expect(try lines([Array(long.dropFirst()) + [10]], limit: 10).lines.count == 1)
    }

    @Test func `nothing is left of a stream that ends with a line`() throws {
        #expect(try lines([Array("a\n".utf8)]).rest == nil)
        #expect(try lines([]).rest == nil)
    }
}
