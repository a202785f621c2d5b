import KubernetesAPI
import Scheduling

/// One entry of a `LimitRange`.
struct LimitRangeItem: Sendable {
    private static let annotation = "kubernetes.io/limit-ranger"

    /// `Container`, `Pod` or `PersistentVolumeClaim`
    var type: String
    private var min: ResourceAmounts
    private var max: ResourceAmounts
    private var maxRatio: ResourceAmounts
    private var defaultLimits: ResourceAmounts
    private var defaultRequests: ResourceAmounts

    init(_ item: JSONValue) {
        type = item["type"]?.stringValue ?? ""
        min = ResourceAmounts(item["min"])
        max = ResourceAmounts(item["max"])
        maxRatio = ResourceAmounts(item["maxLimitRequestRatio"])
        defaultLimits = ResourceAmounts(item["default"])
        defaultRequests = ResourceAmounts(item["defaultRequest"])
        guard type == "Container" else { return }
        // Defaults that are left out follow from the rest.
        defaultLimits.merge(max) { own, _ in own }
        defaultRequests.merge(defaultLimits) { own, _ in own }
        defaultRequests.merge(min) { own, _ in own }
    }

    // MARK: Defaults

    /// Sets what containers leave open, and notes that in an annotation.
    func fillIn(_ pod: inout JSONValue) {
        var notes: [String] = []
        for (list, title) in [("containers", "container"), ("initContainers", "init container")] {
            guard let containers = pod[path: ["spec", list]]?.arrayValue else { continue }
            pod[path: ["spec", list]] = .array(
                containers.map { container in
                    var changed = container
                    let who = "\(title) \(container["name"]?.stringValue ?? "")"
                    for (kind, word, defaults) in [
                        ("requests", "request", defaultRequests), ("limits", "limit", defaultLimits),
                    ] {
                        let set = Self.fillIn(&changed, kind, defaults)
                        if !set.isEmpty { notes.append("\(set.joined(separator: ", ")) \(word) for \(who)") }
                    }
                    return changed
                })
        }
        guard !notes.isEmpty else { return }
        pod[path: ["metadata", "annotations", Self.annotation]] = .string(
            "LimitRanger plugin set: " + notes.joined(separator: "; "))
    }

    /// - Returns: the names of the resources that were set.
    private static func fillIn(
        _ container: inout JSONValue, _ kind: String, _ defaults: ResourceAmounts
    ) -> [String] {
        var set: [String] = []
        for (name, amount) in defaults.sorted(by: { $0.key < $1.key })
        where container[path: ["resources", kind, name]] == nil {
            container[path: ["resources", kind, name]] = .string(amount.text)
            set.append(name)
        }
        return set
    }

    // MARK: Bounds

    func problems(ofPod pod: JSONValue) -> [String] {
        switch type {
        case "Container":
            return ["containers", "initContainers"].flatMap { list in
                (pod[path: ["spec", list]]?.arrayValue ?? []).flatMap { container in
                    problems(
                        requests: ResourceAmounts(container[path: ["resources", "requests"]]),
                        limits: ResourceAmounts(container[path: ["resources", "limits"]]))
                }
            }
        case "Pod":
            let usage = PodResources(pod)
            return problems(requests: usage.requests, limits: usage.limits)
        default: return []
        }
    }

    func problems(ofClaim claim: JSONValue) -> [String] {
        guard type == "PersistentVolumeClaim" else { return [] }
        let requests = ResourceAmounts(claim[path: ["spec", "resources", "requests"]])
        // A claim has no limits that could be bounded.
        return problems(requests: requests, limits: requests)
    }

    private func problems(requests: ResourceAmounts, limits: ResourceAmounts) -> [String] {
        var found: [String] = []
        for (name, bound) in min.sorted(by: { $0.key < $1.key }) {
            let text = "minimum \(name) usage per \(type) is \(bound.text)"
            if let request = requests[name] {
                if let limit = limits[name], limit.milliunits < bound.milliunits {
                    found.append("\(text), but limit is \(limit.text)")
                } else if request.milliunits < bound.milliunits {
                    found.append("\(text), but request is \(request.text)")
                }
            } else {
                found.append("\(text).  No request is specified")
            }
        }
        for (name, bound) in max.sorted(by: { $0.key < $1.key }) {
            let text = "maximum \(name) usage per \(type) is \(bound.text)"
            if let limit = limits[name] {
                if limit.milliunits > bound.milliunits {
                    found.append("\(text), but limit is \(limit.text)")
                } else if let request = requests[name], request.milliunits > bound.milliunits {
                    found.append("\(text), but request is \(request.text)")
                }
            } else {
                found.append("\(text).  No limit is specified")
            }
        }
        for (name, bound) in maxRatio.sorted(by: { $0.key < $1.key }) {
            found += ratioProblem(name, bound, requests[name], limits[name])
        }
        return found
    }

    private func ratioProblem(
        _ name: String, _ bound: ResourceAmount, _ request: ResourceAmount?, _ limit: ResourceAmount?
    ) -> [String] {
        let text = "\(name) max limit to request ratio per \(type) is \(bound.text)"
        guard let request, request.milliunits > 0 else {
            return ["\(text), but no request is specified or request is 0"]
        }
        guard let limit, limit.milliunits > 0 else {
            return ["\(text), but no limit is specified or limit is 0"]
        }
        let ratio = Double(limit.milliunits) / Double(request.milliunits)
        guard ratio * 1000 > Double(bound.milliunits) else { return [] }
        let thousandths = Int64(exactly: (ratio * 1_000_000).rounded()) ?? .max
        let fraction = String(thousandths % 1_000_000)
        let padded = String(repeating: "0", count: Swift.max(0, 6 - fraction.count)) + fraction
        return ["\(text), but provided ratio is \(thousandths / 1_000_000).\(padded)"]
    }
}
