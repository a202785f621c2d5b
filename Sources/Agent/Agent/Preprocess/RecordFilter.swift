import AnnealAPI
import SeededRandomness

/// Decides for each record, in order, whether it is kept and on which side of the split.
struct RecordFilter {
    enum Decision: Equatable {
        case train(rank: UInt64), validation(rank: UInt64), filtered, exactDuplicate, nearDuplicate
    }

    private let settings: Preprocessing
    private let seed: UInt64
    private let fraction: Double
    private var digests = DigestSet()
    /// Wordings of the kept records, without case, blanks and marks of sentences.
    private var wordings = DigestSet()
    private var common = CommonShingles()
    private var index: NearDuplicateIndex?
    /// Whether the dataset has a validation split, which takes the place of one by chance.
    var hasOwnValidation = false

    init(_ settings: Preprocessing) throws(AgentFailure) {
        self.settings = settings
        seed = UInt64(bitPattern: settings.seed ?? 42)
        fraction = settings.validationFraction ?? 0.05
        guard fraction >= 0, fraction < 1 else {
            throw .configuration(
                "preprocessing.validationFraction", "\(fraction)", "must be at least 0 and below 1")
        }
        let threshold = settings.similarityThreshold ?? 0.85
        guard threshold > 0, threshold <= 1 else {
            throw .configuration(
                "preprocessing.similarityThreshold", "\(threshold)", "must be above 0 and at most 1")
        }
        if let least = settings.minLength, let most = settings.maxLength, least > most {
            throw .configuration("preprocessing.minLength", "\(least)", "must not exceed maxLength (\(most))")
        }
        if settings.deduplication ?? .near == .near {
            index = NearDuplicateIndex(threshold: threshold, seed: seed)
        }
    }

    /// A record and the side that its file belongs to.
    struct Candidate {
        var record: Record
        var split = DatasetSplit.train
    }

    /// Decides for a batch of records. What many of them share is no sign that two are the same: it is learnt
    /// from the batch first.
    mutating func decide(_ batch: [Candidate]) -> [Decision] {
        guard index != nil else { return batch.map { decide($0, nil) } }
        let shingles = batch.map { Shingles(of: $0.record.question) }
        common.learn(shingles)
        return zip(batch, shingles).map { decide($0, $1) }
    }

    private mutating func decide(_ candidate: Candidate, _ shingles: Shingles?) -> Decision {
        let record = candidate.record
        let length = record.text.unicodeScalars.count
        if let least = settings.minLength, length < least { return .filtered }
        if let most = settings.maxLength, length > most { return .filtered }
        let digest = TextDigest(record.identity)
        if settings.deduplication ?? .near != .none, !digests.insert(digest) { return .exactDuplicate }
        if let shingles, isNearDuplicate(shingles, answer: record.answer) { return .nearDuplicate }
        // The side depends on content and seed alone: a record always falls on the same side, and kept copies
        // of one never fall on both.
        let rank = SeededGenerator.mix(digest.high ^ SeededGenerator.mix(seed))
        let isValidation =
            hasOwnValidation ? candidate.split == .validation : Double(rank >> 11) * 0x1p-53 < fraction
        return isValidation ? .validation(rank: rank) : .train(rank: rank)
    }

    /// Whether a kept record has the same answer, and the same question but for case, blanks and marks, or nearly
    /// the same where it is its own.
    private mutating func isNearDuplicate(_ question: Shingles, answer: String) -> Bool {
        let answer = Shingles(of: answer).whole
        let words = TextDigest(
            high: SeededGenerator.mix(question.whole ^ answer), low: question.whole &+ answer)
        if !wordings.insert(words) { return true }
        return index?.insert(common.rare(question), answer: answer) == false
    }
}
