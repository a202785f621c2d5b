import AnnealAPI
import SeededRandomness
import Testing

@testable import Agent

/// Texts of invented words, and copies with some words exchanged.
private struct Corpus {
    var random = SeededGenerator(seed: 11)

    mutating func word() -> String {
        String((0..<6).map { _ in Character(UnicodeScalar(UInt8.random(in: 97...122, using: &random))) })
    }

    mutating func text(words: Int) -> [String] { (0..<words).map { _ in word() } }

    mutating func variant(of words: [String], changing count: Int) -> [String] {
        var words = words
        for place in (0..<words.count).shuffled(using: &random).prefix(count) { words[place] = word() }
        return words
    }
}

@Suite struct NearDuplicateTests {
    /// The Jaccard similarity of two texts' shingles, computed directly.
    private func jaccard(_ left: [String], _ right: [String]) -> Double {
        func shingles(_ words: [String]) -> Set<[UnicodeScalar]> {
            let scalars = Array(words.joined(separator: " ").unicodeScalars)
            return Set(
                (0...(scalars.count - MinHash.shingleLength)).map {
                    Array(scalars[$0..<($0 + MinHash.shingleLength)])
                })
        }
        let (a, b) = (shingles(left), shingles(right))
        return Double(a.intersection(b).count) / Double(a.union(b).count)
    }

    @Test func `estimates of similarity are near the truth`() {
        var corpus = Corpus()
        let hash = MinHash(seed: 42)
        var squares = 0.0
        var count = 0.0
        for change in [0, 1, 2, 4, 8, 16, 40] {
            for _ in 0..<10 {
                let text = corpus.text(words: 60)
                let other = corpus.variant(of: text, changing: change)
                let left = hash.signature(of: text.joined(separator: " "))
                let right = hash.signature(of: other.joined(separator: " "))
                let agreeing = zip(left, right).filter { $0 == $1 }.count
                let error = MinHash.similarity(agreeing) - jaccard(text, other)
                squares += error * error
                count += 1
            }
        }
        // The standard deviation √(J(1−J)/63) is 0.063 at most.
        #expect((squares / count).squareRoot() < 0.063)
    }

    @Test func `near duplicates are found and the rest kept`() {
        var corpus = Corpus()
        var index = NearDuplicateIndex(threshold: 0.8, seed: 42)
        func keeps(_ words: [String]) -> Bool { index.insert(words.joined(separator: " ")) }
        let texts = (0..<300).map { _ in corpus.text(words: 60) }
        for text in texts { #expect(keeps(text)) }
        var found = 0
        var above = 0
        var wronglyFound = 0
        for text in texts {
            let near = corpus.variant(of: text, changing: 2)
            if jaccard(text, near) >= 0.88 {
                above += 1
                if !keeps(near) { found += 1 }
            }
            let far = corpus.variant(of: text, changing: 25)
            if jaccard(text, far) < 0.5, !keeps(far) { wronglyFound += 1 }
        }
        #expect(above > 200)
        #expect(Double(found) >= 0.9 * Double(above))
        #expect(wronglyFound == 0)
    }

    @Test func `case and white space make no difference`() {
        var index = NearDuplicateIndex(threshold: 0.99, seed: 1)
        func keeps(_ text: String) -> Bool { index.insert(text) }
        #expect(keeps("What does tar do?\nIt archives."))
        #expect(!keeps("what  does TAR do? it archives."))
        #expect(keeps("a"))
        #expect(!keeps("A"))
        #expect(keeps("b"))
        #expect(keeps(""))
    }

    @Test(arguments: [(0.95, 7), (0.85, 7), (0.5, 2), (0.1, 1)])
    func `the rows of a band follow the threshold`(threshold: Double, rows: Int) {
        #expect(NearDuplicateIndex.rows(for: threshold) == rows)
    }

    @Test func `the seed decides the result`() {
        #expect(MinHash(seed: 1).signature(of: "one text") == MinHash(seed: 1).signature(of: "one text"))
        #expect(MinHash(seed: 1).signature(of: "one text") != MinHash(seed: 2).signature(of: "one text"))
    }

    @Test func `a digest is new only once`() {
        var set = DigestSet()
        func isNew(_ digest: TextDigest) -> Bool { set.insert(digest) }
        let digests = (0..<5000).map { TextDigest("text \($0)") }
        for digest in digests { #expect(isNew(digest)) }
        for digest in digests { #expect(!isNew(digest)) }
        #expect(set.count == 5000)
    }
}

@Suite struct RecordFilterTests {
    private func decisions(_ settings: Preprocessing, _ texts: [String]) throws -> [RecordFilter.Decision] {
        var filter = try RecordFilter(settings)
        return texts.map { filter.decide(Record(text: $0, identity: $0)) }
    }

    private func isKept(_ decision: RecordFilter.Decision) -> Bool {
        switch decision {
        case .train, .validation: true
        case .filtered, .exactDuplicate, .nearDuplicate: false
        }
    }

    @Test func `records of wrong length and duplicates are left out`() throws {
        var settings = Preprocessing()
        settings.minLength = 3
        settings.maxLength = 6
        settings.deduplication = .exact
        settings.validationFraction = 0
        let result = try decisions(settings, ["ab", "abc", "abc", "äöüabc", "abcdefg"])
        #expect(result.map(isKept) == [false, true, false, true, false])
        #expect(result[2] == .exactDuplicate)
        settings.deduplication = Preprocessing.Deduplication.none
        #expect(try decisions(settings, ["abc", "abc"]).map(isKept) == [true, true])
    }

    @Test func `the split depends on content and seed alone`() throws {
        var settings = Preprocessing()
        settings.validationFraction = 0.2
        settings.deduplication = .exact
        let texts = (0..<2000).map { "record number \($0)" }
        func validation(_ texts: [String]) throws -> Set<String> {
            Set(
                zip(texts, try decisions(settings, texts)).filter {
                    if case .validation = $0.1 { true } else { false }
                }.map(\.0))
        }
        let first = try validation(texts)
        #expect((320...480).contains(first.count))
        #expect(try validation(texts.reversed()) == first)
        settings.seed = 43
        #expect(try validation(texts) != first)
    }

    @Test func `an impossible setting is refused by its field`() {
        var settings = Preprocessing()
        settings.similarityThreshold = 0
        #expect(throws: AgentFailure.self) { try RecordFilter(settings) }
        settings = Preprocessing()
        settings.validationFraction = .nan
        let failure = #expect(throws: AgentFailure.self) { try RecordFilter(settings) }
        #expect(failure?.message.contains("preprocessing.validationFraction") == true)
        #expect(failure?.exitCode == ExitCode.terminal)
    }
}
