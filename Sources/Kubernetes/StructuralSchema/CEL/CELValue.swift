import KubernetesAPI

/// A value of the Common Expression Language, with the types that Kubernetes adds.
enum CELValue: Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case uint(UInt64)
    case double(Double)
    case string(String)
    case bytes([UInt8])
    case list(CELList)
    case map([CELValue: CELValue])
    /// Nanoseconds.
    case duration(Int64)
    /// Seconds since 1970, and nanoseconds of the second.
    case timestamp(Int64, Int64)
    case type(String)
    case quantity(Quantity)
    case url(URLParts)
    indirect case optional(CELValue?)

    var typeName: String {
        switch self {
        case .null: "null_type"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .list: "list"
        case .map: "map"
        case .duration: "google.protobuf.Duration"
        case .timestamp: "google.protobuf.Timestamp"
        case .type: "type"
        case .quantity: "kubernetes.Quantity"
        case .url: "kubernetes.URL"
        case .optional: "optional_type"
        }
    }
}

/// A list, and its type, which decides equality: list-sets and list-maps have no order.
struct CELList: Sendable {
    var elements: [CELValue]
    var type: Schema.ListType?
    var keys: [String] = []

    init(_ elements: [CELValue], type: Schema.ListType? = nil, keys: [String] = []) {
        self.elements = elements
        self.type = type
        self.keys = keys
    }
}

extension CELValue: Hashable {
    /// CEL's equality: numbers are equal across types, values of different types are not equal.
    static func == (left: CELValue, right: CELValue) -> Bool {
        switch (left, right) {
        case (.null, .null): return true
        case (.bool(let a), .bool(let b)): return a == b
        case (.string(let a), .string(let b)): return a == b
        case (.bytes(let a), .bytes(let b)): return a == b
        case (.map(let a), .map(let b)): return a == b
        case (.duration(let a), .duration(let b)): return a == b
        case (.timestamp(let a, let m), .timestamp(let b, let n)): return a == b && m == n
        case (.type(let a), .type(let b)): return a == b
        case (.quantity(let a), .quantity(let b)): return a == b
        case (.url(let a), .url(let b)): return a == b
        case (.optional(let a), .optional(let b)): return a == b
        case (.list(let a), .list(let b)):
            let isUnordered = (a.type ?? .atomic) != .atomic && (b.type ?? .atomic) != .atomic
            guard isUnordered else { return a.elements == b.elements }
            return a.elements.count == b.elements.count && Set(a.elements) == Set(b.elements)
        default: return left.compareNumbers(right) == .some(0)
        }
    }

    func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .int(let value): hasher.combine(Double(value))
        case .uint(let value): hasher.combine(Double(value))
        case .double(let value): hasher.combine(value)
        case .string(let value): hasher.combine(value)
        case .bytes(let value): hasher.combine(value)
        // The hash does not depend on order, as equality may not.
        case .list(let list): hasher.combine(list.elements.count)
        case .map(let members): hasher.combine(members.count)
        case .duration(let value): hasher.combine(value)
        case .timestamp(let seconds, _): hasher.combine(seconds)
        case .type(let name): hasher.combine(name)
        case .quantity(let value): hasher.combine(value)
        case .url(let value): hasher.combine(value)
        case .optional(let value): hasher.combine(value)
        }
    }

    /// A negative number, zero, or a positive one; nil if one of the values is no number, or is NaN.
    func compareNumbers(_ other: CELValue) -> Int? {
        func order<T: Comparable>(_ a: T, _ b: T) -> Int { a < b ? -1 : a == b ? 0 : 1 }
        switch (self, other) {
        case (.int(let a), .int(let b)): return order(a, b)
        case (.uint(let a), .uint(let b)): return order(a, b)
        case (.int(let a), .uint(let b)): return a < 0 ? -1 : order(UInt64(a), b)
        case (.uint(let a), .int(let b)): return b < 0 ? 1 : order(a, UInt64(b))
        default:
            guard let a = number, let b = other.number, !a.isNaN, !b.isNaN else { return nil }
            return order(a, b)
        }
    }

    private var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .uint(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}

extension CELValue {
    /// A JSON value in CEL's types: the schema decides those of numbers, times and lists.
    init(_ value: JSONValue, schema: Schema?) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = schema?.kind == .number ? .double(Double(number)) : .int(number)
        case .number(let number):
            if schema?.kind == .integer, let whole = Int64(exactly: number) {
                self = .int(whole)
            } else {
                self = .double(number)
            }
        case .string(let text):
            self = CELValue(text: text, format: schema?.kind == .string ? schema?.format : nil)
        case .array(let elements):
            let items = schema?.items?.value
            self = .list(
                CELList(
                    elements.map { CELValue($0, schema: items) }, type: schema?.listType,
                    keys: schema?.listMapKeys ?? []))
        case .object(let members):
            var converted: [CELValue: CELValue] = [:]
            for (name, member) in members {
                let declared = schema?.memberSchema(name)
                // Property names may need escaping; a map's keys are plain values.
                let isProperty = schema?.properties[name] != nil || schema?.isEmbeddedResource == true
                let key = isProperty ? CELIdentifier.escaped(name) : name
                converted[.string(key)] = CELValue(member, schema: declared)
            }
            self = .map(converted)
        }
    }

    private init(text: String, format: String?) {
        switch format {
        case "date-time", "datetime":
            self = MicroTime(text).map { .timestamp($0.seconds, $0.microseconds * 1000) } ?? .string(text)
        case "date":
            self = MicroTime(text + "T00:00:00Z").map { .timestamp($0.seconds, 0) } ?? .string(text)
        case "duration": self = GoDuration.parse(text).map(CELValue.duration) ?? .string(text)
        case "byte": self = Base64.decode(text).map(CELValue.bytes) ?? .string(text)
        default: self = .string(text)
        }
    }
}

/// Escapes names of properties that are no CEL identifiers.
enum CELIdentifier {
    private static let reserved: Set<String> = [
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
        "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
    ]

    private static func isEscaped(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "/"): true
        default: false
        }
    }

    static func escaped(_ name: String) -> String {
        if reserved.contains(name) { return "__\(name)__" }
        guard name.utf8.contains(where: isEscaped) else { return name }
        var text = ""
        var rest = Substring(name)
        while let character = rest.first {
            if rest.hasPrefix("__") {
                text += "__underscores__"
                rest = rest.dropFirst(2)
                continue
            }
            switch character {
            case ".": text += "__dot__"
            case "-": text += "__dash__"
            case "/": text += "__slash__"
            default: text.append(character)
            }
            rest = rest.dropFirst()
        }
        return text
    }
}

enum Base64 {
    static func decode(_ text: String) -> [UInt8]? {
        guard StringFormat.isBase64(text) else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 {
            guard let digit = value(byte) else { continue }
            bits = (bits << 6 | digit) & 0xFF_FFFF
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }

    private static func value(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
