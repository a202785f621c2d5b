import SeededRandomness

/// The words of a text in groups of consecutive ones: what two texts have in common is counted by them.
///
/// A word is a run of letters and digits, in lower case; a character of a script without blanks between words,
/// and a sign, are words of their own. Blanks and the marks of sentences make no difference.
struct Shingles: Sendable {
    /// Consecutive words that make a shingle. One word that differs makes five shingles differ.
    static let length = 5

    /// Hashes of the shingles, in order. The text's ends count as words, so that those at its ends weigh as much as
    /// others.
    let hashes: [UInt64]
    /// Hash of all words in order: equal for texts that differ in case, blanks and marks of sentences alone.
    let whole: UInt64

    init(of text: String) {
        let words = Self.words(of: text)
        var whole: UInt64 = 0x9E37_79B9_7F4A_7C15
        for word in words { whole = SeededGenerator.mix(whole ^ word) }
        self.whole = whole
        guard !words.isEmpty else {
            hashes = []
            return
        }
        let ends = [UInt64](repeating: 1, count: Self.length - 1)
        let padded = ends + words + ends
        hashes = (0...(padded.count - Self.length)).map { start in
            padded[start..<(start + Self.length)].reduce(0) { SeededGenerator.mix($0 ^ $1) }
        }
    }

    /// Hashes of the words.
    private static func words(of text: String) -> [UInt64] {
        var words: [UInt64] = []
        var word: UInt64 = 0
        var before: UInt32 = 0
        /// A mark between two digits, which is part of a number if a digit follows.
        var mark: UInt32?
        func finish() {
            if word != 0 { words.append(word) }
            word = 0
        }
        for scalar in text.lowercased().unicodeScalars {
            let isDigit = isDigit(scalar)
            if let held = mark {
                mark = nil
                if isDigit { word = SeededGenerator.mix(word ^ UInt64(held)) } else { finish() }
            }
            if isDigit || isLetter(scalar) {
                word = SeededGenerator.mix((word == 0 ? 2 : word) ^ UInt64(scalar.value))
            } else if isSentenceMark(scalar) {
                if (0x30...0x39).contains(before) { mark = scalar.value } else { finish() }
            } else {
                finish()
                if scalar.value > 0x20, !scalar.properties.isWhitespace {
                    words.append(SeededGenerator.mix(2 ^ UInt64(scalar.value)))
                }
            }
            before = scalar.value
        }
        finish()
        return words
    }

    private static func isDigit(_ scalar: UnicodeScalar) -> Bool {
        // Properties of Unicode are slow to look up, and most scalars are ASCII.
        guard scalar.value > 0x7F else { return (0x30...0x39).contains(scalar.value) }
        return scalar.properties.numericType == .decimal
    }

    private static func isSentenceMark(_ scalar: UnicodeScalar) -> Bool {
        switch scalar {
        case ".", ",", ";", ":", "!", "?", "\"", "'", "‘", "’", "“", "”", "„", "…", "。", "、", "，": true
        default: false
        }
    }

    /// Whether a scalar is part of a word with others beside it, unlike ideographs, kana and Thai letters.
    private static func isLetter(_ scalar: UnicodeScalar) -> Bool {
        guard scalar.value > 0x7F else {
            return (0x61...0x7A).contains(scalar.value) || scalar == "_"
        }
        switch scalar.value {
        case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0x3040...0x30FF: return false
        default: break
        }
        let properties = scalar.properties
        return !properties.isIdeographic
            && (properties.isAlphabetic || properties.generalCategory == .nonspacingMark)
    }
}

/// Shingles that many records share, as those of one template do. They do not say that two records are the same.
struct CommonShingles: Sendable {
    /// Records of a batch that make a shingle common if all have it: more than 5 % of them and more than 3, but no
    /// more than 8 are needed.
    private static func limit(_ records: Int) -> UInt32 { UInt32(max(3, min(8, records / 20))) }
    private static let slots = 1 << 20
    /// Shingles that are remembered, at most: 16 bytes each.
    private static let memory = 1 << 20

    private var common: Set<UInt64> = []

    /// Learns from a batch of records. Counts are kept by 20 bits of a hash: 4 MiB, whatever the batch.
    mutating func learn(_ batch: [Shingles]) {
        var counts = [UInt32](repeating: 0, count: Self.slots)
        var last = [UInt32](repeating: 0, count: Self.slots)
        for (number, shingles) in batch.enumerated() {
            // A record counts once, however often it repeats itself.
            let mark = UInt32(truncatingIfNeeded: number &+ 1)
            for hash in shingles.hashes {
                let slot = Self.slot(hash)
                guard last[slot] != mark else { continue }
                last[slot] = mark
                counts[slot] &+= 1
            }
        }
        let limit = Self.limit(batch.count)
        for shingles in batch {
            for hash in shingles.hashes where counts[Self.slot(hash)] > limit {
                guard common.count < Self.memory else { return }
                common.insert(hash)
            }
        }
    }

    /// The shingles that are not common.
    func rare(_ shingles: Shingles) -> [UInt64] { shingles.hashes.filter { !common.contains($0) } }

    private static func slot(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 40) & (slots - 1) }
}
