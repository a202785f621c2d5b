import FoundationEssentials

/// Encodes values as `JSONValue`s, as `JSONEncoder` and a parser after it would, without the text between.
enum JSONValueEncoder {
    static func encode(_ value: some Encodable) throws -> JSONValue {
        try encode(value, at: .root) ?? .object([:])
    }

    /// Nil if the value encodes nothing.
    fileprivate static func encode<T: Encodable>(
        _ value: T, at place: @autoclosure () -> CodingPlace
    ) throws -> JSONValue? {
        // A cast costs more than this comparison, and most values are of none of these types.
        if special.contains(ObjectIdentifier(T.self)) {
            switch value {
            case let value as JSONValue: return try value.checked(at: place())
            case let value as String: return .string(value)
            case let value as Data: return .string(value.base64EncodedString())
            case let value as URL: return .string(value.absoluteString)
            default: break
            }
        }
        let encoder = Encoder(at: place())
        guard encoder.depth <= JSONValue.depthLimit else {
            let text = "nested deeper than \(JSONValue.depthLimit) levels"
            throw EncodingError.invalidValue(
                value, .init(codingPath: encoder.codingPath, debugDescription: text))
        }
        try value.encode(to: encoder)
        return encoder.result
    }

    /// Types that are not encoded by their own `encode(to:)`.
    private static let special: [ObjectIdentifier] = [
        ObjectIdentifier(String.self), ObjectIdentifier(JSONValue.self), ObjectIdentifier(Data.self),
        ObjectIdentifier(URL.self),
    ]

    fileprivate static func number(_ value: Double, at place: @autoclosure () -> CodingPlace) throws
        -> JSONValue
    {
        guard value.isFinite else {
            let text = "\(value) is no number that JSON can say"
            throw EncodingError.invalidValue(value, .init(codingPath: place().path, debugDescription: text))
        }
        // JSON does not tell 1.0 from 1.
        return Int64(exactly: value).map { .integer($0) } ?? .number(value)
    }

    fileprivate static func integer(_ value: some BinaryInteger) -> JSONValue {
        Int64(exactly: value).map { .integer($0) } ?? .number(Double(value))
    }
}

extension JSONValue {
    /// Numbers as a parser would read them back from a text.
    fileprivate func checked(at place: CodingPlace) throws -> JSONValue {
        switch self {
        case .null, .bool, .integer, .string: self
        case .number(let value): try JSONValueEncoder.number(value, at: place)
        case .array(let elements): .array(try elements.map { try $0.checked(at: place) })
        case .object(let members): .object(try members.mapValues { try $0.checked(at: place) })
        }
    }
}

/// Place of a value in the outermost one. The path is put together only when it is asked for.
private enum CodingPlace {
    case root
    case member(any CodingKey, of: Encoder)
    /// Path of a container, known to its encoder.
    case fixed([any CodingKey])

    var depth: Int {
        switch self {
        case .root: 0
        case .member(_, let encoder): encoder.depth + 1
        case .fixed(let path): path.count
        }
    }

    var path: [any CodingKey] {
        var keys: [any CodingKey] = []
        var place = self
        while case .member(let key, let encoder) = place {
            keys.append(key)
            place = encoder.place
        }
        guard case .fixed(let path) = place else { return keys.reversed() }
        return path + keys.reversed()
    }
}

/// A value under construction, to which the containers that are asked for add.
private final class Encoder: Swift.Encoder {
    enum Shape {
        case none
        case single(JSONValue)
        case keyed
        case unkeyed
    }

    let place: CodingPlace
    let depth: Int
    var codingPath: [any CodingKey] { place.path }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    var shape = Shape.none
    var members: [String: JSONValue] = [:]
    var elements: [JSONValue] = []
    // Containers that are still being filled.
    private var nestedMembers: [(name: String, encoder: Encoder)] = []
    private var nestedElements: [(index: Int, encoder: Encoder)] = []

    init(at place: CodingPlace) {
        self.place = place
        depth = place.depth
    }

    var result: JSONValue? {
        switch shape {
        case .none: return nil
        case .single(let value): return value
        case .keyed:
            for (name, encoder) in nestedMembers { members[name] = encoder.result ?? .object([:]) }
            return .object(members)
        case .unkeyed:
            for (index, encoder) in nestedElements where elements.indices.contains(index) {
                elements[index] = encoder.result ?? .object([:])
            }
            return .array(elements)
        }
    }

