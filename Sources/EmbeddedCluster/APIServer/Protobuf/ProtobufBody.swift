import FoundationEssentials
import KubernetesAPI

/// Kubernetes' protobuf form of an object, as `kubectl create` and `kubectl auth` send it: an envelope with
/// kind and version, around the message. Only small kinds are understood; manifests always come as JSON.
enum ProtobufBody {
    private static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]

    /// A body that the server cannot read.
    struct Unsupported: Error, CustomStringConvertible {
        var kind: String
        var description: String {
            "objects of kind \"\(kind)\" are not accepted as protobuf here: send JSON or apply a manifest"
        }
    }

    static func decode(_ data: Data) throws -> JSONValue {
        let bytes = Array(data)
        guard bytes.starts(with: magic) else { throw ProtobufReader.Malformed() }
        var envelope = ProtobufReader(bytes[magic.count...])
        var (apiVersion, kind) = ("", "")
        var raw: ArraySlice<UInt8> = []
        while let field = try envelope.next() {
            guard case .bytes(let content) = field.value else { continue }
            if field.number == 2 { raw = content }
            guard field.number == 1 else { continue }
            var type = ProtobufReader(content)
            while let part = try type.next() {
                guard case .bytes(let text) = part.value else { continue }
                if part.number == 1 { apiVersion = String(decoding: text, as: UTF8.self) }
                if part.number == 2 { kind = String(decoding: text, as: UTF8.self) }
            }
        }
        guard let message = ProtobufMessage.kinds[kind] else { throw Unsupported(kind: kind) }
        var object = try message.decode(raw, depth: 0)
        object["apiVersion"] = .string(apiVersion)
        object["kind"] = .string(kind)
        return object
    }
}

/// The fields of a message, by their numbers.
struct ProtobufMessage: Sendable {
    indirect enum Field: Sendable {
        case string, integer, boolean
        /// `[]byte`, base64 in JSON.
        case bytes
        case message(ProtobufMessage)
        case list(Field)
        /// The values of a map whose keys are texts.
        case map(Field)
        /// `resource.Quantity`: a message with one text.
        case quantity
        /// `metav1.Time`
        case time
        /// A field that is skipped.
        case ignored
    }

    var fields: [Int: (name: String, field: Field)]

    init(_ fields: [Int: (String, Field)]) {
        self.fields = fields.mapValues { (name: $0.0, field: $0.1) }
    }

    private static let depthLimit = 32

    func decode(_ bytes: ArraySlice<UInt8>, depth: Int) throws -> JSONValue {
        guard depth < Self.depthLimit else { throw ProtobufReader.Malformed() }
        var reader = ProtobufReader(bytes)
        var object: [String: JSONValue] = [:]
        while let (number, value) = try reader.next() {
            // A field that is not in the table would be lost silently.
            guard let (name, field) = fields[number] else { throw ProtobufReader.Malformed() }
            switch field {
            case .ignored: continue
            case .list(let element):
                var list = object[name]?.arrayValue ?? []
                list.append(try Self.decode(value, as: element, depth: depth + 1))
                object[name] = .array(list)
            case .map(let element):
                var map = object[name] ?? [:]
                let (key, content) = try Self.entry(value, element, depth: depth + 1)
                map[key] = content
                object[name] = map
            case .string, .integer, .boolean, .bytes, .message, .quantity, .time:
                let decoded = try Self.decode(value, as: field, depth: depth + 1)
                // Go's encoder writes zero values, which JSON leaves out.
                if decoded != "", decoded != .null { object[name] = decoded }
            }
        }
        return .object(object)
    }

    private static func entry(
        _ value: ProtobufReader.Value, _ element: Field, depth: Int
    ) throws -> (String, JSONValue) {
        guard case .bytes(let bytes) = value else { throw ProtobufReader.Malformed() }
        var reader = ProtobufReader(bytes)
        var (key, content): (String, JSONValue) = ("", "")
        while let (number, part) = try reader.next() {
            if number == 1, case .bytes(let text) = part { key = String(decoding: text, as: UTF8.self) }
            if number == 2 { content = try decode(part, as: element, depth: depth + 1) }
        }
        return (key, content)
    }

    private static func decode(
        _ value: ProtobufReader.Value, as field: Field, depth: Int
    ) throws -> JSONValue {
        switch (field, value) {
        case (.string, .bytes(let bytes)): return .string(String(decoding: bytes, as: UTF8.self))
        case (.bytes, .bytes(let bytes)): return .string(Data(bytes).base64EncodedString())
        case (.integer, .varint(let number)): return .integer(Int64(bitPattern: number))
        case (.boolean, .varint(let number)): return .bool(number != 0)
        case (.message(let message), .bytes(let bytes)): return try message.decode(bytes, depth: depth)
        case (.quantity, .bytes(let bytes)):
            return try ProtobufMessage([1: ("text", .string)]).decode(bytes, depth: depth)["text"] ?? "0"
        case (.time, .bytes(let bytes)):
            let time = try ProtobufMessage([1: ("seconds", .integer), 2: ("nanos", .integer)])
                .decode(bytes, depth: depth)
            return time["seconds"]?.integerValue.map { .string(Timestamp(seconds: $0).description) } ?? .null
        default: throw ProtobufReader.Malformed()
        }
    }
}
