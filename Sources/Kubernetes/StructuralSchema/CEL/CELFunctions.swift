import KubernetesAPI

/// The functions of CEL and of its Kubernetes libraries, by name.
enum CELFunctions {
    static func call(
        _ name: String, receiver: CELValue?, _ arguments: [CELValue]
    ) throws(CELError) -> CELValue {
        guard let receiver else {
            if let result = try global(name, arguments) { return result }
            throw .noSuchOverload
        }
        let result: CELValue? =
            switch receiver {
            case .string(let text): try CELStrings.call(name, text, arguments)
            case .list(let list): try CELLists.call(name, list, arguments)
            case .quantity(let quantity): try CELQuantities.call(name, quantity, arguments)
            case .url(let url): CELURLs.call(name, url, arguments)
            case .duration, .timestamp: try CELTimes.call(name, receiver, arguments)
            case .optional(let inner): try CELOptionals.call(name, inner, arguments)
            default: nil
            }
        if let result { return result }
        if name == "size", arguments.isEmpty { return try size(receiver) }
        throw .noSuchOverload
    }

    /// Names of functions that are called without a receiver; any other is a compile error.
    static let globals: Set<String> = [
        "size", "int", "uint", "double", "string", "bytes", "bool", "dyn", "type", "duration", "timestamp",
        "matches", "quantity", "isQuantity", "url", "isURL", "optional.of", "optional.none",
        "optional.ofNonZeroValue", "math.greatest", "math.least", "startsWith", "endsWith", "contains",
        "sets.contains", "sets.intersects", "sets.equivalent", "isIP", "isCIDR",
    ]

    /// Names of methods; any other is a compile error.
    static let methods: Set<String> = [
        "size", "startsWith", "endsWith", "contains", "matches", "split", "join", "lowerAscii", "upperAscii",
        "trim", "replace", "substring", "indexOf", "lastIndexOf", "charAt", "format", "reverse", "find",
        "findAll", "isSorted", "sum", "min", "max", "slice", "flatten", "distinct", "sort", "first", "last",
        "isInteger", "asInteger", "asApproximateFloat", "sign", "add", "sub", "compareTo", "isGreaterThan",
        "isLessThan", "getScheme", "getHost", "getHostname", "getPort", "getEscapedPath", "getQuery",
        "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours",
        "getMinutes", "getSeconds", "getMilliseconds", "hasValue", "value", "orValue", "or",
    ]

    private static func global(_ name: String, _ arguments: [CELValue]) throws(CELError) -> CELValue? {
        guard let first = arguments.first else { return name == "optional.none" ? .optional(nil) : nil }
        switch (name, arguments.count) {
        case ("size", 1): return try size(first)
        case ("dyn", 1): return first
        case ("type", 1): return .type(first.typeName)
        case ("optional.of", 1): return .optional(first)
        case ("optional.ofNonZeroValue", 1): return .optional(first.isZero ? nil : first)
        case ("math.greatest", _): return try extreme(arguments, sign: 1)
        case ("math.least", _): return try extreme(arguments, sign: -1)
        case ("matches", 2), ("startsWith", 2), ("endsWith", 2), ("contains", 2):
            return try call(name, receiver: first, [arguments[1]])
        case ("sets.contains", 2), ("sets.intersects", 2), ("sets.equivalent", 2):
            return .bool(try compareSets(name, first, arguments[1]))
        case ("isIP", 1):
            return .bool(try text(first, { StringFormat.isIPv4($0) || StringFormat.isIPv6($0) }))
        case ("isCIDR", 1): return .bool(try text(first, StringFormat.isCIDR))
        case ("isQuantity", 1): return .bool(try text(first, { Quantity($0) != nil }))
        case ("isURL", 1): return .bool(try text(first, { URLParts($0) != nil }))
        case ("quantity", 1):
            guard case .string(let text) = first else { throw .noSuchOverload }
            guard let quantity = Quantity(text) else {
                throw .evaluation("quantities must match the regular expression '\(quantityPattern)'")
            }
            return .quantity(quantity)
        case ("url", 1):
            guard case .string(let text) = first else { throw .noSuchOverload }
            guard let url = URLParts(text) else {
                throw .evaluation("URL parse error during conversion from string: invalid URL \"\(text)\"")
            }
            return .url(url)
        case (_, 1): return try CELConversions.convert(first, to: name)
        default: return nil
        }
    }

    private static let quantityPattern = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"

    private static func text(_ value: CELValue, _ test: (String) -> Bool) throws(CELError) -> Bool {
        guard case .string(let text) = value else { throw .noSuchOverload }
        return test(text)
    }

