/// Describes a decoding error in one line.
public enum DecodingFailure {
    /// Text such as `spec.replicas: Expected to decode Int but found a string instead.`
    ///
    /// - Parameter prefix: number of leading parts of the path that are left out.
    public static func describe(_ error: any Error, droppingPath prefix: Int = 0) -> String {
        guard let error = error as? DecodingError else { return "\(error)" }
        let context: DecodingError.Context
        switch error {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found):
            context = found
        case .keyNotFound(let key, let found):
            return path(found.codingPath + [key], prefix) + ": the field is missing"
        @unknown default: return "\(error)"
        }
        let place = path(context.codingPath, prefix)
        return place.isEmpty ? context.debugDescription : "\(place): \(context.debugDescription)"
    }

    private static func path(_ path: [any CodingKey], _ prefix: Int) -> String {
        var text = ""
        for key in path.dropFirst(prefix) {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return text
    }
}
