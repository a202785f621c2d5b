import FoundationEssentials

/// Encodes values as `JSONValue`s, as `JSONEncoder` and a parser after it would, without the text between.
enum JSONValueEncoder {
    static func encode(_ value: some Encodable) throws -> JSONValue {
        try encode(value, at: []) ?? .object([:])
    }

    /// Nil where the value encodes nothing.
    fileprivate static func encode(_ value: any Encodable, at path: [any CodingKey]) throws -> JSONValue? {
        switch value {
        case let value as JSONValue: return try value.checked(at: path)
        case let value as String: return .string(value)
        case let value as Data: return .string(value.base64EncodedString())
        case let value as URL: return .string(value.absoluteString)
        default:
            guard path.count <= JSONValue.depthLimit else {
                let text = "nested deeper than \(JSONValue.depthLimit) levels"
                throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: text))
            }
            let encoder = Encoder(codingPath: path)
            try value.encode(to: encoder)
            return encoder.result
        }
    }

    fileprivate static func number(_ value: Double, at path: [any CodingKey]) throws -> JSONValue {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: path, debugDescription: "\(value) is no number that JSON can say"))
        }
        // JSON does not tell 1.0 from 1.
        return Int64(exactly: value).map { .integer($0) } ?? .number(value)
    }

    fileprivate static func integer(_ value: some BinaryInteger) -> JSONValue {
        Int64(exactly: value).map { .integer($0) } ?? .number(Double(value))
    }
}

extension JSONValue {
    /// Numbers as they come back from a text.
    fileprivate func checked(at path: [any CodingKey]) throws -> JSONValue {
        switch self {
        case .null, .bool, .integer, .string: self
        case .number(let value): try JSONValueEncoder.number(value, at: path)
        case .array(let elements): .array(try elements.map { try $0.checked(at: path) })
        case .object(let members): .object(try members.mapValues { try $0.checked(at: path) })
        }
    }
}

/// Where one value is put together; containers that are asked for add to it.
private final class Encoder: Swift.Encoder {
    enum Content {
        case none
        case single(JSONValue)
        case keyed(KeyedContent)
        case unkeyed(UnkeyedContent)
    }

    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    var content = Content.none

    init(codingPath: [any CodingKey]) { self.codingPath = codingPath }

    var result: JSONValue? {
        switch content {
        case .none: nil
        case .single(let value): value
        case .keyed(let content): content.result
        case .unkeyed(let content): content.result
        }
    }

    var keyed: KeyedContent {
        if case .keyed(let known) = content { return known }
        let new = KeyedContent()
        content = .keyed(new)
        return new
    }

    var unkeyed: UnkeyedContent {
        if case .unkeyed(let known) = content { return known }
        let new = UnkeyedContent()
        content = .unkeyed(new)
        return new
    }

    func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(KeyedContainer<Key>(content: keyed, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        UnkeyedContainer(content: unkeyed, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleContainer(encoder: self) }
}

private final class KeyedContent {
    var members: [String: JSONValue] = [:]
    /// Containers that are still being filled.
    var nested: [String: Encoder] = [:]

    var result: JSONValue {
        .object(members.merging(nested.mapValues { $0.result ?? .object([:]) }) { _, last in last })
    }
}

private final class UnkeyedContent {
    enum Element {
        case value(JSONValue)
        case nested(Encoder)
    }

    var elements: [Element] = []

    var result: JSONValue {
        .array(
            elements.map { element in
                switch element {
                case .value(let value): value
                case .nested(let encoder): encoder.result ?? .object([:])
                }
            })
    }
}

private struct KeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let content: KeyedContent
    let codingPath: [any CodingKey]

    private func put(_ value: JSONValue, _ key: Key) { content.members[key.stringValue] = value }

    mutating func encodeNil(forKey key: Key) { put(.null, key) }
    mutating func encode(_ value: Bool, forKey key: Key) { put(.bool(value), key) }
    mutating func encode(_ value: String, forKey key: Key) { put(.string(value), key) }
    mutating func encode(_ value: Double, forKey key: Key) throws {
        put(try JSONValueEncoder.number(value, at: codingPath + [key]), key)
    }
    mutating func encode(_ value: Int, forKey key: Key) { put(.integer(Int64(value)), key) }
    mutating func encode(_ value: Int64, forKey key: Key) { put(.integer(value), key) }
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        put(try JSONValueEncoder.encode(value, at: codingPath + [key]) ?? .object([:]), key)
    }

    private func nested(_ key: any CodingKey) -> Encoder {
        let encoder = Encoder(codingPath: codingPath + [key])
        content.nested[key.stringValue] = encoder
        return encoder
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        nested(key).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        nested(key).unkeyedContainer()
    }

    mutating func superEncoder() -> any Swift.Encoder { nested(NamedKey("super")) }
    mutating func superEncoder(forKey key: Key) -> any Swift.Encoder { nested(key) }
}

private struct UnkeyedContainer: UnkeyedEncodingContainer {
    let content: UnkeyedContent
    let codingPath: [any CodingKey]
    var count: Int { content.elements.count }

    mutating func encodeNil() { content.elements.append(.value(.null)) }

    mutating func encode<T: Encodable>(_ value: T) throws {
        let path = codingPath + [NamedKey(index: count)]
        content.elements.append(.value(try JSONValueEncoder.encode(value, at: path) ?? .object([:])))
    }

    private func nested() -> Encoder {
        let encoder = Encoder(codingPath: codingPath + [NamedKey(index: count)])
        content.elements.append(.nested(encoder))
        return encoder
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) -> KeyedEncodingContainer<Nested> {
        nested().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    mutating func superEncoder() -> any Swift.Encoder { nested() }
}

private struct SingleContainer: SingleValueEncodingContainer {
    let encoder: Encoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func put(_ value: JSONValue) { encoder.content = .single(value) }

    mutating func encodeNil() { put(.null) }
    mutating func encode(_ value: Bool) { put(.bool(value)) }
    mutating func encode(_ value: String) { put(.string(value)) }
    mutating func encode(_ value: Double) throws { put(try JSONValueEncoder.number(value, at: codingPath)) }
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
        if let result = try JSONValueEncoder.encode(value, at: codingPath) { put(result) }
    }
}

/// A key that is no property's: of an element, or of a superclass.
private struct NamedKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) {
        stringValue = name
        intValue = nil
    }
    init(index: Int) {
        stringValue = "Index \(index)"
        intValue = index
    }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(index: intValue) }
}
