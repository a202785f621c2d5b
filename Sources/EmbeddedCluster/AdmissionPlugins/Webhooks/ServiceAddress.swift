import APIServer
import KubernetesAPI

/// Finds the address behind a Service. There is no proxy between the API server and the pods here, so
/// that it goes to an endpoint directly.
enum ServiceAddress {
    struct NotFound: Error {
        var message: String
    }

    /// - Returns: `host:port`
    static func resolve(
        namespace: String, name: String, port: Int64, in cluster: any AdmissionCluster
    ) async throws(NotFound) -> String {
        do {
            return try await endpoint(namespace: namespace, name: name, port: port, in: cluster)
        } catch let error as NotFound {
            throw error
        } catch {
            throw NotFound(message: "\(error)")
        }
    }

    private static func endpoint(
        namespace: String, name: String, port: Int64, in cluster: any AdmissionCluster
    ) async throws -> String {
        guard
            let service = try await cluster.get(
                group: "", plural: "services", namespace: namespace, name: name)
        else { throw NotFound(message: "service \"\(name)\" not found") }
        let ports = service[path: ["spec", "ports"]]?.arrayValue ?? []
        guard let servicePort = ports.first(where: { $0["port"]?.integerValue == port }) else {
            throw NotFound(message: "service \"\(name)\" has no port \(port)")
        }
        if let host = service[path: ["spec", "externalName"]]?.stringValue, !host.isEmpty {
            return "\(host):\(port)"
        }
        let portName = servicePort["name"]?.stringValue ?? ""
        for subset in try await subsets(namespace: namespace, name: name, in: cluster) {
            let port =
                subset.ports.first { ($0["name"]?.stringValue ?? "") == portName } ?? subset.ports.first
            if let host = subset.hosts.first, let number = port?["port"]?.integerValue {
                return "\(host.contains(":") ? "[\(host)]" : host):\(number)"
            }
        }
        throw NotFound(message: "no endpoints available for service \"\(name)\"")
    }

    /// The ready addresses with their ports, of `EndpointSlice`s or of `Endpoints`.
    private static func subsets(
        namespace: String, name: String, in cluster: any AdmissionCluster
    ) async throws -> [(hosts: [String], ports: [JSONValue])] {
        var found: [(hosts: [String], ports: [JSONValue])] = []
        if cluster.definition(group: "discovery.k8s.io", plural: "endpointslices") != nil {
            let slices = try await cluster.list(
                group: "discovery.k8s.io", plural: "endpointslices", namespace: namespace)
            for slice in slices
            where slice[path: ["metadata", "labels", "kubernetes.io/service-name"]]?.stringValue == name {
                let ready = (slice["endpoints"]?.arrayValue ?? [])
                    .filter { $0[path: ["conditions", "ready"]]?.boolValue ?? true }
                let hosts = ready.flatMap { ($0["addresses"]?.arrayValue ?? []).compactMap(\.stringValue) }
                found.append((hosts, slice["ports"]?.arrayValue ?? []))
            }
        }
        guard cluster.definition(group: "", plural: "endpoints") != nil,
            let endpoints = try await cluster.get(
                group: "", plural: "endpoints", namespace: namespace, name: name)
        else { return found }
        for subset in endpoints["subsets"]?.arrayValue ?? [] {
            let hosts = (subset["addresses"]?.arrayValue ?? []).compactMap { $0["ip"]?.stringValue }
            found.append((hosts, subset["ports"]?.arrayValue ?? []))
        }
        return found
    }
}
