import KubernetesAPI

/// What an object counts against quotas.
enum QuotaUsage {
    /// Of an object that is there already or is about to be. A pod that has ended uses nothing.
    static func of(_ object: JSONValue, _ type: ResourceType) -> ResourceAmounts {
        var usage: ResourceAmounts = [countName(of: type): .one]
        guard type.group.isEmpty else { return usage }
        switch type.plural {
        case "pods":
            let phase = object[path: ["status", "phase"]]?.stringValue
            let hasEnded = phase == "Succeeded" || phase == "Failed"
            usage = hasEnded ? ["count/pods": .one] : PodUsage(object).quotaAmounts
        case "services":
            usage["services"] = .one
            let kind = object[path: ["spec", "type"]]?.stringValue
            let ports = Int128(object[path: ["spec", "ports"]]?.arrayValue?.count ?? 0)
            if kind == "LoadBalancer" { usage["services.loadbalancers"] = .one }
            if kind == "LoadBalancer" || kind == "NodePort" {
                usage["services.nodeports"] = ResourceAmount(milliunits: ports * 1000, isBinary: false)
            }
        case "persistentvolumeclaims":
            usage["persistentvolumeclaims"] = .one
            let size = object[path: ["spec", "resources", "requests", "storage"]]
                .flatMap { ResourceAmount($0) }
            let storageClass = object[path: ["spec", "storageClassName"]]?.stringValue ?? ""
            if let size { usage["requests.storage"] = size }
            guard !storageClass.isEmpty else { break }
            let prefix = "\(storageClass).storageclass.storage.k8s.io/"
            usage[prefix + "persistentvolumeclaims"] = .one
            if let size { usage[prefix + "requests.storage"] = size }
        case "configmaps", "secrets", "replicationcontrollers", "resourcequotas":
            usage[type.plural] = .one
        default: break
        }
        return usage
    }

    /// `count/pods`, `count/trainingjobs.anneal.dev`
    private static func countName(of type: ResourceType) -> String { "count/\(type.qualifiedName)" }

    /// The resources that every container must speak of, where a quota limits them.
    private static let demanded: Set<String> = [
        "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
    ]

    /// What containers of a pod leave open although a quota limits it: `limits.cpu for: a,b; …`.
    static func missing(_ limited: some Collection<String>, in pod: JSONValue) -> String? {
        let containers = ["containers", "initContainers"].flatMap {
            pod[path: ["spec", $0]]?.arrayValue ?? []
        }
        var lines: [String] = []
        for name in limited.sorted() where demanded.contains(name) {
            let kind = name.hasPrefix("limits.") ? "limits" : "requests"
            let resource = name.split(separator: ".").last.map(String.init) ?? name
            let silent = containers.filter { $0[path: ["resources", kind, resource]] == nil }
                .compactMap { $0["name"]?.stringValue }
            if !silent.isEmpty { lines.append("\(name) for: \(Set(silent).sorted().joined(separator: ","))") }
        }
        return lines.isEmpty ? nil : lines.joined(separator: "; ")
    }
}
