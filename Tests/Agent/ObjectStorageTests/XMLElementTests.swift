import FoundationEssentials
import SeededRandomness
import Testing

@testable import ObjectStorage

@Suite struct XMLElementTests {
    static let listing = """
        \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>
        <!-- a > comment -->
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name a='>'>b &amp; c</Name>
        <IsTruncated>true</IsTruncated><NextContinuationToken>t&#43;&#x2F;=</NextContinuationToken>
        <Contents><Key>x%20y</Key><Size>12</Size></Contents><Contents><Key><![CDATA[<z>]]></Key><Size>0</Size></Contents>
        <EncodingType>url</EncodingType><Empty/></ListBucketResult>
        """

    @Test func `a listing is read`() throws {
        let document = try XMLElement(parsing: Self.listing.utf8)
        #expect(document.name == "ListBucketResult")
        #expect(document.child("Name")?.text == "b & c")
        #expect(document.child("NextContinuationToken")?.text == "t+/=")
        #expect(document.all("Contents").map { $0.child("Key")?.text } == ["x%20y", "<z>"])
        #expect(document.child("Empty") == XMLElement(name: "Empty"))
        let page = try ObjectPage(document, bucket: "b", what: "listing")
        #expect(page.entries.map(\.location.key) == ["x y", "<z>"])
        #expect(page.entries.map(\.size) == [12, 0])
        #expect(page.nextToken == "t+/=")
    }

    @Test(arguments: [
        ("", XMLParseError.Code.unexpectedEnd), ("<a>", .unexpectedEnd), ("<a", .unexpectedEnd),
        ("text<a/>", .malformed), ("<a></b>", .mismatchedTag), ("</a>", .malformed),
        ("<a>&bomb;</a>", .malformed),
        ("<a>&#xD800;</a>", .malformed), ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", .malformed),
        (String(repeating: "<a>", count: 17), .tooDeep),
    ])
    func `malformed XML is refused`(text: String, code: XMLParseError.Code) {
        let error = #expect(throws: XMLParseError.self) { try XMLElement(parsing: text.utf8) }
        #expect(error?.code == code)
    }

    /// Bytes are changed, removed and inserted: the result is a value or an error.
    @Test func `damaged XML never traps`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<3000 {
            let damaged = random.damaged(Array(Self.listing.utf8))
            guard let document = try? XMLElement(parsing: damaged) else { continue }
            _ = try? ObjectPage(document, bucket: "b", what: "listing")
        }
    }
}

extension SeededGenerator {
    /// The bytes with one to four random changes.
    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &self)
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(contentsOf: bytes[0..<min(place, 40)], at: place)
            default: bytes.removeLast(bytes.count - place)
            }
        }
        return bytes
    }
}