    func member(_ key: any CodingKey) -> Encoder {
        let encoder = Encoder(at: .fixed(codingPath + [key]))
        nestedMembers.append((key.stringValue, encoder))
        return encoder
    }

    func element() -> Encoder {
        let encoder = Encoder(at: .fixed(codingPath + [NamedKey(index: elements.count)]))
        nestedElements.append((elements.count, encoder))
        elements.append(.null)
        return encoder
    }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
        shape = .keyed
        return KeyedEncodingContainer(KeyedContainer<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        shape = .unkeyed
        return UnkeyedContainer(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleContainer(encoder: self) }
}

private struct KeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: Encoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func put(_ value: JSONValue, _ key: Key) { encoder.members[key.stringValue] = value }

    mutating func encodeNil(forKey key: Key) { put(.null, key) }
    mutating func encode(_ value: Bool, forKey key: Key) { put(.bool(value), key) }
    mutating func encode(_ value: String, forKey key: Key) { put(.string(value), key) }
    mutating func encode(_ value: Double, forKey key: Key) throws {
        put(try JSONValueEncoder.number(value, at: .member(key, of: encoder)), key)
    }
    mutating func encode(_ value: Int, forKey key: Key) { put(.integer(Int64(value)), key) }
    mutating func encode(_ value: Int64, forKey key: Key) { put(.integer(value), key) }
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        put(try JSONValueEncoder.encode(value, at: .member(key, of: encoder)) ?? .object([:]), key)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        encoder.member(key).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder.member(key).unkeyedContainer()
    }

    mutating func superEncoder() -> any Swift.Encoder { encoder.member(NamedKey("super")) }
    mutating func superEncoder(forKey key: Key) -> any Swift.Encoder { encoder.member(key) }
}

private struct UnkeyedContainer: UnkeyedEncodingContainer {
    let encoder: Encoder
    var codingPath: [any CodingKey] { encoder.codingPath }
    var count: Int { encoder.elements.count }

    mutating func encodeNil() { encoder.elements.append(.null) }

    mutating func encode<T: Encodable>(_ value: T) throws {
        let place = CodingPlace.member(NamedKey(index: count), of: encoder)
        encoder.elements.append(try JSONValueEncoder.encode(value, at: place) ?? .object([:]))
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) -> KeyedEncodingContainer<Nested> {
        encoder.element().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        encoder.element().unkeyedContainer()
    }
    mutating func superEncoder() -> any Swift.Encoder { encoder.element() }
}

private struct SingleContainer: SingleValueEncodingContainer {
    let encoder: Encoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func put(_ value: JSONValue) { encoder.shape = .single(value) }

    mutating func encodeNil() { put(.null) }
    mutating func encode(_ value: Bool) { put(.bool(value)) }
    mutating func encode(_ value: String) { put(.string(value)) }
    mutating func encode(_ value: Double) throws {
        put(try JSONValueEncoder.number(value, at: encoder.place))
    }
    mutating func encode(_ value: Float) throws {
        // The shortest text of a Float is not that of the Double that equals it.
        try encode(Double("\(value)") ?? Double(value))
    }
    mutating func encode(_ value: Int) { put(.integer(Int64(value))) }
    mutating func encode(_ value: Int8) { put(.integer(Int64(value))) }
    mutating func encode(_ value: Int16) { put(.integer(Int64(value))) }
    mutating func encode(_ value: Int32) { put(.integer(Int64(value))) }
    mutating func encode(_ value: Int64) { put(.integer(value)) }
    mutating func encode(_ value: UInt) { put(JSONValueEncoder.integer(value)) }
    mutating func encode(_ value: UInt8) { put(.integer(Int64(value))) }
    mutating func encode(_ value: UInt16) { put(.integer(Int64(value))) }
    mutating func encode(_ value: UInt32) { put(.integer(Int64(value))) }
    mutating func encode(_ value: UInt64) { put(JSONValueEncoder.integer(value)) }

    mutating func encode<T: Encodable>(_ value: T) throws {
        if let result = try JSONValueEncoder.encode(value, at: encoder.place) { put(result) }
    }
}

/// A key that names no property: an element's, or a superclass's.
private struct NamedKey: CodingKey {
    private let name: String
    let intValue: Int?
    var stringValue: String { intValue.map { "Index \($0)" } ?? name }

    init(_ name: String) {
        self.name = name
        intValue = nil
    }
    init(index: Int) {
        name = ""
        intValue = index
    }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(index: intValue) }
}
