import FoundationEssentials
import KubernetesAPI

/// An object that is JSON with metadata, but does not decode as its type.
public struct MalformedObject: Hashable, Sendable {
    public var apiVersion: String?
    public var kind: String?
    public var key: ObjectKey
    public var uid: String?
    public var resourceVersion: String?
    /// Owner that controls the object.
    public var controller: OwnerReference?
    /// The wrong field, and its error.
    public var reason: String
}

/// An object, or as much of it as could be read, so that one bad object does not hide its neighbours.
public enum DecodedObject<R: KubernetesResource>: Sendable {
    case object(R)
    case malformed(MalformedObject)
}

extension DecodedObject: Decodable {
    /// The identifying fields of an object, as far as they can be read, whatever else is wrong with it.
    private struct Identity {
        private enum Field: String, CodingKey {
            case apiVersion, kind, metadata, name, namespace, uid, resourceVersion, ownerReferences
        }

        private let object: KeyedDecodingContainer<Field>?
        private let metadata: KeyedDecodingContainer<Field>?

        init(from decoder: any Decoder) {
            object = try? decoder.container(keyedBy: Field.self)
            metadata = try? object?.nestedContainer(keyedBy: Field.self, forKey: .metadata)
        }

        var apiVersion: String? { try? object?.decode(String.self, forKey: .apiVersion) }
        var kind: String? { try? object?.decode(String.self, forKey: .kind) }
        var key: ObjectKey { ObjectKey(namespace: text(.namespace) ?? "", name: text(.name) ?? "") }
        var uid: String? { text(.uid) }
        var resourceVersion: String? { text(.resourceVersion) }
        var controller: OwnerReference? {
            (try? metadata?.decode([OwnerReference].self, forKey: .ownerReferences))?
                .first { $0.controller == true }
        }

        private func text(_ field: Field) -> String? { try? metadata?.decode(String.self, forKey: field) }
    }

    public init(from decoder: any Decoder) throws {
        do {
            self = .object(try R(from: decoder))
        } catch {
            let identity = Identity(from: decoder)
            self = .malformed(
                MalformedObject(
                    apiVersion: identity.apiVersion, kind: identity.kind, key: identity.key,
                    uid: identity.uid, resourceVersion: identity.resourceVersion,
                    controller: identity.controller,
                    reason: DecodingFailure.describe(error, droppingPath: decoder.codingPath.count)))
        }
    }
}

/// A list whose items decode one by one.
public struct DecodedList<R: KubernetesResource>: Decodable, Sendable {
    public var metadata: ListMeta
    public var items: [DecodedObject<R>]

    private enum CodingKeys: String, CodingKey { case metadata, items }

    public init(metadata: ListMeta, items: [DecodedObject<R>]) {
        self.metadata = metadata
        self.items = items
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ListMeta.self, forKey: .metadata)
        // Go at times writes an empty list as null.
        items = try container.decodeIfPresent([DecodedObject<R>].self, forKey: .items) ?? []
    }
}

/// Content of one line of a watch stream.
public enum WatchUpdate<R: KubernetesResource>: Sendable {
    case event(WatchEvent<R>)
    /// An object that does not decode was added or changed (or deleted, if `isDeleted`).
    case malformed(MalformedObject, isDeleted: Bool)
}

extension WatchUpdate: Decodable {
    private enum CodingKeys: String, CodingKey { case type, object }
    private struct Bookmark: Decodable { var metadata: ObjectMeta }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let type = try container.decode(String.self, forKey: .type)
        switch type {
        case "ADDED", "MODIFIED", "DELETED":
            switch try container.decode(DecodedObject<R>.self, forKey: .object) {
            case .object(let object):
                self = .event(
                    type == "ADDED"
                        ? .added(object) : type == "MODIFIED" ? .modified(object) : .deleted(object))
            case .malformed(let object): self = .malformed(object, isDeleted: type == "DELETED")
            }
        case "BOOKMARK":
            let metadata = try container.decode(Bookmark.self, forKey: .object).metadata
            let isEnd = metadata.annotations?["k8s.io/initial-events-end"] == "true"
            self = .event(
                .bookmark(resourceVersion: metadata.resourceVersion ?? "", initialEventsEnd: isEnd))
        case "ERROR":
            self = .event(.error(try container.decode(Status.self, forKey: .object)))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .type, in: container, debugDescription: "'\(type)' is no type of watch event")
        }
    }
}
