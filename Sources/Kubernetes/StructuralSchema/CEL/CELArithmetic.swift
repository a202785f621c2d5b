import KubernetesAPI

/// Operators on numbers, times, strings and lists. An overflow is an error.
enum CELArithmetic {
    static func negate(_ value: CELValue) throws(CELError) -> CELValue {
        switch value {
        case .int(let number):
            guard number != .min else { throw .overflow }
            return .int(0 - number)
        case .double(let number): return .double(-number)
        default: throw .noSuchOverload
        }
    }

    static func apply(_ symbol: CELOperator, _ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue {
        switch (a, b) {
        case (.int(let x), .int(let y)): return .int(try whole(symbol, x, y))
        case (.uint(let x), .uint(let y)): return .uint(try whole(symbol, x, y))
        case (.double(let x), .double(let y)): return .double(try real(symbol, x, y))
        case (.string(let x), .string(let y)) where symbol == .add: return .string(x + y)
        case (.bytes(let x), .bytes(let y)) where symbol == .add: return .bytes(x + y)
        case (.list(let x), .list(let y)) where symbol == .add: return .list(concatenated(x, y))
        default: return try time(symbol, a, b)
        }
    }

    private static func whole<T: FixedWidthInteger>(
        _ symbol: CELOperator, _ x: T, _ y: T
    ) throws(CELError) -> T {
        let (result, overflow): (T, Bool)
        switch symbol {
        case .add: (result, overflow) = x.addingReportingOverflow(y)
        case .subtract: (result, overflow) = x.subtractingReportingOverflow(y)
        case .multiply: (result, overflow) = x.multipliedReportingOverflow(by: y)
        case .divide:
            guard y != 0 else { throw .evaluation("division by zero") }
            (result, overflow) = x.dividedReportingOverflow(by: y)
        case .remainder:
            guard y != 0 else { throw .evaluation("modulus by zero") }
            (result, overflow) = x.remainderReportingOverflow(dividingBy: y)
        default: throw .noSuchOverload
        }
        guard !overflow else { throw .overflow }
        return result
    }

    private static func real(_ symbol: CELOperator, _ x: Double, _ y: Double) throws(CELError) -> Double {
        switch symbol {
        case .add: return x + y
        case .subtract: return x - y
        case .multiply: return x * y
        case .divide: return x / y
        default: throw .noSuchOverload
        }
    }

    /// The lists joined: a list-set keeps one of each element; an element of a list-map replaces the one with
    /// its keys.
    private static func concatenated(_ a: CELList, _ b: CELList) -> CELList {
        var elements = a.elements
        switch a.type {
        case .set:
            var known = Set(elements)
            for element in b.elements where known.insert(element).inserted { elements.append(element) }
        case .map:
            let identity = { (element: CELValue) -> [CELValue?] in
                guard case .map(let members) = element else { return [element] }
                return a.keys.map { members[.string(CELIdentifier.escaped($0))] }
            }
            for element in b.elements {
                if let index = elements.firstIndex(where: { identity($0) == identity(element) }) {
                    elements[index] = element
                } else {
                    elements.append(element)
                }
            }
        case .atomic, nil: elements += b.elements
        }
        return CELList(elements, type: a.type, keys: a.keys)
    }

    private static func time(_ symbol: CELOperator, _ a: CELValue, _ b: CELValue) throws(CELError) -> CELValue
    {
        switch (a, symbol, b) {
        case (.duration(let x), .add, .duration(let y)), (.duration(let x), .subtract, .duration(let y)):
            return .duration(try whole(symbol, x, y))
        case (.timestamp, .add, .duration(let y)): return try shifted(a, by: y)
        case (.duration(let x), .add, .timestamp): return try shifted(b, by: x)
        case (.timestamp, .subtract, .duration(let y)): return try shifted(a, by: try whole(.subtract, 0, y))
        case (.timestamp(let s, let n), .subtract, .timestamp(let t, let m)):
            let seconds = try whole(.multiply, try whole(.subtract, s, t), 1_000_000_000)
            return .duration(try whole(.add, seconds, n - m))
        default: throw .noSuchOverload
        }
    }

    private static func shifted(_ timestamp: CELValue, by nanoseconds: Int64) throws(CELError) -> CELValue {
        guard case .timestamp(let seconds, let fraction) = timestamp else { throw .noSuchOverload }
        var rest = nanoseconds % 1_000_000_000 + fraction
        var whole = nanoseconds / 1_000_000_000
        if rest < 0 {
            rest += 1_000_000_000
            whole -= 1
        } else if rest >= 1_000_000_000 {
            rest -= 1_000_000_000
            whole += 1
        }
        return .timestamp(try Self.whole(.add, seconds, whole), rest)
    }

    /// A negative number, zero, or a positive one, as `a` is less than, equal to or greater than `b`.
    static func order(_ a: CELValue, _ b: CELValue) throws(CELError) -> Int {
        func order<T: Comparable>(_ x: T, _ y: T) -> Int { x < y ? -1 : x == y ? 0 : 1 }
        switch (a, b) {
        case (.string(let x), .string(let y)):
            return x.unicodeScalars.lexicographicallyPrecedes(y.unicodeScalars) ? -1 : x == y ? 0 : 1
        case (.bool(let x), .bool(let y)): return order(x ? 1 : 0, y ? 1 : 0)
        case (.bytes(let x), .bytes(let y)): return x.lexicographicallyPrecedes(y) ? -1 : x == y ? 0 : 1
        case (.duration(let x), .duration(let y)): return order(x, y)
        case (.timestamp(let s, let n), .timestamp(let t, let m)): return s == t ? order(n, m) : order(s, t)
        default:
            guard let result = a.compareNumbers(b) else {
                // NaN has no order: a result that satisfies none of the comparisons.
                if case .double = a, case .double = b { return .max }
                throw .noSuchOverload
            }
            return result
        }
    }

    /// The values in the order of their keys.
    static func sorted(_ items: [(key: CELValue, value: CELValue)]) throws(CELError) -> [CELValue] {
        var failure: CELError?
        let result = items.enumerated().sorted { a, b in
            do throws(CELError) {
                let order = try order(a.element.key, b.element.key)
                return order == 0 ? a.offset < b.offset : order < 0
            } catch {
                failure = error
                return a.offset < b.offset
            }
        }
        if let failure { throw failure }
        return result.map(\.element.value)
    }
}

extension CELValue {
    /// Number of characters or elements: the cost of looking at the value.
    var size: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .list(let list): list.elements.count
        case .map(let members): members.count
        case .optional(let inner): inner?.size ?? 0
        default: 1
        }
    }

    /// The value as an index.
    var wholeNumber: Int64? {
        switch self {
        case .int(let value): value
        case .uint(let value): Int64(exactly: value)
        case .double(let value): Int64(exactly: value)
        default: nil
        }
    }

    /// The value as text in messages: that of `string()` if there is one.
    var printed: String {
        switch self {
        case .null: return "null"
        case .bool(let value): return String(value)
        case .int(let value): return String(value)
        case .uint(let value): return String(value)
        case .double(let value): return goFormat(value)
        case .string(let text): return text
        case .bytes(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .duration(let nanoseconds): return CELTime.text(ofDuration: nanoseconds)
        case .timestamp(let seconds, let nanoseconds):
            return nanoseconds == 0
                ? Timestamp(seconds: seconds).description
                : MicroTime(seconds: seconds, microseconds: nanoseconds / 1000).description
        case .type(let name): return name
        case .quantity(let quantity): return quantity.text
        case .url(let parts): return "\(parts.scheme)://\(parts.host)\(parts.path)"
        case .list(let list): return "[" + list.elements.map(\.printed).joined(separator: ", ") + "]"
        case .map(let members):
            let entries = members.map { "\($0.key.printed): \($0.value.printed)" }.sorted()
            return "{" + entries.joined(separator: ", ") + "}"
        case .optional(let inner): return inner.map { "optional(\($0.printed))" } ?? "optional.none()"
        }
    }
}

enum CELTime {
    /// Seconds with a unit, as CEL prints durations: `90s`, `1.5s`.
    static func text(ofDuration nanoseconds: Int64) -> String {
        guard nanoseconds % 1_000_000_000 != 0 else { return "\(nanoseconds / 1_000_000_000)s" }
        return goFormat(Double(nanoseconds) / 1e9) + "s"
    }
}
