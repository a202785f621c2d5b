import KubernetesAPI

/// How much of a quota's resources a namespace uses: a pure function of what is in it.
public struct QuotaUsage: Sendable {
    public var pods: [Pod]
    public var claims: [PersistentVolumeClaim]
    /// Objects by resource, such as `configmaps` or `widgets.example.dev`.
    public var objectCounts: [String: Int]

    public init(pods: [Pod], claims: [PersistentVolumeClaim], objectCounts: [String: Int]) {
        self.pods = pods
        self.claims = claims
        self.objectCounts = objectCounts
    }

    /// The used amount of each resource that `hard` names.
    public func used(of hard: [String: Quantity]) -> [String: Quantity] {
        var used: [String: Quantity] = [:]
        for name in hard.keys { used[name] = amount(of: name) }
        return used
    }

    private func amount(of name: String) -> Quantity {
        if name.hasPrefix("count/") { return Quantity(Int64(objectCounts[String(name.dropFirst(6))] ?? 0)) }
        let living = pods.filter { !$0.isFinished }
        switch name {
        case "pods": return Quantity(Int64(living.count))
        case "persistentvolumeclaims": return Quantity(Int64(claims.count))
        case "requests.storage":
            return quantity(
                claims.reduce(0) { $0 + ($1.spec?.resources?.requests?["storage"]?.milliunits ?? 0) })
        case "services", "secrets", "configmaps", "replicationcontrollers", "resourcequotas":
            return Quantity(Int64(objectCounts[name] ?? 0))
        default:
            let isLimit = name.hasPrefix("limits.")
            let resource =
                name.hasPrefix("requests.")
                ? String(name.dropFirst(9)) : isLimit ? String(name.dropFirst(7)) : name
            let total = living.reduce(Int128(0)) { total, pod in
                let spec = isLimit ? pod.spec.map(Self.limitsAsRequests) : pod.spec
                return total + (PodRequests(of: spec ?? PodSpec()).milliunits[resource] ?? 0)
            }
            return quantity(total)
        }
    }

    private static func limitsAsRequests(_ spec: PodSpec) -> PodSpec {
        func limited(_ containers: [Container]) -> [Container] {
            containers.map { container in
                var container = container
                let limits = container.resources?.limits
                container.resources?.requests = limits
                return container
            }
        }
        var spec = spec
        spec.containers = limited(spec.containers)
        spec.initContainers = spec.initContainers.map(limited)
        return spec
    }

    private func quantity(_ milliunits: Int128) -> Quantity {
        guard milliunits % 1000 != 0 else { return Quantity(Int64(clamping: milliunits / 1000)) }
        return Quantity("\(milliunits)m") ?? Quantity(Int64(clamping: milliunits / 1000))
    }
}
