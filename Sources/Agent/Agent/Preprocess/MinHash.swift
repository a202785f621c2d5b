import SeededRandomness

/// MinHash signatures of sets of shingles.
///
/// For a random order of all shingles, the first shingle of two sets is the same with a probability that is
/// their Jaccard similarity J (A. Broder, "On the resemblance and containment of documents", 1997). A
/// signature holds, for each of `length` orders, the lowest 8 bits of the first shingle's hash; two of them
/// agree in a place with probability J + (1 − J)/256 (P. Li and C. König, "b-Bit Minwise Hashing", 2010).
struct MinHash: Sendable {
    /// Places of a signature; one byte each.
    static let length = 63

    private let multipliers: [UInt64]
    private let offsets: [UInt64]

    /// - Parameter seed: equal seeds give equal signatures.
    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        // Odd multipliers: h ↦ (a·h + b) mod 2⁶⁴ is then a permutation.
        multipliers = (0..<Self.length).map { _ in generator.next() | 1 }
        offsets = (0..<Self.length).map { _ in generator.next() }
    }

    /// The signature of a set of shingles, given by their hashes.
    func signature(of shingles: [UInt64]) -> [UInt8] {
        var minima = [UInt64](repeating: .max, count: Self.length)
        minima.withUnsafeMutableBufferPointer { minima in
            multipliers.withUnsafeBufferPointer { multipliers in
                offsets.withUnsafeBufferPointer { offsets in
                    for hash in shingles {
                        for place in 0..<Self.length {
                            let value = multipliers[place] &* hash &+ offsets[place]
                            if value < minima[place] { minima[place] = value }
                        }
                    }
                }
            }
        }
        // The high bits decide which value is least and say little once it is known; the low bits of a
        // product depend on few bits of its factor. Mixing makes all bits equal.
        return minima.map { UInt8(truncatingIfNeeded: SeededGenerator.mix($0)) }
    }

    /// The estimated Jaccard similarity of two sets.
    ///
    /// - Parameter agreeing: number of places in which their signatures agree.
    static func similarity(_ agreeing: Int) -> Double {
        let rate = Double(agreeing) / Double(length)
        return max(0, (rate - 1.0 / 256) / (1 - 1.0 / 256))
    }
}
