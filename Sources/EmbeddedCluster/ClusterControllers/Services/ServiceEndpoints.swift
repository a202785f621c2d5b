import KubernetesAPI
import Scheduling

/// The addresses behind a service: a pure function of the service and of the pods of its namespace.
public enum ServiceEndpoints {
    /// The subsets; nil for services without selector, whose endpoints others write.
    public static func subsets(of service: Service, pods: [Pod]) -> [EndpointSubset]? {
        guard let selector = service.spec?.selector, !selector.isEmpty else { return nil }
        var ready: [EndpointAddress] = []
        var notReady: [EndpointAddress] = []
        for pod in pods.sorted(by: { $0.key < $1.key }) {
            guard LabelSelector(matchLabels: selector).matches(pod.metadata.labels ?? [:]), !pod.isFinished,
                let address = address(of: pod, service: service)
            else { continue }
            let isReady =
                pod.status?.conditions?.contains { $0.type == "Ready" && $0.status == .true } ?? false
            let counts = service.spec?.publishNotReadyAddresses == true
            if counts || (isReady && pod.metadata.deletionTimestamp == nil) {
                ready.append(address)
            } else {
                notReady.append(address)
            }
        }
        guard !ready.isEmpty || !notReady.isEmpty else { return [] }
        var subset = EndpointSubset()
        subset.addresses = ready.isEmpty ? nil : ready
        subset.notReadyAddresses = notReady.isEmpty ? nil : notReady
        subset.ports = ports(of: service)
        return [subset]
    }

    private static func address(of pod: Pod, service: Service) -> EndpointAddress? {
        guard let ip = pod.status?.podIP, !ip.isEmpty else { return nil }
        var address = EndpointAddress(ip: ip)
        address.nodeName = pod.spec?.nodeName
        address.targetRef = ObjectReference(
            kind: "Pod", namespace: pod.namespace, name: pod.name, uid: pod.metadata.uid)
        if pod.spec?.subdomain == service.name { address.hostname = pod.spec?.hostname }
        return address
    }

    private static func ports(of service: Service) -> [EndpointPort]? {
        let ports = (service.spec?.ports ?? []).map { port in
            let target: Int64
            if case .int(let number)? = port.targetPort { target = number } else { target = port.port }
            return EndpointPort(name: port.name, port: target, protocol: port.protocol ?? "TCP")
        }
        return ports.isEmpty ? nil : ports
    }
}
