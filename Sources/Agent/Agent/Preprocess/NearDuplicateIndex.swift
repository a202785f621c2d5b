import FoundationEssentials
import SeededRandomness

/// The kept records by signature: finds one with the same answer of which a new record is a near-duplicate.
///
/// Locality-sensitive hashing by bands (J. Leskovec, A. Rajaraman, J. Ullman, "Mining of Massive Datasets",
/// 3.4): signatures that agree in all `rows` places of one of the bands are candidates, found with
/// probability 1 − (1 − J^rows)^bands; a candidate counts if the similarity of the whole signatures reaches
/// the threshold.
///
/// Memory for a record: 63 bytes of signature and 8 of its answer, and in each of 9 tables 4 bytes at a load of
/// 0.4 to 0.8, at most 90: 161 bytes; with the 80 of two `DigestSet`s, 241.
struct NearDuplicateIndex {
    static let bands = 9
    /// Least probability with which a pair at the threshold becomes a candidate.
    static let recall = 0.92
    /// Candidates examined in a band, at most, so that texts that share a phrase do not make it slow.
    private static let probeLimit = 64

    let threshold: Double
    let rows: Int
    private let hash: MinHash
    private var signatures = SignatureStore()
    private var tables: [BandTable]

    /// - Parameter threshold: Jaccard similarity, above 0 and at most 1.
    init(threshold: Double, seed: UInt64) {
        self.threshold = threshold
        rows = Self.rows(for: threshold)
        hash = MinHash(seed: seed)
        tables = (0..<Self.bands).map { _ in BandTable() }
    }

    /// The largest number of rows with which pairs at the threshold are found with probability `recall`: the
    /// more rows, the fewer false candidates.
    static func rows(for threshold: Double) -> Int {
        let most = MinHash.length / bands
        return (1...most).last { rows in
            var agree = 1.0
            for _ in 0..<rows { agree *= threshold }
            var miss = 1.0
            for _ in 0..<bands { miss *= 1 - agree }
            return 1 - miss >= recall
        } ?? 1
    }

    /// Keeps a record unless it is a near-duplicate of a kept one; returns whether it was kept. A record without
    /// shingles is like no other.
    ///
    /// - Parameter answer: Hash of what the model shall learn to write. Records of different answers are never
    ///   near-duplicates.
    mutating func insert(_ shingles: [UInt64], answer: UInt64) -> Bool {
        guard !shingles.isEmpty else { return true }
        let signature =
            hash.signature(of: shingles) + (0..<8).map { UInt8(truncatingIfNeeded: answer >> (8 * $0)) }
        let keys = (0..<Self.bands).map { band in Self.key(signature[...], band: band, rows: rows) }
        for (band, key) in keys.enumerated() where isDuplicate(signature, band: band, key: key) {
            return false
        }
        guard let index = signatures.append(signature) else { return true }
        for (band, key) in keys.enumerated() {
            tables[band].insert(index, key: key) { [signatures, rows] other in
                Self.key(signatures[other], band: band, rows: rows)
            }
        }
        return true
    }

    private func isDuplicate(_ signature: [UInt8], band: Int, key: UInt64) -> Bool {
        var looked = 0
        return tables[band].contains(key: key) { other in
            let kept = signatures[other]
            guard Self.key(kept, band: band, rows: rows) == key else { return .otherKey }
            looked += 1
            guard kept.suffix(8).elementsEqual(signature.suffix(8)) else { return .goOn }
            let pairs = zip(signature.prefix(MinHash.length), kept.prefix(MinHash.length))
            let agreeing = pairs.reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
            if MinHash.similarity(agreeing) >= threshold { return .found }
            return looked < Self.probeLimit ? .goOn : .giveUp
        }
    }

    /// The bytes of a band, and those of the answer, as a number.
    private static func key(_ signature: ArraySlice<UInt8>, band: Int, rows: Int) -> UInt64 {
        let start = signature.startIndex + band * rows
        let key = signature[start..<(start + rows)].reduce(0) { $0 << 8 | UInt64($1) }
        return key ^ SeededGenerator.mix(signature.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}

/// Signatures in blocks, one after another, so that growing copies nothing.
private struct SignatureStore {
    private static let blockCount = 4096
    /// Bytes of an entry: those of the signature, and eight of the answer.
    private static let width = MinHash.length + 8
    private var blocks: [[UInt8]] = []
    private var count = 0

    /// Appends a signature and returns its index; nil if the index is full (4 billion).
    mutating func append(_ signature: [UInt8]) -> UInt32? {
        guard count < Int(UInt32.max) else { return nil }
        if count % Self.blockCount == 0 {
            var block: [UInt8] = []
            block.reserveCapacity(Self.blockCount * Self.width)
            blocks.append(block)
        }
        blocks[blocks.count - 1].append(contentsOf: signature)
        defer { count += 1 }
        return UInt32(count)
    }

    subscript(index: UInt32) -> ArraySlice<UInt8> {
        let start = Int(index) % Self.blockCount * Self.width
        return blocks[Int(index) / Self.blockCount][start..<(start + Self.width)]
    }
}

/// A hash table, with open addressing, of indexes into the signatures; keys are computed from those.
private struct BandTable {
    enum Verdict { case otherKey, goOn, found, giveUp }

    private static let free = UInt32.max
    private var slots = [UInt32](repeating: free, count: 64)
    private var count = 0

    mutating func insert(_ index: UInt32, key: UInt64, keyOf: (UInt32) -> UInt64) {
        if count * 5 >= slots.count * 4 { grow(keyOf) }
        place(index, key)
        count += 1
    }

    /// Shows `look` the entries that may have the key, until it decides.
    func contains(key: UInt64, _ look: (UInt32) -> Verdict) -> Bool {
        var slot = position(key)
        while slots[slot] != Self.free {
            switch look(slots[slot]) {
            case .found: return true
            case .giveUp: return false
            case .otherKey, .goOn: slot = (slot + 1) & (slots.count - 1)
            }
        }
        return false
    }

    private func position(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: SeededGenerator.mix(key)) & (slots.count - 1)
    }

    private mutating func place(_ index: UInt32, _ key: UInt64) {
        var slot = position(key)
        while slots[slot] != Self.free { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = index
    }

    private mutating func grow(_ keyOf: (UInt32) -> UInt64) {
        let old = slots
        slots = [UInt32](repeating: Self.free, count: old.count * 2)
        for index in old where index != Self.free { place(index, keyOf(index)) }
    }
}
