import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Answer of a server to a manifest: the object that it would store, or the reasons for its refusal.
struct Verdict: Hashable, Sendable, CustomStringConvertible {
    var code: Int
    var reason: String?
    /// `field: reason: message`, sorted.
    var causes: [String]
    /// The message; nil if causes say more.
    var message: String?
    /// The object that would be stored, without identity, versions and times.
    var object: JSONValue?

    var isAccepted: Bool { (200..<300).contains(code) }

    /// The fields that the verdict names.
    var fields: Set<String> { Set(causes.map { String($0.prefix { $0 != ":" }) }) }

    var description: String {
        isAccepted
            ? "accepted as \(object?.text ?? "")"
            : "\(code) \(reason ?? "") \(causes.isEmpty ? message ?? "" : causes.joined(separator: "; "))"
    }

    init(_ reply: Reply) {
        code = reply.code
        causes = reply.causes
        guard (200..<300).contains(reply.code) else {
            reason = reply.body["reason"]?.stringValue
            message = causes.isEmpty ? reply.body["message"]?.stringValue : nil
            return
        }
        var stored = reply.body
        for name in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "namespace"] {
            stored[path: ["metadata", name]] = nil
        }
        object = stored
    }
}

extension TestCluster {
    /// The verdict on a manifest, without storing it.
    func verdict(
        on document: JSONValue, replacing old: JSONValue? = nil, fieldValidation: String = "Strict"
    ) async throws -> Verdict {
        let definition = AnnealAPI.CustomResourceDefinition.of(document)
        guard let type = definition?.resourceType else { throw UnknownKind(document) }
        let query = [QueryItem("dryRun", "All"), QueryItem("fieldValidation", fieldValidation)]
        var request: APIRequest
        if let old {
            request = type.update(
                namespace: namespace, name: old.name, body: moved(document).serialized(), fieldManager: nil)
        } else {
            request = type.create(
                namespace: namespace, body: moved(document).serialized(), fieldManager: nil)
        }
        request.query += query
        return Verdict(try await client.reply(to: request))
    }

    /// Stores the object that another one is to replace.
    func store(_ document: JSONValue) async throws {
        guard let type = AnnealAPI.CustomResourceDefinition.of(document)?.resourceType else {
            throw UnknownKind(document)
        }
        _ = try await client.send(
            type.create(namespace: namespace, body: moved(document).serialized(), fieldManager: nil))
    }

    /// The document with this namespace in place of its own.
    private func moved(_ document: JSONValue) -> JSONValue {
        guard document["metadata"]?.objectValue != nil else { return document }
        var document = document
        document[path: ["metadata", "namespace"]] = .string(namespace)
        return document
    }
}

struct UnknownKind: Error, CustomStringConvertible {
    var description: String

    init(_ document: JSONValue) {
        description = "not of one of Anneal's kinds: \(document["kind"]?.text ?? "")"
    }
}

extension AnnealAPI.CustomResourceDefinition {
    static func of(_ document: JSONValue) -> Self? {
        all.first { $0.resourceType.kind == document["kind"]?.stringValue }
    }
}

extension JSONValue {
    var name: String { self[path: ["metadata", "name"]]?.stringValue ?? "" }
}
