import FoundationEssentials
import KubernetesAPI

/// Start of the next page of a list, and the revision that all pages show.
struct ContinueToken: Equatable, Sendable {
    var revision: Int64
    /// Key after which the page begins.
    var last: ObjectKey

    init(revision: Int64, last: ObjectKey) {
        self.revision = revision
        self.last = last
    }

    /// - Parameter namespace: that of the list; keys are relative to it
    func encoded(namespace: String?) -> String {
        let key = namespace == nil && !last.namespace.isEmpty ? "\(last.namespace)/\(last.name)" : last.name
        let token: JSONValue = [
            "v": "meta.k8s.io/v1", "rv": .integer(revision), "start": .string("/\(key)\u{0}"),
        ]
        return token.serialized().base64EncodedString().replacing("=", with: "")
    }

    init(_ text: String, namespace: String?) throws(APIError) {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: text + padding) else {
            let valid = text.utf8.prefix { Self.isBase64($0) }.count
            throw Self.invalid("illegal base64 data at input byte \(valid)")
        }
        let token: JSONValue
        do {
            token = try JSONValue(parsing: data)
        } catch {
            throw Self.invalid("\(error)")
        }
        guard token["v"]?.stringValue == "meta.k8s.io/v1", let revision = token["rv"]?.integerValue,
            revision > 0, var key = token["start"]?.stringValue, key.hasPrefix("/"), key.hasSuffix("\u{0}")
        else { throw Self.invalid("the token was not made by this server") }
        key = String(key.dropFirst().dropLast())
        let parts = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        self.revision = revision
        last =
            parts.count == 2
            ? ObjectKey(namespace: parts[0], name: parts[1])
            : ObjectKey(namespace: namespace ?? "", name: key)
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "+"), UInt8(ascii: "/"): true
        default: false
        }
    }

    private static func invalid(_ why: String) -> APIError {
        .badRequest("invalid continue token: continue key is not valid: \(why)")
    }
}
