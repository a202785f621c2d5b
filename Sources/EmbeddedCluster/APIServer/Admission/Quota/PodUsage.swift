import KubernetesAPI

/// What a pod asks of its node.
struct PodUsage: Sendable {
    var requests: ResourceAmounts
    var limits: ResourceAmounts

    init(_ pod: JSONValue) {
        requests = Self.total("requests", of: pod)
        limits = Self.total("limits", of: pod)
    }

    /// Containers and sidecars run together; init containers run one at a time, beside the sidecars that
    /// were started before them.
    private static func total(_ kind: String, of pod: JSONValue) -> ResourceAmounts {
        var running: ResourceAmounts = [:]
        for container in pod[path: ["spec", "containers"]]?.arrayValue ?? [] {
            running.add(ResourceAmounts(container[path: ["resources", kind]]))
        }
        var sidecars: ResourceAmounts = [:]
        var starting: ResourceAmounts = [:]
        for container in pod[path: ["spec", "initContainers"]]?.arrayValue ?? [] {
            let own = ResourceAmounts(container[path: ["resources", kind]])
            if container["restartPolicy"] == "Always" {
                sidecars.add(own)
                starting.raise(to: sidecars)
            } else {
                var together = sidecars
                together.add(own)
                starting.raise(to: together)
            }
        }
        running.add(sidecars)
        running.raise(to: starting)
        let overhead = ResourceAmounts(pod[path: ["spec", "overhead"]])
        running.add(kind == "requests" ? overhead : overhead.filter { running[$0.key] != nil })
        return running
    }

    /// As quotas name it.
    var quotaAmounts: ResourceAmounts {
        var amounts: ResourceAmounts = ["pods": .one, "count/pods": .one]
        for (name, amount) in requests {
            amounts["requests.\(name)"] = amount
            if !PodUsage.isExtended(name) { amounts[name] = amount }
        }
        for (name, amount) in limits where !PodUsage.isExtended(name) { amounts["limits.\(name)"] = amount }
        return amounts
    }

    /// Whether a resource is a device or the like: `nvidia.com/gpu`.
    static func isExtended(_ name: String) -> Bool {
        name.contains("/") && !name.hasPrefix("kubernetes.io/")
    }

    /// No container asks for CPU or memory.
    static func isBestEffort(_ pod: JSONValue) -> Bool {
        let containers = ["containers", "initContainers"].flatMap {
            pod[path: ["spec", $0]]?.arrayValue ?? []
        }
        return containers.allSatisfy { container in
            ["requests", "limits"].allSatisfy { kind in
                let amounts = ResourceAmounts(container[path: ["resources", kind]])
                return ["cpu", "memory"].allSatisfy { (amounts[$0] ?? .zero).milliunits == 0 }
            }
        }
    }
}