    static func size(_ value: CELValue) throws(CELError) -> CELValue {
        switch value {
        case .string(let text): return .int(Int64(text.unicodeScalars.count))
        case .bytes(let bytes): return .int(Int64(bytes.count))
        case .list(let list): return .int(Int64(list.elements.count))
        case .map(let members): return .int(Int64(members.count))
        default: throw .noSuchOverload
        }
    }

    private static func compareSets(_ name: String, _ a: CELValue, _ b: CELValue) throws(CELError) -> Bool {
        guard case .list(let left) = a, case .list(let right) = b else { throw .noSuchOverload }
        let (mine, others) = (Set(left.elements), Set(right.elements))
        switch name {
        case "sets.contains": return others.isSubset(of: mine)
        case "sets.intersects": return !mine.isDisjoint(with: others)
        default: return mine == others
        }
    }

    /// The greatest or least of several values, or of one list.
    private static func extreme(_ arguments: [CELValue], sign: Int) throws(CELError) -> CELValue {
        var values = arguments
        if values.count == 1, case .list(let list)? = values.first { values = list.elements }
        guard var best = values.first else { throw .noSuchOverload }
        for value in values.dropFirst() {
            let order = try CELArithmetic.order(value, best)
            if sign > 0 ? order > 0 : order < 0 { best = value }
        }
        return best
    }
}

extension CELValue {
    fileprivate var isZero: Bool {
        switch self {
        case .null: true
        case .bool(let value): !value
        case .int(let value): value == 0
        case .uint(let value): value == 0
        case .double(let value): value == 0
        case .string, .bytes, .list, .map: size == 0
        case .duration(let value): value == 0
        case .timestamp, .type, .quantity, .url, .optional: false
        }
    }
}

enum CELConversions {
    static func convert(_ value: CELValue, to type: String) throws(CELError) -> CELValue? {
        switch type {
        case "int": return try int(value)
        case "uint":
            if case .uint = value { return value }
            guard case .int(let whole) = try int(value), let result = UInt64(exactly: whole) else {
                throw .evaluation("unsigned integer overflow")
            }
            return .uint(result)
        case "double": return try double(value)
        case "string": return try string(value)
        case "bytes":
            guard case .string(let text) = value else { return passed(value, "bytes") }
            return .bytes(Array(text.utf8))
        case "bool":
            guard case .string(let text) = value else { return passed(value, "bool") }
            switch text {
            case "true", "True", "TRUE", "t", "1": return .bool(true)
            case "false", "False", "FALSE", "f", "0": return .bool(false)
            default: throw .evaluation("type conversion error from 'string' to 'bool'")
            }
        case "duration":
            guard case .string(let text) = value else { return passed(value, "google.protobuf.Duration") }
            guard let duration = GoDuration.parse(text) else {
                throw .evaluation("time: invalid duration \"\(text)\"")
            }
            return .duration(duration)
        case "timestamp":
            if case .int(let seconds) = value { return .timestamp(seconds, 0) }
            guard case .string(let text) = value else { return passed(value, "google.protobuf.Timestamp") }
            guard let time = MicroTime(text) else {
                throw .evaluation("invalid timestamp \"\(text)\", must be RFC 3339")
            }
            return .timestamp(time.seconds, time.microseconds * 1000)
        default: return nil
        }
    }

    private static func passed(_ value: CELValue, _ type: String) -> CELValue? {
        value.typeName == type ? value : nil
    }

    private static func int(_ value: CELValue) throws(CELError) -> CELValue {
        switch value {
        case .int: return value
        case .uint(let number):
            guard let whole = Int64(exactly: number) else { throw .overflow }
            return .int(whole)
        case .double(let number):
            guard let whole = Int64(exactly: number.rounded(.towardZero)) else { throw .overflow }
            return .int(whole)
        case .string(let text):
            guard let whole = Int64(text) else {
                throw .evaluation("strconv.ParseInt: parsing \"\(text)\": invalid syntax")
            }
            return .int(whole)
        case .timestamp(let seconds, _): return .int(seconds)
        case .duration(let nanoseconds): return .int(nanoseconds)
        default: throw .noSuchOverload
        }
    }

    private static func double(_ value: CELValue) throws(CELError) -> CELValue {
        switch value {
        case .double: return value
        case .int(let number): return .double(Double(number))
        case .uint(let number): return .double(Double(number))
        case .string(let text):
            guard let number = Double(text) else {
                throw .evaluation("strconv.ParseFloat: parsing \"\(text)\": invalid syntax")
            }
            return .double(number)
        default: throw .noSuchOverload
        }
    }

    private static func string(_ value: CELValue) throws(CELError) -> CELValue {
        switch value {
        case .string: return value
        case .bool, .int, .uint, .double, .duration, .timestamp, .quantity, .url:
            return .string(value.printed)
        case .bytes(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .evaluation("invalid UTF-8 in bytes, cannot convert to string")
            }
            return .string(text)
        default: throw .noSuchOverload
        }
    }
}
