import APIServer
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import StructuralSchema
import Synchronization
import Testing

@testable import AdmissionPlugins

/// A cluster of some objects, as admission plugins see it.
final class FakeCluster: AdmissionCluster {
    private struct State {
        var objects: [String: JSONValue] = [:]
        var revision: Int64 = 100
        /// Conflicts that are still to be had with status updates.
        var conflicts = 0
    }

    private let state = Mutex(State())
    let now = Timestamp(seconds: 1_795_394_534)
    static let served: [ResourceType] = [
        ResourceType(version: "v1", kind: "Pod", plural: "pods"),
        ResourceType(version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false),
        ResourceType(version: "v1", kind: "ServiceAccount", plural: "serviceaccounts"),
        ResourceType(version: "v1", kind: "Service", plural: "services"),
        ResourceType(version: "v1", kind: "Endpoints", plural: "endpoints"),
        ResourceType(version: "v1", kind: "ResourceQuota", plural: "resourcequotas"),
        ResourceType(version: "v1", kind: "LimitRange", plural: "limitranges"),
        ResourceType(version: "v1", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims"),
        ResourceType(group: "batch", version: "v1", kind: "Job", plural: "jobs"),
        ResourceType(group: "example.dev", version: "v1", kind: "Widget", plural: "widgets"),
        ResourceType(
            group: "scheduling.k8s.io", version: "v1", kind: "PriorityClass", plural: "priorityclasses",
            isNamespaced: false),
        ResourceType(
            group: "admissionregistration.k8s.io", version: "v1", kind: "MutatingWebhookConfiguration",
            plural: "mutatingwebhookconfigurations", isNamespaced: false),
        ResourceType(
            group: "admissionregistration.k8s.io", version: "v1", kind: "ValidatingWebhookConfiguration",
            plural: "validatingwebhookconfigurations", isNamespaced: false),
    ]

    private static func key(_ group: String, _ plural: String, _ namespace: String, _ name: String) -> String
    {
        "\(group)/\(plural)/\(namespace)/\(name)"
    }

    /// Stores an object, in a namespace unless `namespace` is empty.
    func put(_ plural: String, group: String = "", namespace: String = "rec", _ name: String, _ text: String)
    {
        var object = json(text)
        object[path: ["metadata", "name"]] = .string(name)
        if !namespace.isEmpty { object[path: ["metadata", "namespace"]] = .string(namespace) }
        let stored = object
        state.withLock { state in
            state.revision += 1
            var object = stored
            object[path: ["metadata", "resourceVersion"]] = .string(String(state.revision))
            state.objects[Self.key(group, plural, namespace, name)] = object
        }
    }

    func failNextStatusUpdates(_ count: Int) { state.withLock { $0.conflicts = count } }

    func stored(_ plural: String, _ name: String, group: String = "", namespace: String = "rec") -> JSONValue?
    {
        state.withLock { $0.objects[Self.key(group, plural, namespace, name)] }
    }

    func definition(group: String, plural: String) -> ResourceDefinition? {
        Self.served.first { $0.group == group && $0.plural == plural }
            .map { ResourceDefinition(type: $0, schema: Schema(.object)) }
    }

    func get(
        group: String, plural: String, namespace: String, name: String
    ) async throws(APIError) -> JSONValue? {
        stored(plural, name, group: group, namespace: namespace)
    }

    func list(group: String, plural: String, namespace: String?) async throws(APIError) -> [JSONValue] {
        let prefix = "\(group)/\(plural)/" + (namespace.map { "\($0)/" } ?? "")
        return state.withLock { state in
            state.objects.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    @discardableResult
    func updateStatus(
        group: String, plural: String, _ object: JSONValue
    ) async throws(APIError) -> JSONValue {
        let name = object[path: ["metadata", "name"]]?.stringValue ?? ""
        let namespace = object[path: ["metadata", "namespace"]]?.stringValue ?? ""
        let key = Self.key(group, plural, namespace, name)
        let stored: JSONValue? = state.withLock { state in
            let version = state.objects[key]?[path: ["metadata", "resourceVersion"]]
            guard version == object[path: ["metadata", "resourceVersion"]], state.conflicts == 0 else {
                state.conflicts = max(0, state.conflicts - 1)
                return nil
            }
            state.revision += 1
            var object = object
            object[path: ["metadata", "resourceVersion"]] = .string(String(state.revision))
            state.objects[key] = object
            return object
        }
        guard let stored else { throw APIError(code: 409, reason: "Conflict", message: "modified") }
        return stored
    }
}

func json(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) -> JSONValue {
    do {
        return try JSONValue(parsing: text)
    } catch {
        Issue.record("\(error) in \(text)", sourceLocation: sourceLocation)
        return .null
    }
}

/// A request about an object of a served kind; its name and labels are the object's.
func admission(
    _ operation: AdmissionRequest.Operation, _ plural: String, group: String = "", _ object: JSONValue?,
    old: JSONValue? = nil, subresource: String? = nil, isDryRun: Bool = false,
    namespace: String = "rec", user: UserInfo = UserInfo(name: "admin", groups: ["system:masters"])
) -> AdmissionRequest {
    let type =
        FakeCluster.served.first { $0.group == group && $0.plural == plural }
        ?? ResourceType(group: group, version: "v1", kind: plural, plural: plural)
    let kind = operation == .create ? "Create" : operation == .update ? "Update" : "Delete"
    var options: JSONValue = ["kind": .string("\(kind)Options"), "apiVersion": "meta.k8s.io/v1"]
    if isDryRun { options["dryRun"] = ["All"] }
    return AdmissionRequest(
        uid: "request", operation: operation,
        definition: ResourceDefinition(type: type, schema: Schema(.object)), subresource: subresource,
        name: (object ?? old)?[path: ["metadata", "name"]]?.stringValue ?? "",
        namespace: type.isNamespaced ? namespace : "", user: user, object: object, oldObject: old,
        options: options, isDryRun: isDryRun, warnings: WarningCollector())
}

/// A request to create an object.
func admission(
    _ plural: String, group: String = "", _ object: JSONValue?, isDryRun: Bool = false,
    user: UserInfo = UserInfo(name: "admin", groups: ["system:masters"])
) -> AdmissionRequest {
    admission(.create, plural, group: group, object, isDryRun: isDryRun, user: user)
}

/// A pod named `p` with a spec.
func pod(_ spec: String) -> JSONValue {
    json(#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"rec"},"spec":\#(spec)}"#)
}

extension AdmissionPlugin {
    /// The object after `admit` and `validate`.
    func process(_ request: AdmissionRequest, _ cluster: FakeCluster) async throws(APIError) -> JSONValue? {
        var request = request
        try await admit(&request, cluster)
        try await validate(request, cluster)
        return request.object
    }

    /// The message of the refusal; nil if there is none.
    func refusal(of request: AdmissionRequest, _ cluster: FakeCluster) async -> Status? {
        do {
            _ = try await process(request, cluster)
            return nil
        } catch {
            return error.status
        }
    }
}

/// Numbers that count up.
final class Counter: Sendable {
    private let value = Mutex(0)
    func next() -> Int {
        value.withLock { value in
            value += 1
            return value
        }
    }
}
