import KubernetesAPI
import Scheduling

extension QuotaUsage {
    /// - Parameter object: An object of `type`, as it is stored or about to be.
    init(_ object: JSONValue, _ type: ResourceType) {
        self.init(type, type.group.isEmpty ? Subject(object, plural: type.plural) : .other)
    }
}

extension QuotaUsage.Subject {
    fileprivate init(_ object: JSONValue, plural: String) {
        switch plural {
        case "pods": self = .pod(QuotaPod(object))
        case "services":
            let ports = object[path: ["spec", "ports"]]?.arrayValue ?? []
            let allocates = object[path: ["spec", "allocateLoadBalancerNodePorts"]] != false
            self = .service(
                type: object[path: ["spec", "type"]]?.stringValue, ports: ports.count,
                nodePorts: allocates
                    ? ports.count : ports.count { ($0["nodePort"]?.integerValue ?? 0) != 0 })
        case "persistentvolumeclaims":
            self = .claim(
                storage: object[path: ["spec", "resources", "requests", "storage"]]
                    .flatMap { ResourceAmount($0) },
                storageClass: object[path: ["spec", "storageClassName"]]?.stringValue)
        default: self = .other
        }
    }
}

extension QuotaPod {
    fileprivate init(_ pod: JSONValue) {
        self.init(
            resources: PodResources(pod),
            isFinished: Pod.isFinished(phase: pod[path: ["status", "phase"]]?.stringValue),
            activeDeadlineSeconds: pod[path: ["spec", "activeDeadlineSeconds"]]?.integerValue,
            priorityClassName: pod[path: ["spec", "priorityClassName"]]?.stringValue,
            looksAcrossNamespaces: Self.affinityTerms(of: pod).contains {
                $0["namespaces"]?.arrayValue?.isEmpty == false || $0["namespaceSelector"]?.objectValue != nil
            })
    }

    private static func affinityTerms(of pod: JSONValue) -> [JSONValue] {
        ["podAffinity", "podAntiAffinity"].flatMap { kind -> [JSONValue] in
            let affinity = pod[path: ["spec", "affinity", kind]]
            let required = affinity?["requiredDuringSchedulingIgnoredDuringExecution"]?.arrayValue ?? []
            let preferred = affinity?["preferredDuringSchedulingIgnoredDuringExecution"]?.arrayValue ?? []
            return required + preferred.compactMap { $0["podAffinityTerm"] }
        }
    }
}

extension PodResources {
    /// - Parameter pod: A pod as it stands in a request or in the store.
    init(_ pod: JSONValue) {
        let spec = pod["spec"]
        self.init(
            containers: (spec?["containers"]?.arrayValue ?? []).map { Share($0["resources"]) },
            initContainers: (spec?["initContainers"]?.arrayValue ?? []).map {
                InitContainer(share: Share($0["resources"]), isSidecar: $0["restartPolicy"] == "Always")
            },
            overhead: ResourceAmounts(spec?["overhead"]), whole: Share(spec?["resources"]))
    }
}

extension PodResources.Share {
    fileprivate init(_ resources: JSONValue?) {
        self.init(
            requests: ResourceAmounts(resources?["requests"]), limits: ResourceAmounts(resources?["limits"]))
    }
}

extension ResourceQuotaSpec {
    /// The limits and scopes of a quota as it is stored, without values that are no quantities.
    init(_ quota: JSONValue) {
        let spec = quota["spec"]
        let expressions = spec?[path: ["scopeSelector", "matchExpressions"]]?.arrayValue
        self.init(
            hard: ResourceAmounts(spec?["hard"]).mapValues(\.quantity),
            scopes: spec?["scopes"]?.arrayValue?.compactMap(\.stringValue),
            scopeSelector: ScopeSelector(
                matchExpressions: expressions?.map { expression in
                    ScopedRequirement(
                        scopeName: expression["scopeName"]?.stringValue ?? "",
                        operator: expression["operator"]?.stringValue ?? "Exists",
                        values: expression["values"]?.arrayValue?.compactMap(\.stringValue))
                }))
    }
}

extension ResourceAmount {
    /// Reads a quantity as it stands in an object; nil if the value is none.
    init?(_ value: JSONValue) {
        let text: String
        switch value {
        case .string(let written): text = written
        case .integer(let number): text = String(number)
        case .number(let number): text = "\(number)"
        case .null, .bool, .array, .object: return nil
        }
        guard let quantity = Quantity(text) else { return nil }
        self.init(quantity)
    }
}

extension ResourceAmounts {
    /// Reads a resource list as it stands in an object, and leaves out values that are no quantities.
    init(_ list: JSONValue?) {
        self = (list?.objectValue ?? [:]).compactMapValues { ResourceAmount($0) }
    }

    var json: JSONValue { .object(mapValues { .string($0.text) }) }
}
