import KubernetesAPI
import StructuralSchema

/// Defaults of pods that depend on other fields.
enum PodDefaults {
    /// Sets the defaults of a pod's spec, in a pod or in the `template` of another kind.
    static func applyToSpec(_ spec: inout JSONValue, isTemplate: Bool) {
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            guard var containers = spec[list]?.arrayValue else { continue }
            for index in containers.indices {
                applyToContainer(&containers[index])
                if !isTemplate { requestLimits(&containers[index]) }
                if spec["hostNetwork"] == true { bindHostPorts(&containers[index]) }
            }
            spec[list] = .array(containers)
        }
        if var volumes = spec["volumes"]?.arrayValue {
            for index in volumes.indices
            where volumes[index].objectValue?.keys.elementsEqual(["name"]) == true {
                volumes[index]["emptyDir"] = [:]
            }
            spec["volumes"] = .array(volumes)
        }
        // Both names are kept alike.
        if let name = spec["serviceAccountName"], name != "" {
            spec["serviceAccount"] = name
        } else if let name = spec["serviceAccount"], name != "" {
            spec["serviceAccountName"] = name
        }
    }

    private static func applyToContainer(_ container: inout JSONValue) {
        guard container.objectValue != nil, container["imagePullPolicy"] == nil else { return }
        let image = container["image"]?.stringValue ?? ""
        container["imagePullPolicy"] = isLatest(image) ? "Always" : "IfNotPresent"
    }

    /// Whether the image has no tag, or the tag `latest`; a digest is never latest.
    static func isLatest(_ image: String) -> Bool {
        if image.contains("@") { return false }
        let name = image.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        guard let colon = name.lastIndex(of: ":") else { return true }
        return name[name.index(after: colon)...] == "latest"
    }

    /// A limit is also a request, where none is given.
    private static func requestLimits(_ container: inout JSONValue) {
        guard let limits = container[path: ["resources", "limits"]]?.objectValue else { return }
        var requests = container[path: ["resources", "requests"]]?.objectValue ?? [:]
        requests.merge(limits) { request, _ in request }
        if !requests.isEmpty { container[path: ["resources", "requests"]] = .object(requests) }
    }

    private static func bindHostPorts(_ container: inout JSONValue) {
        guard var ports = container["ports"]?.arrayValue else { return }
        for index in ports.indices where ports[index]["hostPort"] == nil {
            ports[index]["hostPort"] = ports[index]["containerPort"]
        }
        container["ports"] = .array(ports)
    }

    /// Sets the fields that admission gives every new pod: priority, and patience with nodes that are away
    /// for a while.
    static func admit(_ spec: inout JSONValue) {
        if spec["priority"] == nil { spec["priority"] = 0 }
        if spec["preemptionPolicy"] == nil { spec["preemptionPolicy"] = "PreemptLowerPriority" }
        var tolerations = spec["tolerations"]?.arrayValue ?? []
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let isTolerated = tolerations.contains { toleration in
                let keys = toleration["key"]?.stringValue ?? ""
                let effect = toleration["effect"]?.stringValue ?? ""
                return (keys == key || keys.isEmpty) && (effect == "NoExecute" || effect.isEmpty)
            }
            guard !isTolerated else { continue }
            tolerations.append([
                "key": .string(key), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            ])
        }
        spec["tolerations"] = .array(tolerations)
    }

    /// `Guaranteed`, `Burstable` or `BestEffort`, by cpu and memory of all containers.
    static func qualityOfService(_ spec: JSONValue) -> String {
        let containers = ["initContainers", "containers"].flatMap { spec[$0]?.arrayValue ?? [] }
        var isGuaranteed = true
        var hasAny = false
        for container in containers {
            for resource in ["cpu", "memory"] {
                let request = amount(container, "requests", resource)
                let limit = amount(container, "limits", resource)
                if request != nil || limit != nil { hasAny = true }
                if limit == nil || (request ?? limit) != limit { isGuaranteed = false }
            }
        }
        return !hasAny ? "BestEffort" : isGuaranteed ? "Guaranteed" : "Burstable"
    }

    private static func amount(_ container: JSONValue, _ kind: String, _ resource: String) -> Quantity? {
        let quantity = container[path: ["resources", kind, resource]]?.stringValue.flatMap { Quantity($0) }
        return quantity?.milliunits == 0 ? nil : quantity
    }
}
