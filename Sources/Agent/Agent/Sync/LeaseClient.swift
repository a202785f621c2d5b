import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Synchronization

/// Requests of the sidecar to an API server.
public protocol LeaseClient: Sendable {
    func get(_ key: ObjectKey) async throws(KubernetesError) -> Lease
    func patch(_ key: ObjectKey, _ patch: Patch) async throws(KubernetesError) -> Lease
}

/// Leases of the cluster that this pod is in. If the pod lacks a way to reach it, each request fails on its
/// own: uploads need no cluster, and must not wait for one.
struct ClusterLeases: LeaseClient {
    private let connect: @Sendable () throws(KubernetesError) -> KubernetesClient
    private let client = SharedClient()

    private final class SharedClient: Sendable {
        let value = Mutex<KubernetesClient?>(nil)
    }

    init(connect: @escaping @Sendable () throws(KubernetesError) -> KubernetesClient) {
        self.connect = connect
    }

    private func connected() throws(KubernetesError) -> KubernetesClient {
        if let known = client.value.withLock({ $0 }) { return known }
        let made = try connect()
        client.value.withLock { $0 = made }
        return made
    }

    func get(_ key: ObjectKey) async throws(KubernetesError) -> Lease {
        try await connected().get(Lease.self, key)
    }

    func patch(_ key: ObjectKey, _ patch: Patch) async throws(KubernetesError) -> Lease {
        try await connected().patch(Lease.self, key, patch)
    }
}
