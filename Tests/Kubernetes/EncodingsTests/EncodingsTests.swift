import Encodings
import Foundation
import Testing

@Suite struct PercentEncodingTests {
    @Test func `only unreserved characters stay as they are`() {
        let unreserved = "AZaz09-._~"
        #expect(PercentEncoding.encode(unreserved) == unreserved)
        #expect(PercentEncoding.encode("a b/ü+%\u{1}") == "a%20b%2F%C3%BC%2B%25%01")
        #expect(PercentEncoding.encode("a b/c", keepsSlash: true) == "a%20b/c")
    }

    @Test(arguments: ["", "plain", "a b/ü+%", "100%", "\u{0}\u{1F600}", "%zz"])
    func `an encoded text is decoded to itself`(_ text: String) {
        #expect(PercentEncoding.decode(PercentEncoding.encode(text), plusIsSpace: true) == text)
        #expect(PercentEncoding.decodeLeniently(PercentEncoding.encode(text), plusIsSpace: false) == text)
    }

    @Test(arguments: ["%", "%4", "a%zz", "%%41", "%-1"])
    func `a malformed escape is refused, or kept by lenient decoding`(_ text: String) {
        #expect(PercentEncoding.decode(text, plusIsSpace: false) == nil)
        #expect(PercentEncoding.decodeLeniently(text, plusIsSpace: false).hasPrefix(String(text.prefix(1))))
    }

    @Test func `a plus is a blank only where asked for`() {
        #expect(PercentEncoding.decode("a+b%2b", plusIsSpace: true) == "a b+")
        #expect(PercentEncoding.decode("a+b", plusIsSpace: false) == "a+b")
    }

    @Test func `bytes that are not UTF-8 are refused, or replaced by lenient decoding`() {
        #expect(PercentEncoding.decode("%FF", plusIsSpace: false) == nil)
        #expect(PercentEncoding.decodeLeniently("%FF", plusIsSpace: false) == "\u{FFFD}")
    }
}

@Suite struct HexadecimalTests {
    @Test func `every byte has two digits`() {
        #expect(Hexadecimal.encode([0, 9, 10, 0xAB, 0xFF]) == "00090aabff")
        #expect(Hexadecimal.encode([0xAB, 0x0F], uppercase: true) == "AB0F")
    }

    @Test func `a digest is that of sha256sum`() {
        #expect(
            Hexadecimal.sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            Hexadecimal.sha256(Data()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }
}
