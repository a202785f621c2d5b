/// Functions on strings. Positions count Unicode scalars, as CEL's do.
enum CELStrings {
    static func call(_ name: String, _ text: String, _ arguments: [CELValue]) throws(CELError) -> CELValue? {
        if let result = try compare(name, text, arguments) { return result }
        switch (name, arguments.count) {
        case ("lowerAscii", 0): return .string(mapASCII(text) { (65...90).contains($0) ? $0 + 32 : $0 })
        case ("upperAscii", 0): return .string(mapASCII(text) { (97...122).contains($0) ? $0 - 32 : $0 })
        case ("trim", 0): return .string(trimmed(text))
        case ("reverse", 0): return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
        case ("charAt", 1): return .string(try slice(text, arguments[0], length: 1))
        case ("substring", 1), ("substring", 2): return .string(try substring(text, arguments))
        case ("replace", 2), ("replace", 3): return .string(try replace(text, arguments))
        case ("split", 1), ("split", 2): return try split(text, arguments)
        case ("indexOf", 1), ("indexOf", 2), ("lastIndexOf", 1), ("lastIndexOf", 2):
            return .int(try index(name, text, arguments))
        case ("find", 1):
            let scalars = Array(text.unicodeScalars)
            guard let range = try expression(arguments[0]).firstMatch(in: scalars) else { return .string("") }
            return .string(String(String.UnicodeScalarView(scalars[range])))
        case ("findAll", 1), ("findAll", 2): return try findAll(text, arguments)
        case ("format", 1): return .string(try CELFormat.format(text, arguments[0]))
        default: return nil
        }
    }

    private static func compare(
        _ name: String, _ text: String, _ arguments: [CELValue]
    ) throws(CELError) -> CELValue? {
        guard arguments.count == 1, case .string(let other)? = arguments.first else { return nil }
        switch name {
        case "startsWith": return .bool(text.utf8.starts(with: other.utf8))
        case "endsWith": return .bool(text.utf8.reversed().starts(with: other.utf8.reversed()))
        case "contains": return .bool(position(of: scalars(other), in: scalars(text), from: 0) != nil)
        case "matches": return .bool(try expression(.string(other)).matches(text))
        default: return nil
        }
    }

    private static func expression(_ pattern: CELValue) throws(CELError) -> RegularExpression {
        guard case .string(let text) = pattern else { throw .noSuchOverload }
        switch RegularExpression.compiled(text) {
        case .success(let expression): return expression
        case .failure(let error): throw .evaluation("error parsing regexp: \(error.reason)")
        }
    }

    private static func scalars(_ text: String) -> [Unicode.Scalar] { Array(text.unicodeScalars) }

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    private static func mapASCII(_ text: String, _ change: (UInt32) -> UInt32) -> String {
        string(text.unicodeScalars.map { $0.isASCII ? Unicode.Scalar(change($0.value)) ?? $0 : $0 })
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = scalars(text)
        let start = scalars.firstIndex { !$0.properties.isWhitespace } ?? scalars.count
        let end = (scalars.lastIndex { !$0.properties.isWhitespace } ?? -1) + 1
        return start < end ? string(scalars[start..<end]) : ""
    }

    /// Position of `part` in `text`, at `start` or later; nil if it does not occur.
    private static func position(
        of part: [Unicode.Scalar], in text: [Unicode.Scalar], from start: Int
    ) -> Int? {
        guard start >= 0, part.count <= text.count else { return nil }
        var index = start
        while index + part.count <= text.count {
            if text[index..<(index + part.count)].elementsEqual(part) { return index }
            index += 1
        }
        return nil
    }

    private static func slice(_ text: String, _ start: CELValue, length: Int) throws(CELError) -> String {
        let scalars = scalars(text)
        guard let index = start.wholeNumber, index >= 0, index <= scalars.count else {
            throw .evaluation("index out of range: \(start.printed)")
        }
        return string(scalars[Int(index)..<min(Int(index) + length, scalars.count)])
    }

    private static func substring(_ text: String, _ arguments: [CELValue]) throws(CELError) -> String {
        let scalars = scalars(text)
        let end = arguments.count > 1 ? arguments[1].wholeNumber : Int64(scalars.count)
        guard let start = arguments[0].wholeNumber, let end else { throw .noSuchOverload }
        guard start >= 0, end >= start, end <= scalars.count else {
            throw .evaluation("invalid substring range. start: \(start), end: \(end)")
        }
        return string(scalars[Int(start)..<Int(end)])
    }

    private static func replace(_ text: String, _ arguments: [CELValue]) throws(CELError) -> String {
        guard case .string(let old) = arguments[0], case .string(let new) = arguments[1] else {
            throw .noSuchOverload
        }
        var left = arguments.count > 2 ? arguments[2].wholeNumber ?? -1 : -1
        let source = scalars(text)
        let part = scalars(old)
        guard !part.isEmpty else { return text }
        let (size, overflow) = new.unicodeScalars.count.multipliedReportingOverflow(by: source.count)
        guard !overflow, size <= CELEvaluator.budget * 10 else { throw .budgetExceeded }
        var result: [Unicode.Scalar] = []
        var index = 0
        while left != 0, let next = position(of: part, in: source, from: index) {
            result += source[index..<next]
            result += new.unicodeScalars
            index = next + part.count
            left -= left > 0 ? 1 : 0
        }
        return string(result + source[index...])
    }

