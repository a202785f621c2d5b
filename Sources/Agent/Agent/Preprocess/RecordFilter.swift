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

    mutating func decide(_ record: Record, _ split: DatasetSplit = .train) -> Decision {
        let length = record.text.unicodeScalars.count
        if let least = settings.minLength, length < least { return .filtered }
        if let most = settings.maxLength, length > most { return .filtered }
        let digest = TextDigest(record.identity)
        if settings.deduplication ?? .near != .none, !digests.insert(digest) { return .exactDuplicate }
        if index != nil, index?.insert(record.text) == false { return .nearDuplicate }
        // The side depends on content and seed alone: a record always falls on the same side, and kept copies
        // of one never fall on both.
        let rank = SeededGenerator.mix(digest.high ^ SeededGenerator.mix(seed))
        let isValidation =
            hasOwnValidation ? split == .validation : Double(rank >> 11) * 0x1p-53 < fraction
        return isValidation ? .validation(rank: rank) : .train(rank: rank)
    }
}
