import KubernetesAPI
import Synchronization

/// Bindings that were made and that the cache does not show yet: these pods take up room.
final class AssumedBindings: Sendable {
    private let nodes = Mutex<[String: String]>([:])

    func note(_ pod: Pod, node: String) {
        guard let uid = pod.metadata.uid else { return }
        nodes.withLock { $0[uid] = node }
    }

    /// The pods with bindings that the cache does not show yet; bindings that it shows are forgotten.
    func apply(to pods: [Pod]) -> [Pod] {
        nodes.withLock { nodes in
            guard !nodes.isEmpty else { return pods }
            var waiting: [String: String] = [:]
            let result = pods.map { pod in
                guard let uid = pod.metadata.uid, let node = nodes[uid], (pod.spec?.nodeName ?? "").isEmpty
                else {
                    return pod
                }
                waiting[uid] = node
                var bound = pod
                bound.spec?.nodeName = node
                return bound
            }
            nodes = waiting
            return result
        }
    }
}
