extension DecodingError {
    /// The problem in words: the path of the value, what is wrong with it, and what to do.
    public var problem: String {
        func path(_ keys: [any CodingKey]) -> String {
            guard !keys.isEmpty else { return "it" }
            var path = ""
            for key in keys {
                path += key.intValue.map { "[\($0)]" } ?? (path.isEmpty ? "" : ".") + key.stringValue
            }
            return path + ":"
        }
        switch self {
        case .keyNotFound(let key, let context):
            return "\(path(context.codingPath + [key])) is missing; add it"
        case .valueNotFound(_, let context): return "\(path(context.codingPath)) is null; give it a value"
        case .typeMismatch(let type, let context):
            return "\(path(context.codingPath)) is no \(Self.word(type)); \(context.debugDescription)"
        case .dataCorrupted(let context):
            return "\(path(context.codingPath)) is malformed: \(context.debugDescription)"
        @unknown default: return "it cannot be decoded"
        }
    }

    private static func word(_ type: any Any.Type) -> String {
        switch type {
        case is String.Type: "string"
        case is Bool.Type: "true or false"
        case is any FixedWidthInteger.Type: "whole number"
        case is any BinaryFloatingPoint.Type: "number"
        default: "value of the kind that is expected there"
        }
    }
}
