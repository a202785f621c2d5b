import Crypto
import FoundationEssentials

/// 128 bits of a text's SHA-256. Texts with equal digests count as equal.
struct TextDigest: Hashable, Sendable {
    var high: UInt64
    var low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    init(_ text: String) {
        let bytes = Array(SHA256.hash(data: Data(text.utf8)))
        high = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// A set of digests with open addressing: 16 bytes each at a load of 0.4 to 0.8, hence 40 bytes each at most.
struct DigestSet {
    /// Mark of a free slot. A text has this digest with probability 2⁻¹²⁸, and would then be new every time.
    private static let free = TextDigest(high: 0, low: 0)

    private var slots = [TextDigest](repeating: free, count: 64)
    private(set) var count = 0

    /// Adds the digest; true if it is new.
    mutating func insert(_ digest: TextDigest) -> Bool {
        if count * 5 >= slots.count * 4 { grow() }
        guard place(digest) else { return false }
        count += 1
        return true
    }

    private mutating func place(_ digest: TextDigest) -> Bool {
        var slot = Int(truncatingIfNeeded: digest.low) & (slots.count - 1)
        while slots[slot] != Self.free {
            if slots[slot] == digest { return false }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = digest
        return true
    }

    private mutating func grow() {
        let old = slots
        slots = [TextDigest](repeating: Self.free, count: old.count * 2)
        for digest in old where digest != Self.free { _ = place(digest) }
    }
}
