indirect enum RegularExpressionNode {
    case empty
    case scalar(CharacterSet)
    case anchor(RegularExpression.Anchor)
    case sequence([RegularExpressionNode])
    case alternatives([RegularExpressionNode])
    case repeated(RegularExpressionNode, minimum: Int, maximum: Int?, isGreedy: Bool)
}

struct RegularExpressionParser {
    typealias Node = RegularExpressionNode
    typealias SyntaxError = RegularExpression.SyntaxError

    static let lengthLimit = 4096
    static let depthLimit = 100
    static let repetitionLimit = 1000

    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var flags = Flags()

    private struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotMatchesNewline = false
        var isUngreedy = false
    }

    init(_ pattern: String) { scalars = Array(pattern.unicodeScalars.prefix(Self.lengthLimit + 1)) }

    mutating func parse() throws(SyntaxError) -> Node {
        guard scalars.count <= Self.lengthLimit else {
            throw SyntaxError(reason: "expression is longer than \(Self.lengthLimit) characters")
        }
        let node = try alternatives(depth: 0)
        guard peek == nil else { throw SyntaxError(reason: "unexpected )") }
        return node
    }

    private var peek: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func next() -> Unicode.Scalar? {
        guard let scalar = peek else { return nil }
        position += 1
        return scalar
    }

    private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    private mutating func alternatives(depth: Int) throws(SyntaxError) -> Node {
        guard depth < Self.depthLimit else { throw SyntaxError(reason: "expression nests too deeply") }
        let outer = flags
        var choices = [try sequence(depth: depth)]
        while skip("|") { choices.append(try sequence(depth: depth)) }
        flags = outer
        return choices.count == 1 ? choices[0] : .alternatives(choices)
    }

    private mutating func sequence(depth: Int) throws(SyntaxError) -> Node {
        var items: [Node] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            let item = try atom(depth: depth)
            items.append(try repeated(item))
        }
        return items.count == 1 ? items[0] : items.isEmpty ? .empty : .sequence(items)
    }

    private mutating func repeated(_ item: Node) throws(SyntaxError) -> Node {
        var bounds: (Int, Int?)?
        switch peek {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{":
            guard let counted = try countedRepetition() else { return item }
            bounds = counted
        default: return item
        }
        guard let (minimum, maximum) = bounds else { return item }
        position += 1
        let isLazy = skip("?")
        if let scalar = peek, scalar == "*" || scalar == "+" {
            throw SyntaxError(reason: "invalid nested repetition operator")
        }
        return .repeated(item, minimum: minimum, maximum: maximum, isGreedy: isLazy == flags.isUngreedy)
    }

    /// Reads `{2}`, `{2,}` or `{2,5}` and stops at the closing brace; nil if the brace is literal.
    private mutating func countedRepetition() throws(SyntaxError) -> (Int, Int?)? {
        guard let close = scalars[position...].firstIndex(of: "}") else { return nil }
        let body = String(String.UnicodeScalarView(scalars[(position + 1)..<close]))
        let parts = body.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
        let isNumber = { (part: Substring) in !part.isEmpty && part.allSatisfy { $0.isASCII && $0.isNumber } }
        guard let first = parts.first, isNumber(first),
            parts.count < 2 || parts[1].isEmpty || isNumber(parts[1])
        else { return nil }
        let minimum = Int(first) ?? .max
        let maximum: Int? = parts.count == 1 ? minimum : parts[1].isEmpty ? nil : Int(parts[1]) ?? .max
        guard minimum <= Self.repetitionLimit,
            maximum.map({ $0 <= Self.repetitionLimit && $0 >= minimum }) ?? true
        else { throw SyntaxError(reason: "invalid repeat count: `{\(body)}`") }
        position = close
        return (minimum, maximum)
    }

    private mutating func atom(depth: Int) throws(SyntaxError) -> Node {
        guard let scalar = next() else { return .empty }
        switch scalar {
        case "(": return try group(depth: depth)
        case "[": return .scalar(folded(try bracket()))
        case ".": return .scalar(flags.dotMatchesNewline ? .any : .anyButNewline)
        case "^": return .anchor(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .anchor(flags.isMultiline ? .lineEnd : .textEnd)
        case "*", "+", "?": throw SyntaxError(reason: "missing argument to repetition operator: `\(scalar)`")
        case "\\": return try escape()
        default: return .scalar(folded(CharacterSet(ranges: [scalar.value...scalar.value])))
        }
    }

    private func folded(_ set: CharacterSet) -> CharacterSet { flags.ignoresCase ? set.ignoringCase : set }

    private mutating func group(depth: Int) throws(SyntaxError) -> Node {
        let outer = flags
        if skip("?") {
            if skip("P") || peek == "<" {
                guard skip("<"), let close = scalars[position...].firstIndex(of: ">"), close > position else {
                    throw SyntaxError(reason: "invalid named capture")
                }
                position = close + 1
            } else if try readFlags() {
                // `(?i)` holds until the end of its group.
                return .empty
            }
        }
        let node = try alternatives(depth: depth + 1)
        guard skip(")") else { throw SyntaxError(reason: "missing closing )") }
        flags = outer
        return node
    }

    /// Reads `i)`, `i:` or `i-s:`. True if the group holds flags alone.
    private mutating func readFlags() throws(SyntaxError) -> Bool {
        var value = true
        while let scalar = next() {
            switch scalar {
            case "i": flags.ignoresCase = value
            case "m": flags.isMultiline = value
            case "s": flags.dotMatchesNewline = value
            case "U": flags.isUngreedy = value
            case "-": value = false
            case ":": return false
            case ")": return true
            default: throw SyntaxError(reason: "invalid or unsupported Perl syntax: `(?\(scalar)`")
            }
        }
        throw SyntaxError(reason: "missing closing )")
    }

    private mutating func escape() throws(SyntaxError) -> Node {
        switch peek {
        case "A": position += 1; return .anchor(.textStart)
        case "z": position += 1; return .anchor(.textEnd)
        case "b": position += 1; return .anchor(.wordBoundary)
        case "B": position += 1; return .anchor(.notWordBoundary)
        default: return .scalar(folded(try escapedSet()))
        }
    }

    /// The set for the characters after a backslash, inside or outside of brackets.
    private mutating func escapedSet() throws(SyntaxError) -> CharacterSet {
        guard let scalar = next() else {
            throw SyntaxError(reason: "trailing backslash at end of expression")
        }
        func one(_ value: UInt32) -> CharacterSet { CharacterSet(ranges: [value...value]) }
        switch scalar {
        case "d": return .digits
        case "D": return CharacterSet(ranges: CharacterSet.digits.complement)
        case "w": return .word
        case "W": return CharacterSet(ranges: CharacterSet.word.complement)
        case "s": return .space
        case "S": return CharacterSet(ranges: CharacterSet.space.complement)
        case "n": return one(10)
        case "t": return one(9)
        case "r": return one(13)
        case "f": return one(12)
        case "v": return one(11)
        case "a": return one(7)
        case "x": return one(try hexadecimal())
        default:
            guard scalar.isASCII, !scalar.properties.isAlphabetic, !("0"..."9").contains(scalar) else {
                throw SyntaxError(reason: "invalid escape sequence: `\\\(scalar)`")
            }
            return one(scalar.value)
        }
    }

    private mutating func hexadecimal() throws(SyntaxError) -> UInt32 {
        var digits = ""
        if skip("{") {
            while let scalar = next(), scalar != "}", digits.utf8.count < 8 {
                digits.unicodeScalars.append(scalar)
            }
        } else {
            for _ in 0..<2 { next().map { digits.unicodeScalars.append($0) } }
        }
        guard let value = UInt32(digits, radix: 16), value <= 0x10FFFF else {
            throw SyntaxError(reason: "invalid escape sequence: `\\x\(digits)`")
        }
        return value
    }

    private mutating func bracket() throws(SyntaxError) -> CharacterSet {
        let isInverted = skip("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let scalar = peek, scalar != "]" || isFirst {
            isFirst = false
            if scalar == "[", let named = try namedClass() {
                ranges += named
                continue
            }
            let low = try bracketItem()
            guard let lower = low.single, peek == "-", position + 1 < scalars.count,
                scalars[position + 1] != "]"
            else {
                ranges += low.set.ranges
                continue
            }
            position += 1
            guard let upper = try bracketItem().single, upper >= lower else {
                throw SyntaxError(reason: "invalid character class range")
            }
            ranges.append(lower...upper)
        }
        guard skip("]") else { throw SyntaxError(reason: "missing closing ]") }
        return CharacterSet(ranges: ranges, isInverted: isInverted)
    }

    private mutating func bracketItem() throws(SyntaxError) -> (set: CharacterSet, single: UInt32?) {
        guard let scalar = next() else { throw SyntaxError(reason: "missing closing ]") }
        guard scalar == "\\" else {
            return (CharacterSet(ranges: [scalar.value...scalar.value]), scalar.value)
        }
        let set = try escapedSet()
        let isSingle = set.ranges.count == 1 && set.ranges[0].count == 1
        return (set, isSingle ? set.ranges[0].lowerBound : nil)
    }

    /// Reads `[:alpha:]` or its like; nil if the bracket is literal.
    private mutating func namedClass() throws(SyntaxError) -> [ClosedRange<UInt32>]? {
        guard position + 1 < scalars.count, scalars[position + 1] == ":",
            let close = scalars[position...].firstIndex(of: "]")
        else { return nil }
        let name = String(String.UnicodeScalarView(scalars[position...close]))
        let ranges: [ClosedRange<UInt32>]
        switch name {
        case "[:alpha:]": ranges = [65...90, 97...122]
        case "[:digit:]": ranges = [48...57]
        case "[:alnum:]": ranges = [48...57, 65...90, 97...122]
        case "[:upper:]": ranges = [65...90]
        case "[:lower:]": ranges = [97...122]
        case "[:space:]": ranges = [9...13, 32...32]
        case "[:blank:]": ranges = [9...9, 32...32]
        case "[:word:]": ranges = CharacterSet.word.ranges
        case "[:xdigit:]": ranges = [48...57, 65...70, 97...102]
        case "[:punct:]": ranges = [33...47, 58...64, 91...96, 123...126]
        case "[:print:]": ranges = [32...126]
        case "[:graph:]": ranges = [33...126]
        case "[:cntrl:]": ranges = [0...31, 127...127]
        case "[:ascii:]": ranges = [0...127]
        default: throw SyntaxError(reason: "invalid character class range: `\(name)`")
        }
        position = close + 1
        return ranges
    }
}