    private static func split(_ text: String, _ arguments: [CELValue]) throws(CELError) -> CELValue {
        guard case .string(let separator) = arguments[0] else { throw .noSuchOverload }
        var left = arguments.count > 1 ? arguments[1].wholeNumber ?? -1 : -1
        if left == 0 { return .list(CELList([])) }
        let source = scalars(text)
        let part = scalars(separator)
        if part.isEmpty { return .list(CELList(source.map { .string(String(Character($0))) })) }
        var pieces: [CELValue] = []
        var index = 0
        while left != 1, let next = position(of: part, in: source, from: index) {
            pieces.append(.string(string(source[index..<next])))
            index = next + part.count
            left -= left > 0 ? 1 : 0
        }
        pieces.append(.string(string(source[index...])))
        return .list(CELList(pieces))
    }

    private static func index(
        _ name: String, _ text: String, _ arguments: [CELValue]
    ) throws(CELError) -> Int64 {
        guard case .string(let other) = arguments[0] else { throw .noSuchOverload }
        let source = scalars(text)
        let part = scalars(other)
        let offset = arguments.count > 1 ? arguments[1].wholeNumber : nil
        if let offset, offset < 0 || offset > source.count {
            throw .evaluation("index out of range: \(offset)")
        }
        if name == "indexOf" {
            return position(of: part, in: source, from: Int(offset ?? 0)).map(Int64.init) ?? -1
        }
        var index = min(source.count - part.count, Int(offset ?? Int64(source.count)))
        while index >= 0 {
            if source[index..<(index + part.count)].elementsEqual(part) { return Int64(index) }
            index -= 1
        }
        return -1
    }

    private static func findAll(_ text: String, _ arguments: [CELValue]) throws(CELError) -> CELValue {
        let expression = try expression(arguments[0])
        let source = scalars(text)
        let limit = arguments.count > 1 ? arguments[1].wholeNumber ?? -1 : -1
        var found: [CELValue] = []
        var index = 0
        // Each search is linear, and their number is limited.
        while index <= source.count, found.count < 1000, limit < 0 || found.count < limit,
            let range = expression.firstMatch(in: source, from: index)
        {
            found.append(.string(string(source[range])))
            index = range.isEmpty ? range.upperBound + 1 : range.upperBound
        }
        return .list(CELList(found))
    }
}

/// `"%s is %d".format([a, b])`
enum CELFormat {
    static func format(_ template: String, _ arguments: CELValue) throws(CELError) -> String {
        guard case .list(let list) = arguments else { throw .noSuchOverload }
        var rest = template[...]
        var values = list.elements[...]
        var result = ""
        while let mark = rest.firstIndex(of: "%") {
            result += rest[..<mark]
            rest = rest[rest.index(after: mark)...]
            if rest.first == "%" {
                result += "%"
                rest = rest.dropFirst()
                continue
            }
            var precision: Int?
            if rest.first == "." {
                let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
                precision = Int(digits).map { min($0, 100) } ?? 6
                rest = rest.dropFirst(1 + digits.count)
            }
            guard let verb = rest.first else { throw .evaluation("unexpected end of format string") }
            rest = rest.dropFirst()
            guard let value = values.popFirst() else {
                throw .evaluation("index \(list.elements.count) out of range")
            }
            result += try formatted(value, verb, precision)
        }
        return result + rest
    }

    private static func formatted(
        _ value: CELValue, _ verb: Character, _ precision: Int?
    ) throws(CELError) -> String {
        switch verb {
        case "s": return value.printed
        case "d":
            switch value {
            case .int, .uint, .double: return value.printed
            default:
                throw .evaluation("decimal clause can only be used on integers, was given \(value.typeName)")
            }
        case "f", "e":
            guard case .double(let number)? = try CELConversions.convert(value, to: "double") else {
                throw .noSuchOverload
            }
            return fixed(number, precision ?? 6)
        case "x", "X", "o", "b":
            guard let number = value.wholeNumber else { throw .noSuchOverload }
            let radix = verb == "o" ? 8 : verb == "b" ? 2 : 16
            return String(number, radix: radix, uppercase: verb == "X")
        default: throw .evaluation("unrecognized formatting clause \"\(verb)\"")
        }
    }

    private static func fixed(_ number: Double, _ precision: Int) -> String {
        guard number.isFinite, number.magnitude < 1e15, precision <= 18 else { return goFormat(number) }
        let scale = (0..<precision).reduce(Int128(1)) { product, _ in product * 10 }
        guard let scaled = Int128(exactly: (number * Double(scale)).rounded(.toNearestOrEven)) else {
            return goFormat(number)
        }
        let digits = String(scaled.magnitude)
        let padded = String(repeating: "0", count: max(0, precision + 1 - digits.count)) + digits
        let whole = padded.prefix(padded.count - precision)
        let sign = scaled < 0 ? "-" : ""
        return precision == 0 ? sign + whole : sign + whole + "." + padded.suffix(precision)
    }
}
