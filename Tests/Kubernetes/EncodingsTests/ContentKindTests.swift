import Encodings
import Foundation
import Testing

@Suite struct ContentKindTests {
    private func kind(_ text: String) -> ContentKind { ContentKind(of: Array(text.utf8)) }

    @Test(arguments: [
        ("", ContentKind.empty), (" \n", .empty), ("\u{FEFF}{\"a\": 1}", .jsonObject), (" [\n", .jsonArray),
        ("hello", .text), ("<Error><Code>x</Code></Error>", .xml), ("a\u{0}b", .binary),
        ("<!DOCTYPE html>\n<HTML><head><title lang=en>\n Sign  in</title>", .html(title: "Sign in")),
        ("<?xml version='1.0'?><html><body>ü", .html(title: nil)),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", .lfsPointer),
        ("PAR1\u{15}", .table(format: "Parquet")),
        ("PK\u{3}\u{4}", .packed(format: "zip", command: "unzip")),
    ])
    func `content is told by its beginning`(text: String, expected: ContentKind) {
        #expect(kind(text) == expected)
    }

    @Test(
        arguments: [
            ([0x1F, 0x8B, 8], ContentKind.gzip), ([0xFF, 0xFE, 0x7B, 0], .utf16),
            ([0xFE, 0xFF, 0, 0x7B], .utf16),
            ([0x7B, 0, 0x22, 0], .utf16), ([0, 0x7B, 0, 0x22], .utf16), ([0xFF, 0xFE, 0, 0], .utf32),
            ([0x7B, 0, 0, 0], .utf32), ([0xC3, 0x28, 0x41, 0x41], .binary),
            (
                [0x28, 0xB5, 0x2F, 0xFD],
                .packed(format: "Zstandard", command: "zstd -d")
            ),
        ] as [([UInt8], ContentKind)])
    func `bytes are told by their beginning`(bytes: [UInt8], expected: ContentKind) {
        #expect(ContentKind(of: bytes) == expected)
    }

    @Test func `a character that the window cuts in two leaves a text a text`() {
        for shift in 0..<4 {
            let text = "{" + String(repeating: "a", count: ContentKind.window - 3 + shift - 2) + "😀😀"
            #expect(kind(text) == .jsonObject)
        }
    }
}

@Suite struct AddressCredentialsTests {
    @Test(arguments: [
        ("http://ann:s3cret@host:1/x", "http://…@host:1/x"), ("http://ann@host", "http://…@host"),
        ("http://ann:p@ss@host", "http://…@host"), ("http://ann:p/ss@host", "http://…@host"),
        ("http://ann:p?s#s@host", "http://…@host"), ("ann:s3cret@host", "…@host"),
        ("s3://AKIA:key@bucket/a", "s3://…@bucket/a"),
        ("http://host:80/a@b", "http://host:80/a@b"), ("http://host", "http://host"),
        ("s3://bucket/mail@host", "s3://bucket/mail@host"), ("", ""),
    ])
    func `a user and password are hidden, and nothing else`(address: String, shown: String) {
        #expect(AddressCredentials.hidden(in: address) == shown)
        #expect(AddressCredentials.areIn(address) == (address != shown))
    }
}

@Suite struct DecodingProblemTests {
    private struct Sample: Decodable {
        struct Part: Decodable { var size: Int }
        var name: String
        var parts: [Part]
    }

    @Test(arguments: [
        (#"{"parts": []}"#, "name: is missing"), (#"{"name": 5, "parts": []}"#, "name: is no string"),
        (#"{"name": "a", "parts": [{"size": "x"}]}"#, "parts[0].size: is no whole number"),
        (#"{"name": null, "parts": []}"#, "name: is null"), ("[]", "it is no "), ("{", "not valid JSON"),
    ])
    func `what cannot be decoded is named by path, without Swift's words`(text: String, problem: String) {
        let error = #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Sample.self, from: Data(text.utf8))
        }
        let words = error?.problem ?? ""
        #expect(words.contains(problem), "\(words)")
        #expect(
            !words.contains("CodingKeys") && !words.contains("DecodingError") && !words.contains("Optional"))
    }
}
