import KubernetesAPI

/// What a pod asks of its node: the larger of what its main containers need together and what any init
/// container needs, sidecars counted with both. In thousandths of each resource's unit.
public struct PodRequests: Hashable, Sendable {
    public private(set) var milliunits: [String: Int128] = [:]

    public init(of spec: PodSpec) {
        var sidecars: [String: Int128] = [:]
        var peak: [String: Int128] = [:]
        for container in spec.initContainers ?? [] {
            let own = Self.requests(of: container)
            if container.restartPolicy == "Always" {
                Self.add(own, to: &sidecars)
                peak.merge(sidecars, uniquingKeysWith: max)
            } else {
                peak.merge(own.merging(sidecars) { $0 + $1 }, uniquingKeysWith: max)
            }
        }
        var together = sidecars
        for container in spec.containers { Self.add(Self.requests(of: container), to: &together) }
        milliunits = peak.merging(together, uniquingKeysWith: max)
        milliunits["pods"] = 1000
    }

    /// A limit stands for a request that is not given.
    private static func requests(of container: Container) -> [String: Int128] {
        (container.resources?.limits ?? [:]).merging(container.resources?.requests ?? [:]) { _, request in
            request
        }
        .mapValues(\.milliunits)
    }

    private static func add(_ amounts: [String: Int128], to total: inout [String: Int128]) {
        total.merge(amounts) { $0 + $1 }
    }
}
