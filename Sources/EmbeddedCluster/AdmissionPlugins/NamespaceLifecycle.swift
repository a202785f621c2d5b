import APIServer
import KubernetesAPI

/// Keeps the namespaces that a cluster cannot do without.
public struct NamespaceProtection: AdmissionPlugin {
    private static let immortal: Set<String> = ["default", "kube-system", "kube-public"]

    public init() {}

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard request.isCore("namespaces"), request.operation == .delete,
            Self.immortal.contains(request.name)
        else { return }
        throw request.forbidden("this namespace may not be deleted")
    }
}
