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
        func shingles(_ words: [String]) -> Set<[String]> {
            let ends = [String](repeating: "|", count: Shingles.length - 1)
            let padded = ends + words + ends
            return Set(
                (0...(padded.count - Shingles.length)).map { Array(padded[$0..<($0 + Shingles.length)]) })
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
                let left = hash.signature(of: Shingles(of: text.joined(separator: " ")).hashes)
                let right = hash.signature(of: Shingles(of: other.joined(separator: " ")).hashes)
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
        func keeps(_ words: [String]) -> Bool {
            index.insert(Shingles(of: words.joined(separator: " ")).hashes, answer: 0)
        }
        let texts = (0..<300).map { _ in corpus.text(words: 240) }
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
            let far = corpus.variant(of: text, changing: 90)
            if jaccard(text, far) < 0.5, !keeps(far) { wronglyFound += 1 }
        }
        #expect(above > 200)
        #expect(Double(found) >= 0.9 * Double(above))
        #expect(wronglyFound == 0)
    }

    @Test func `different answers are never near-duplicates`() {
        var corpus = Corpus()
        var index = NearDuplicateIndex(threshold: 0.5, seed: 42)
        let shingles = Shingles(of: corpus.text(words: 100).joined(separator: " ")).hashes
        func keeps(answer: UInt64) -> Bool { index.insert(shingles, answer: answer) }
        #expect((0..<50).allSatisfy { keeps(answer: $0) })
        #expect((0..<50).allSatisfy { !keeps(answer: $0) })
    }

    @Test(arguments: [
        ("What does tar do?\nIt archives.", "what  does TAR do it archives", true),
        ("It costs 1.5 euros.", "It costs 15 euros.", false), ("It costs 1,5", "It costs 1 5", false),
        ("-5 + 3", "5 + 3", false), ("a < b", "a > b", false),
        ("\u{65E5}\u{672C}", "\u{65E5}\u{6728}", false),
        ("at 10.", "at 10", true), ("", "…", true), ("don’t", "don't", true),
    ])
    func `case, blanks and marks of sentences make no difference, other signs do`(
        left: String, right: String, same: Bool
    ) {
        #expect((Shingles(of: left).whole == Shingles(of: right).whole) == same)
    }

    @Test func `one word that differs makes five shingles differ, wherever it stands`() {
        let words = (0..<30).map { "w\($0)" }
        let original = Set(Shingles(of: words.joined(separator: " ")).hashes)
        for place in 0..<30 {
            var changed = words
            changed[place] = "other"
            let shingles = Set(Shingles(of: changed.joined(separator: " ")).hashes)
            #expect(original.subtracting(shingles).count == Shingles.length)
        }
        // Text without blanks between words is cut into its characters.
        #expect(Shingles(of: "\u{65E5}\u{672C}\u{8A9E}\u{306E}").hashes.count == 8)
    }

    @Test(arguments: [(0.95, 7), (0.85, 7), (0.5, 2), (0.1, 1)])
    func `the rows of a band follow the threshold`(threshold: Double, rows: Int) {
        #expect(NearDuplicateIndex.rows(for: threshold) == rows)
    }

    @Test func `the seed decides the result`() {
        let text = Shingles(of: "one text of some words").hashes
        #expect(MinHash(seed: 1).signature(of: text) == MinHash(seed: 1).signature(of: text))
        #expect(MinHash(seed: 1).signature(of: text) != MinHash(seed: 2).signature(of: text))
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
        return filter.decide(texts.map { .init(record: Record(text: $0, identity: $0, question: $0)) })
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
