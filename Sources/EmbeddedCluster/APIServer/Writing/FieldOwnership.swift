import KubernetesAPI
import ObjectPatching
import StructuralSchema

/// The part of an object that a write may change.
enum WriteScope: Sendable {
    /// The whole object, but for its status where that is a subresource.
    case object
    case status
    /// `finalize`: the finalizers in the spec.
    case finalize

    /// The subresource as it stands in `managedFields`.
    var subresource: String {
        switch self {
        case .object: ""
        case .status: "status"
        case .finalize: "finalize"
        }
    }
}

/// The ownership of fields, for one request.
struct FieldOwnership {
    private let manager: FieldManager
    private let name: String
    private let now: Timestamp

    init(_ context: RequestContext, scope: WriteScope) {
        self.init(context.resource, scope: scope, manager: context.fieldManager, now: context.now)
    }

    /// Ownership by `name`, who will own what is written.
    init(_ resource: ServedResource, scope: WriteScope, manager name: String, now: Timestamp) {
        var ignoring: [[String]] = []
        switch scope {
        case .object: if resource.definition.subresources.contains(.status) { ignoring = [["status"]] }
        case .status: ignoring = resource.isCustom ? [["spec"], ["metadata"]] : [["spec"]]
        case .finalize: ignoring = [["status"], ["metadata"]]
        }
        manager = FieldManager(
            schema: resource.definition.schema, apiVersion: resource.type.apiVersion,
            subresource: scope.subresource.isEmpty ? nil : scope.subresource, ignoring: ignoring,
            emptyObject: resource.emptyObject, sharing: resource.mergeType)
        self.name = name
        self.now = now
    }

    /// `object` with the fields that it changes of `live` in the requester's name.
    func updated(_ object: JSONValue, live: JSONValue?) -> JSONValue {
        manager.update(live: live, new: object, manager: name, now: now)
    }

    func applied(_ configuration: JSONValue, live: JSONValue?, force: Bool) throws(APIError) -> JSONValue {
        do {
            return try manager.apply(
                live: live, applied: configuration, manager: name, force: force, now: now)
        } catch {
            throw APIError(error.status)
        }
    }
}
