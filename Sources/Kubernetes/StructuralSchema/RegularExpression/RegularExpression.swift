import Synchronization

/// A regular expression in RE2's syntax, as Kubernetes uses it, matched in time proportional to the text: no
/// input can make it hang, and its size is bounded. (Swift's `Regex` backtracks, and speaks another dialect.)
/// Left out: `\p{…}` classes, and named groups in results.
public struct RegularExpression: Sendable {
    /// Cause of a refusal.
    public struct SyntaxError: Error, Hashable, Sendable {
        public var reason: String
    }

    let program: [Instruction]

    public init(_ pattern: String) throws(SyntaxError) {
        var parser = RegularExpressionParser(pattern)
        program = try RegularExpressionCompiler.compile(parser.parse())
    }

    enum Instruction: Sendable {
        case scalar(CharacterSet)
        case assert(Anchor)
        /// Continues at both places, preferably at the first.
        case split(Int, Int)
        case jump(Int)
        case match
    }

    enum Anchor: Sendable {
        case textStart, textEnd, lineStart, lineEnd, wordBoundary, notWordBoundary
    }

    private static let cache = Mutex<[String: Result<RegularExpression, SyntaxError>]>([:])
    private static let cacheLimit = 1024

    /// The expression, compiled once and kept.
    static func compiled(_ pattern: String) -> Result<RegularExpression, SyntaxError> {
        if let known = cache.withLock({ $0[pattern] }) { return known }
        let result: Result<RegularExpression, SyntaxError>
        do {
            result = .success(try RegularExpression(pattern))
        } catch {
            result = .failure(error)
        }
        cache.withLock { cache in
            if cache.count >= cacheLimit { cache.removeAll() }
            cache[pattern] = result
        }
        return result
    }

    /// Whether the expression matches anywhere in `text`.
    public func matches(_ text: String) -> Bool { firstMatch(in: Array(text.unicodeScalars)) != nil }

    /// The leftmost match, as a range of scalars; of several that begin there, the one that the expression
    /// prefers.
    func firstMatch(in text: [Unicode.Scalar], from start: Int = 0) -> Range<Int>? {
        var machine = RegularExpressionMachine(program: program, text: text)
        return machine.run(from: start)
    }
}

/// A set of Unicode scalars.
struct CharacterSet: Sendable, Hashable {
    var ranges: [ClosedRange<UInt32>]
    var isInverted = false

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        ranges.contains { $0.contains(scalar.value) } != isInverted
    }

    /// The same set with both cases of ASCII letters.
    var ignoringCase: CharacterSet {
        var folded = ranges
        for range in ranges {
            for (from, offset) in [(UInt32(65)...90, Int64(32)), (UInt32(97)...122, Int64(-32))]
            where range.overlaps(from) {
                let common = range.clamped(to: from)
                folded.append(
                    UInt32(
                        clamping: Int64(common.lowerBound) + offset)...UInt32(
                            clamping: Int64(common.upperBound) + offset))
            }
        }
        return CharacterSet(ranges: folded, isInverted: isInverted)
    }

    /// Ranges of the scalars that this set does not hold.
    var complement: [ClosedRange<UInt32>] {
        var next: UInt32 = 0
        var gaps: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound == .max ? .max : range.upperBound + 1)
        }
        if next <= 0x10FFFF { gaps.append(next...0x10FFFF) }
        return gaps
    }

    static let digits = CharacterSet(ranges: [48...57])
    static let word = CharacterSet(ranges: [48...57, 65...90, 95...95, 97...122])
    static let space = CharacterSet(ranges: [9...10, 12...13, 32...32])
    static let any = CharacterSet(ranges: [], isInverted: true)
    static let anyButNewline = CharacterSet(ranges: [10...10], isInverted: true)
}
