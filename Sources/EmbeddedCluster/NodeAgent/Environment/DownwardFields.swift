import KubernetesAPI

/// Values that the downward API offers of a pod.
public struct DownwardFields: Sendable {
    var pod: Pod
    var podIP: String
    var hostIP: String

    public init(pod: Pod, podIP: String, hostIP: String) {
        self.pod = pod
        self.podIP = podIP
        self.hostIP = hostIP
    }

    /// The value of a `fieldPath`; nil if this node does not know the path.
    public func value(of path: String) -> String? {
        switch path {
        case "metadata.name": pod.name
        case "metadata.namespace": pod.namespace
        case "metadata.uid": pod.metadata.uid ?? ""
        case "metadata.labels": Self.lines(pod.metadata.labels)
        case "metadata.annotations": Self.lines(pod.metadata.annotations)
        case "spec.nodeName": pod.spec?.nodeName ?? ""
        case "spec.serviceAccountName": pod.spec?.serviceAccountName ?? "default"
        case "status.podIP", "status.podIPs": podIP
        case "status.hostIP", "status.hostIPs": hostIP
        default: subscripted(path)
        }
    }

    /// The value of `metadata.labels['key']` or `metadata.annotations['key']`; nil for any other path.
    private func subscripted(_ path: String) -> String? {
        for (head, map) in [
            ("metadata.labels['", pod.metadata.labels), ("metadata.annotations['", pod.metadata.annotations),
        ] where path.hasPrefix(head) && path.hasSuffix("']") {
            return map?[String(path.dropFirst(head.count).dropLast(2))] ?? ""
        }
        return nil
    }

    private static func lines(_ map: [String: String]?) -> String {
        (map ?? [:]).sorted { $0.key < $1.key }
            .map { "\($0.key)=\(JSONValue.string($0.value).text)" }
            .joined(separator: "\n")
    }

    /// The value of a `resourceFieldRef`, rounded up to the divisor; nil for an unknown resource. A limit
    /// that is not set is the node's allocatable amount.
    static func resource(
        _ selector: ResourceFieldSelector, of container: Container, allocatable: [String: Quantity]
    ) -> String? {
        let parts = selector.resource.split(separator: ".", maxSplits: 1)
        guard parts.count == 2, let kind = parts.first, let name = parts.last.map(String.init) else {
            return nil
        }
        let amount: Quantity?
        switch kind {
        case "limits": amount = container.resources?.limits?[name] ?? allocatable[name]
        case "requests": amount = container.resources?.requests?[name] ?? Quantity(0)
        default: return nil
        }
        guard let amount else { return nil }
        let divisor = selector.divisor.flatMap { $0.milliunits > 0 ? $0.milliunits : nil } ?? 1000
        return String((amount.milliunits + divisor - 1) / divisor)
    }
}
