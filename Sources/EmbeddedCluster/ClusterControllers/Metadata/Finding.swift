import KubernetesAPI
import KubernetesClient

extension KubernetesClient {
    /// Reads the object; nil if there is none.
    func find<R: KubernetesResource>(_ type: R.Type, _ key: ObjectKey) async throws(KubernetesError) -> R? {
        do {
            return try await get(type, key)
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }
}
