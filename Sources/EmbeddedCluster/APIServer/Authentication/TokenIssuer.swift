import Crypto
import FoundationEssentials
import KubernetesAPI

/// Issues bearer tokens and recognises them: JSON Web Tokens signed with a key that never leaves the server
/// (HS256), so that none of them need be stored.
struct TokenIssuer: Sendable {
    static let issuer = "https://kubernetes.default.svc"
    /// Shortest and longest life of a token, in seconds.
    static let lifetime: ClosedRange<Int64> = 600...(365 * 86_400)

    private let key: SymmetricKey

    init(secret: Data) { key = SymmetricKey(data: secret) }

    /// Content of a token.
    struct Claims: Sendable, Equatable {
        var user: String
        var groups: [String]
        var audiences: [String] = [TokenIssuer.issuer]
        var issued: Timestamp
        var expires: Timestamp?
        var identifier: String = ""
        /// Account of a service account's token; nil for any other token.
        var serviceAccount: ServiceAccount?

        struct ServiceAccount: Sendable, Equatable {
            var namespace: String
            var name: String
            var uid: String
            var podName: String?
            var podUID: String?
        }
    }

    func token(_ claims: Claims) -> String {
        var body: JSONValue = [
            "iss": .string(Self.issuer), "sub": .string(claims.user),
            "aud": .array(claims.audiences.map(JSONValue.string)), "iat": .integer(claims.issued.seconds),
            "nbf": .integer(claims.issued.seconds), "jti": .string(claims.identifier),
        ]
        body["exp"] = claims.expires.map { .integer($0.seconds) }
        if let account = claims.serviceAccount {
            var bound: JSONValue = [
                "namespace": .string(account.namespace),
                "serviceaccount": ["name": .string(account.name), "uid": .string(account.uid)],
            ]
            if let name = account.podName {
                bound["pod"] = ["name": .string(name), "uid": .string(account.podUID ?? "")]
            }
            body["kubernetes.io"] = bound
        } else {
            body["groups"] = .array(claims.groups.map(JSONValue.string))
        }
        let header: JSONValue = ["alg": "HS256", "typ": "JWT"]
        let signed = "\(Self.encode(header.serialized())).\(Self.encode(body.serialized()))"
        let signature = HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: key)
        return "\(signed).\(Self.encode(Data(signature)))"
    }

    /// Content of a token that this server issued; nil if it is forged, malformed or expired.
    func claims(_ token: String, now: Timestamp) -> Claims? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = Self.decode(parts[2]),
            HMAC<SHA256>.isValidAuthenticationCode(
                signature, authenticating: Data("\(parts[0]).\(parts[1])".utf8), using: key),
            let data = Self.decode(parts[1]), let body = try? JSONValue(parsing: data),
            let user = body["sub"]?.stringValue
        else { return nil }
        let expires = body["exp"]?.integerValue.map { Timestamp(seconds: $0) }
        if let expires, expires <= now { return nil }
        var claims = Claims(
            user: user, groups: (body["groups"]?.arrayValue ?? []).compactMap(\.stringValue),
            audiences: (body["aud"]?.arrayValue ?? []).compactMap(\.stringValue),
            issued: Timestamp(seconds: body["iat"]?.integerValue ?? 0), expires: expires,
            identifier: body["jti"]?.stringValue ?? "")
        if let bound = body["kubernetes.io"] {
            claims.serviceAccount = Claims.ServiceAccount(
                namespace: bound["namespace"]?.stringValue ?? "",
                name: bound[path: ["serviceaccount", "name"]]?.stringValue ?? "",
                uid: bound[path: ["serviceaccount", "uid"]]?.stringValue ?? "",
                podName: bound[path: ["pod", "name"]]?.stringValue,
                podUID: bound[path: ["pod", "uid"]]?.stringValue)
        }
        return claims
    }

    private static func encode(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
    }

    private static func decode(_ text: Substring) -> Data? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(
            base64Encoded: text.replacing("-", with: "+").replacing("_", with: "/") + padding)
    }
}
