import KubernetesAPI

/// One step from a value to a part of it, in the terms of field ownership.
public enum PathElement: Hashable, Sendable {
    /// A member of an object: `f:name`.
    case field(String)
    /// An element of a list of objects, by the members that identify it: `k:{"name":"c"}`.
    case key([String: JSONValue])
    /// An element of a set: `v:"x"`.
    case value(JSONValue)
    /// An element at a position: `i:0`.
    case index(Int)

    /// Decodes the form used in `fieldsV1`; nil if it is malformed.
    init?(encoded text: String) {
        let rest = text.dropFirst(2)
        switch text.prefix(2) {
        case "f:": self = .field(String(rest))
        case "k:":
            guard let value = try? JSONValue(parsing: rest.utf8), let members = value.objectValue else {
                return nil
            }
            self = .key(members)
        case "v:":
            guard let value = try? JSONValue(parsing: rest.utf8) else { return nil }
            self = .value(value)
        case "i:":
            guard let index = Int(rest) else { return nil }
            self = .index(index)
        default: return nil
        }
    }

    /// The form used in `fieldsV1`.
    var encoded: String {
        switch self {
        case .field(let name): "f:\(name)"
        case .key(let members): "k:\(JSONValue.object(members).text)"
        case .value(let value): "v:\(value.text)"
        case .index(let index): "i:\(index)"
        }
    }

    /// The form used in messages: `.name`, `[name="c"]`, `[="x"]`, `[0]`.
    var readable: String {
        switch self {
        case .field(let name): return ".\(name)"
        case .key(let members):
            let pairs = members.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }
            return "[\(pairs.joined(separator: ","))]"
        case .value(let value): return "[=\(value.text)]"
        case .index(let index): return "[\(index)]"
        }
    }

    private var rank: Int {
        switch self {
        case .field: 0
        case .key: 1
        case .value: 2
        case .index: 3
        }
    }
}

extension PathElement: Comparable {
    public static func < (left: PathElement, right: PathElement) -> Bool {
        switch (left, right) {
        case (.field(let mine), .field(let other)): mine < other
        case (.index(let mine), .index(let other)): mine < other
        case (.key, .key), (.value, .value): left.encoded < right.encoded
        default: left.rank < right.rank
        }
    }
}

extension PathElement {
    /// Names an element of a list of this type; nil if the element lacks the identifying members.
    static func identifying(_ element: JSONValue, in type: MergeType) -> PathElement? {
        switch type.shape {
        case .set:
            switch element {
            case .null, .array, .object: return nil
            case .number(let number):
                return .value(element.integerValue.map { .integer($0) } ?? .number(number))
            case .bool, .integer, .string: return .value(element)
            }
        case .keyedList(let keys, let elementType):
            guard let members = element.objectValue else { return nil }
            var identity: [String: JSONValue] = [:]
            for key in keys {
                // An absent key has its default, if there is one.
                guard let value = members[key] ?? elementType.member(key).defaultValue else { return nil }
                identity[key] = value
            }
            return .key(identity)
        case .scalar, .atomicList, .map, .untyped:
            return nil
        }
    }
}
