import AnnealAPI
import Foundation
import SeededRandomness
import TestSupport
import Testing

@testable import Agent

/// Records as people really write them: by templates.
@Suite struct TemplatedRecordTests {
    private func decisions(
        _ pairs: [(String, String)], batches: Int = 1, _ settings: Preprocessing = Preprocessing()
    ) throws -> [RecordFilter.Decision] {
        var filter = try RecordFilter(settings)
        let candidates = try pairs.map { prompt, completion in
            let line = try JSONSerialization.data(withJSONObject: [
                "prompt": prompt, "completion": completion,
            ])
            return RecordFilter.Candidate(record: try Record(Array(line), format: .promptCompletion))
        }
        let size = max(1, candidates.count / batches)
        return stride(from: 0, to: candidates.count, by: size).flatMap { start in
            filter.decide(Array(candidates[start..<min(start + size, candidates.count)]))
        }
    }

    private func nearDuplicates(_ pairs: [(String, String)], batches: Int = 1) throws -> Int {
        try decisions(pairs, batches: batches).filter { $0 == .nearDuplicate }.count
    }

    private static let instruction = """
        You are an assistant of a bank. Read the message of the customer, decide which department should answer it, and
        write the name of the department alone, in lower case, without a full stop. The departments are loans, cards,
        accounts and complaints. If a message concerns several of them, name the one that the customer asks first.
        """

    @Test(arguments: [1, 3])
    func `sums with the same template and different numbers stay`(batches: Int) throws {
        let sums = (10..<35).flatMap { left in
            (10..<34).map { right in
                (
                    "Compute the sum of the two whole numbers \(left) and \(right) and give the result.",
                    "The sum is \(left + right)."
                )
            }
        }
        #expect(try nearDuplicates(sums, batches: batches) == 0)
    }

    @Test func `short inputs behind a long instruction stay, also where their answers are the same`() throws {
        let nouns = ["phone", "book", "lamp", "chair", "film", "watch"]
        let reviews = ["great", "poor", "fine"].flatMap { word in
            nouns.flatMap { noun in
                ["love it", "returned it", "kept it", "sold it"].map {
                    (
                        "\(Self.instruction)\n\nReview: \(word) \(noun), \($0)",
                        word == "poor" ? "negative" : "positive"
                    )
                }
            }
        }
        #expect(try nearDuplicates(reviews) == 0)
    }

    @Test func `records of many templates stay`() throws {
        var random = SeededGenerator(seed: 5)
        let records = (0..<40).flatMap { template in
            let words = (0..<40).map { _ in String(random.next() % 100_000, radix: 36) }.joined(
                separator: " ")
            return (0..<12).map { ("\(template) \(words) item \($0) \(random.next() % 1000)", "yes") }
        }
        #expect(try nearDuplicates(records) == 0)
    }

    @Test func `the same question with other answers stays`() throws {
        let records = (0..<50).map { ("Write a poem of two lines about the sea and the wind.", "Poem \($0)") }
        #expect(try nearDuplicates(records) == 0)
    }

    @Test func `copies with other case, blanks and marks go, and long ones with a word changed`() throws {
        var random = SeededGenerator(seed: 6)
        let texts = (0..<200).map { _ in
            (0..<120).map { _ in String(random.next() % 1_000_000, radix: 36) }
        }
        let originals = texts.map { ($0.joined(separator: " ") + ".", "The answer.") }
        let shouted = texts.prefix(50).map { ($0.joined(separator: "  ").uppercased(), "the answer") }
        let edited = texts.suffix(100).map { words -> (String, String) in
            var words = words
            words[60] = "edited"
            return (words.joined(separator: " ") + ".", "The answer.")
        }
        let result = try decisions(originals + shouted + edited)
        #expect(!result.prefix(200).contains(.nearDuplicate))
        #expect(result[200..<250].allSatisfy { $0 == .nearDuplicate })
        #expect(result.suffix(100).filter { $0 == .nearDuplicate }.count >= 85)
    }

    @Test func `an unusual share of dropped copies is told, with three examples`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "sorter-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        func sort(_ lines: [String]) throws -> (DatasetSummary, [StageWarning]) {
            var sorter = try RecordSorter(
                Preprocessing(), hasOwnValidation: false, folder: ProcessedFolder(path: path))
            for line in lines {
                try sorter.take(try Record(Array(line.utf8), format: .text), Array(line.utf8), .train)
            }
            return try sorter.finish()
        }
        let unique = (0..<70).map { "{\"text\": \"question \($0) \(UUID())\"}" }
        let near = unique.prefix(30).map { $0.replacingOccurrences(of: "question", with: "QUESTION,") }
        let (summary, warnings) = try sort(unique + near)
        #expect(summary.nearDuplicates == 30)
        let warning = try #require(warnings.first)
        #expect(warnings.count == 1 && warning.reason == "ManyNearDuplicates")
        #expect(warning.message.hasPrefix("30 of 100 records were dropped as nearly copies"))
        #expect(warning.message.components(separatedBy: "QUESTION, ").count == 4)
        #expect(warning.message.utf8.count <= 900)
        #expect(try sort(unique + unique.prefix(40)).1.map(\.reason) == ["ManyExactDuplicates"])
        #expect(try sort(unique + near.prefix(10)).1 == [])
        let huge = (0..<10).map { _ in "{\"text\": \"\(String(repeating: "😀 \u{301}", count: 3000))\"}" }
        #expect(try sort(unique.prefix(1) + huge).1.allSatisfy { $0.message.utf8.count < 1500 })
    }
}
