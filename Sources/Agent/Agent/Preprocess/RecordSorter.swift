import AnnealAPI
import ObjectStorage

/// Sorts records, in order: to the side of the split that each belongs to, or out. Holds a batch of some mebibytes.
struct RecordSorter: ~Copyable {
    /// Bytes of lines that make a batch.
    private static let batchSize = 4 << 20
    private static let batchCount = 20_000
    /// Share of the records from which on dropped copies are told of.
    private static let unusualShare = 0.2
    private static let exampleCount = 3

    /// Records dropped as copies: their number, and examples.
    private struct Copies {
        var count: Int64 = 0
        var examples: [String] = []

        mutating func add(_ record: Record, number: Int64) {
            count += 1
            guard examples.count < RecordSorter.exampleCount else { return }
            examples.append("record \(grouped(number)): \"\(RecordSorter.excerpt(record.text))\"")
        }
    }

    private let settings: Preprocessing
    private let hasOwnValidation: Bool
    private var filter: RecordFilter
    private var writer: SplitWriter
    private var batch: [(candidate: RecordFilter.Candidate, line: [UInt8])] = []
    private var batchBytes = 0
    private var records: Int64 = 0
    private var filtered: Int64 = 0
    private var exact = Copies()
    private var near = Copies()

    /// - Parameter hasOwnValidation: whether the dataset has a validation split, which takes the place of one by
    ///   chance.
    init(_ settings: Preprocessing, hasOwnValidation: Bool, folder: ProcessedFolder) throws {
        var filter = try RecordFilter(settings)
        filter.hasOwnValidation = hasOwnValidation
        let writer = try SplitWriter(folder: folder)
        self.settings = settings
        self.hasOwnValidation = hasOwnValidation
        self.filter = filter
        self.writer = writer
    }

    mutating func take(_ record: Record, _ line: [UInt8], _ split: DatasetSplit) throws {
        batch.append((RecordFilter.Candidate(record: record, split: split), line))
        batchBytes += line.count
        if batchBytes >= Self.batchSize || batch.count >= Self.batchCount { try flush() }
    }

    private mutating func flush() throws {
        let decisions = filter.decide(batch.map(\.candidate))
        for (entry, decision) in zip(batch, decisions) {
            records += 1
            switch decision {
            case .train(let rank): try writer.train(entry.line, rank: rank)
            case .validation(let rank): try writer.validation(entry.line, rank: rank)
            case .filtered: filtered += 1
            case .exactDuplicate: exact.add(entry.candidate.record, number: records)
            case .nearDuplicate: near.add(entry.candidate.record, number: records)
            }
        }
        batch.removeAll(keepingCapacity: true)
        batchBytes = 0
    }

    /// Writes what is left; returns the counts, and what people should know of them.
    consuming func finish() throws -> (DatasetSummary, [StageWarning]) {
        try flush()
        // A dataset's own splits stay what they are, even where one is empty.
        let fraction = settings.validationFraction ?? 0.05
        let filling: SplitWriter.Filling = hasOwnValidation ? .neither : fraction > 0 ? .both : .train
        var summary = DatasetSummary()
        summary.records = records
        summary.filtered = filtered
        summary.exactDuplicates = exact.count
        summary.nearDuplicates = near.count
        let warnings = [
            Self.warning(
                "ManyNearDuplicates", near, of: records,
                "nearly copies of others with the same answer; if they are not, raise "
                    + "preprocessing.similarityThreshold or set preprocessing.deduplication to exact"),
            Self.warning(
                "ManyExactDuplicates", exact, of: records,
                "copies of others; if they are repeated on purpose, set preprocessing.deduplication to none"),
        ].compactMap { $0 }
        let counts = try writer.finish(filling)
        summary.trainRecords = counts.train
        summary.validationRecords = counts.validation
        return (summary, warnings)
    }

    private static func warning(
        _ reason: String, _ copies: Copies, of records: Int64, _ words: String
    ) -> StageWarning? {
        guard Double(copies.count) > unusualShare * Double(records) else { return nil }
        return StageWarning(
            reason: reason,
            message:
                "\(grouped(copies.count)) of \(grouped(records)) records were dropped as \(words). Among them: "
                + copies.examples.joined(separator: "; "))
    }

    /// The beginning and the end of a text, on one line of some 90 Unicode scalars.
    private static func excerpt(_ text: String) -> String {
        let words = text.unicodeScalars.split { $0.properties.isWhitespace || $0.value < 0x20 }
        let line = Array(words.joined(separator: [" "]))
        func string(_ scalars: some Sequence<UnicodeScalar>) -> String {
            var string = ""
            string.unicodeScalars.append(contentsOf: scalars)
            return string
        }
        return line.count <= 90 ? string(line) : "\(string(line.prefix(45))) … \(string(line.suffix(42)))"
    }
}
