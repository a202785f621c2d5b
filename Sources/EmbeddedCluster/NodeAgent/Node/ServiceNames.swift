import KubernetesAPI
import Scheduling

/// Names of services and of their pods in `/etc/hosts`: there is no name server.
///
/// They are made from services and pods, as nodes may not read the endpoints of services, and a control plane
/// keeps none for the loopback addresses of these pods.
enum ServiceNames {
    static func aliases(
        of services: [KubernetesAPI.Service], pods: [Pod], namespace: String
    ) -> [HostAlias] {
        let services = services.filter { $0.spec?.selector?.isEmpty == false }
        // Mostly there are no services, and this is called often.
        guard !services.isEmpty else { return [] }
        var names: [String: [String]] = [:]
        let podsByNamespace = Dictionary(grouping: pods, by: \.namespace)
        for service in services.sorted(by: { $0.key < $1.key }) {
            let qualified = "\(service.name).\(service.namespace)"
            var forms = ["\(qualified).svc.cluster.local", "\(qualified).svc", qualified]
            if service.namespace == namespace { forms.append(service.name) }
            let members = (podsByNamespace[service.namespace] ?? []).filter { isMember($0, of: service) }
            for pod in members.sorted(by: { $0.key < $1.key }) {
                guard let address = pod.status?.podIP, !address.isEmpty else { continue }
                if pod.spec?.subdomain == service.name, let host = pod.spec?.hostname, !host.isEmpty {
                    names[address, default: []] += forms.map { "\(host).\($0)" }
                }
                names[address, default: []] += forms
            }
        }
        return names.sorted { $0.key < $1.key }.map { HostAlias(address: $0.key, names: $0.value) }
    }

    /// Drops the parts of a pod that no name is made from.
    static let reduced: @Sendable (Pod) -> Pod = { pod in
        var pod = pod
        pod.metadata.annotations = nil
        pod.spec?.containers = []
        pod.spec?.initContainers = nil
        pod.spec?.volumes = nil
        pod.status?.containerStatuses = nil
        pod.status?.initContainerStatuses = nil
        return pod
    }

    private static func isMember(_ pod: Pod, of service: KubernetesAPI.Service) -> Bool {
        guard let selector = service.spec?.selector,
            LabelSelector(matchLabels: selector).matches(pod.metadata.labels ?? [:]), !pod.isFinished
        else { return false }
        if service.spec?.publishNotReadyAddresses == true { return true }
        let isReady = pod.status?.conditions?.contains { $0.type == "Ready" && $0.status == .true } ?? false
        return isReady && pod.metadata.deletionTimestamp == nil
    }
}
