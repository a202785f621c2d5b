import APIServer
import KubernetesAPI

/// Keeps new objects out of namespaces that are missing or going away, and keeps the namespaces that a
/// cluster cannot do without.
public struct NamespaceLifecycle: AdmissionPlugin {
    private static let namespaces = ResourceType(
        version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)
    private static let immortal: Set<String> = ["default", "kube-system", "kube-public"]

    public init() {}

    public func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        let type = request.definition.type
        guard type.isNamespaced, request.operation == .create else { return }
        let name = request.namespace
        guard
            let namespace = try await cluster.get(
                group: Self.namespaces.group, plural: Self.namespaces.plural, namespace: "", name: name)
        else { throw .notFound(Self.namespaces, name: name) }
        guard let deletion = namespace[path: ["metadata", "deletionTimestamp"]], !deletion.isNull else {
            return
        }
        var error = APIError.forbidden(
            type, name: request.name,
            "unable to create new content in namespace \(name) because it is being terminated")
        error.status.details?.causes = [
            StatusCause(
                reason: "NamespaceTerminating", message: "namespace \(name) is being terminated",
                field: "metadata.namespace")
        ]
        throw error
    }

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard request.isCore(Self.namespaces.plural), request.operation == .delete,
            Self.immortal.contains(request.name)
        else { return }
        throw request.forbidden("this namespace may not be deleted")
    }
}
