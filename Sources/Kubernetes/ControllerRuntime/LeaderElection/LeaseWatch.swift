import KubernetesAPI
import KubernetesClient

extension LeaderElection {
    /// Follows the lease, so that its release is noticed at once; one watch costs less than repeated reads. A
    /// lease that cannot be watched is read again and again.
    func watchLease() async {
        while !Task.isCancelled {
            do throws(KubernetesError) {
                try await followWatch()
            } catch {
                if !Task.isCancelled { logger.debug("the lease is not watched: \(error)") }
                if let lease = try? await client.timed(timing.renewDeadline / 2).get(Lease.self, key) {
                    noteSeen(lease)
                }
            }
            try? await Task.sleep(for: timing.retryPeriod)
        }
    }

    /// Follows one watch to its end. It begins with the lease as it is now.
    private func followWatch() async throws(KubernetesError) {
        let options = WatchOptions(fieldSelector: "metadata.name=\(key.name)", timeoutSeconds: 300)
        let events = try await client.watch(Lease.self, namespace: key.namespace, options: options)
        for try await event in events {
            switch event {
            case .added(let lease), .modified(let lease): noteSeen(lease)
            case .deleted: noteSeen(nil)
            case .bookmark: break
            case .error(let status): throw .api(status)
            }
        }
    }
}
