import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Requests to a server and its answers. Whatever may differ between two servers is written as a token:
/// identifiers and versions by the order in which they were first seen, times not at all. Two servers that
/// behave alike write the same transcript.
struct Transcript: Sendable {
    private(set) var lines: [String] = []
    private let client: KubernetesClient
    private let namespace: String
    private var tokens = Tokens()

    init(_ cluster: TestCluster) {
        client = cluster.client
        namespace = cluster.namespace
    }

    /// Sends a request, adds a line about it, and returns the unchanged answer.
    @discardableResult
    mutating func send(_ what: String, _ request: APIRequest) async throws -> Reply {
        let reply = try await client.reply(to: request)
        let shown = tokens.replaced(in: reply.body.inOrder, namespace: namespace)
        lines.append("\(what): \(reply.code) \(shown.text)")
        return reply
    }
}

/// The tokens of one transcript.
private struct Tokens {
    private var known: [String: String] = [:]
    private var uids = 0
    private var versions = 0

    private static let times: Set<String> = [
        "creationTimestamp", "deletionTimestamp", "time", "lastTransitionTime",
    ]

    mutating func replaced(in value: JSONValue, namespace: String) -> JSONValue {
        switch value {
        case .object(let members):
            var result: [String: JSONValue] = [:]
            // Members are visited by name, as tokens are numbered in the order in which they are met.
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                result[name] = replaced(in: member, named: name, namespace: namespace)
            }
            return .object(result)
        case .array(let elements):
            return .array(elements.map { replaced(in: $0, namespace: namespace) })
        case .string(let text):
            return .string(text.replacing(namespace, with: "NAMESPACE"))
        case .null, .bool, .integer, .number: return value
        }
    }

    private mutating func replaced(in value: JSONValue, named name: String, namespace: String) -> JSONValue {
        guard let text = value.stringValue else { return replaced(in: value, namespace: namespace) }
        switch name {
        case "uid": return .string(uid(text))
        case "resourceVersion": return .string(version(text))
        case "continue": return "CONTINUE"
        case "message": return .string(message(text).replacing(namespace, with: "NAMESPACE"))
        default: return Self.times.contains(name) ? "TIME" : replaced(in: value, namespace: namespace)
        }
    }

    private mutating func uid(_ text: String) -> String {
        if let token = known[text] { return token }
        uids += 1
        known[text] = "uid-\(uids)"
        return "uid-\(uids)"
    }

    private mutating func version(_ text: String) -> String {
        let key = "version \(text)"
        if let token = known[key] { return token }
        versions += 1
        known[key] = "version-\(versions)"
        return "version-\(versions)"
    }

    /// A message with tokens for the identifiers and versions in it, and for the line of upstream's source that
    /// made the scheme, which each of its servers has elsewhere.
    private func message(_ text: String) -> String {
        var text = text.replacing("/registry/apiextensions.kubernetes.io/", with: "/registry/")
            .replacing(/in scheme "[^"]*"/, with: "in scheme SOURCE")
            .replacing(/\\"resourceVersion\\":\\"[0-9]+\\"/, with: "VERSION")
            .replacing(/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/, with: "TIME")
        for (value, token) in known where !value.hasPrefix("version ") {
            text = text.replacing(value, with: token)
        }
        guard text.contains("ResourceVersion") || text.contains("resource version") else { return text }
        for (value, token) in known where value.hasPrefix("version ") {
            text = text.replacing("(\(value.dropFirst("version ".count)))", with: "(\(token))")
        }
        return text
    }
}

extension JSONValue {
    /// The value without parts that two servers of the same code may write differently.
    fileprivate var inOrder: JSONValue {
        var value = self
        if let causes = value[path: ["details", "causes"]]?.arrayValue {
            // Upstream validates metadata twice, and reports errors twice; the message repeats the causes.
            value[path: ["details", "causes"]] = .array(Set(causes).sorted { $0.text < $1.text })
            value["message"] = nil
        }
        if let managers = value[path: ["metadata", "managedFields"]]?.arrayValue {
            // Their order is that of their times, which are whole seconds.
            value[path: ["metadata", "managedFields"]] = .array(managers.sorted { $0.identity < $1.identity })
        }
        if let items = value["items"]?.arrayValue {
            value["items"] = .array(items.map(\.inOrder))
            // The version depends on other writers.
            value[path: ["metadata", "resourceVersion"]] = nil
        }
        return value
    }

    private var identity: String {
        ["manager", "operation", "subresource"].map { self[$0]?.stringValue ?? "" }.joined(separator: " ")
    }

    /// The JSON with sorted names, and whole numbers written alike.
    var text: String { String(decoding: serialized(), as: UTF8.self) }
}
