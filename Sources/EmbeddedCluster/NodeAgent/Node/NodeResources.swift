import Synchronization

/// Loopback addresses and GPUs, which the pods of one node share.
final class NodeResources: Sendable {
    private struct State {
        /// Address by UID of the pod.
        var addresses: [String: String] = [:]
        var nextHost: UInt32 = 1
        /// UID of the pod by index of the GPU.
        var gpus: [Int: String] = [:]
    }

    private let state = Mutex(State())
    private let network: UInt8
    let gpuCount: Int

    init(network: UInt8, gpuCount: Int) {
        self.network = network
        self.gpuCount = max(0, min(gpuCount, 4096))
    }

    /// Notes the resources that a pod had before the agent was restarted.
    func restore(pod: String, address: String, gpus: [Int]) {
        state.withLock { state in
            state.addresses[pod] = address
            for gpu in gpus { state.gpus[gpu] = pod }
        }
    }

    /// An address that no other pod of this node has; nil if all 65,000 are taken.
    func address(for pod: String) -> String? {
        state.withLock { state in
            if let address = state.addresses[pod] { return address }
            let taken = Set(state.addresses.values)
            for _ in 0..<65_534 {
                let host = state.nextHost
                state.nextHost = host % 65_534 + 1
                let candidate = "127.\(network).\(host >> 8).\(host & 255)"
                if host & 255 != 255, !taken.contains(candidate) {
                    state.addresses[pod] = candidate
                    return candidate
                }
            }
            return nil
        }
    }

    /// `count` free GPUs, the lowest indices first; nil if fewer are free.
    func allocateGPUs(_ count: Int, to pod: String) -> [Int]? {
        state.withLock { state in
            let free = (0..<gpuCount).filter { state.gpus[$0] == nil }.prefix(count)
            guard count >= 0, free.count == count else { return nil }
            for gpu in free { state.gpus[gpu] = pod }
            return Array(free)
        }
    }

    var allocatedGPUs: Int { state.withLock { $0.gpus.count } }

    func releaseGPUs(of pod: String) {
        state.withLock { state in state.gpus = state.gpus.filter { $0.value != pod } }
    }

    func release(_ pod: String) {
        releaseGPUs(of: pod)
        state.withLock { _ = $0.addresses.removeValue(forKey: pod) }
    }
}
