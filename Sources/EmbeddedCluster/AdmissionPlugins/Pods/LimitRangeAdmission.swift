import APIServer
import KubernetesAPI

/// Fills in the requests and limits that a namespace's `LimitRange`s have defaults for, and refuses what
/// is beyond their bounds.
public struct LimitRangeAdmission: AdmissionPlugin {
    public init() {}

    public func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard request.isCore("pods"), request.operation == .create, var pod = request.object else { return }
        for range in try await ranges(in: request.namespace, cluster) {
            for item in range where item.type == "Container" { item.fillIn(&pod) }
        }
        request.object = pod
    }

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard let object = request.object else { return }
        let isPod = request.isCore("pods") && request.operation == .create
        let isClaim =
            request.isCore("persistentvolumeclaims")
            && (request.operation == .create || request.operation == .update)
        guard isPod || isClaim else { return }
        for range in try await ranges(in: request.namespace, cluster) {
            let problems = range.flatMap { isPod ? $0.problems(ofPod: object) : $0.problems(ofClaim: object) }
            guard let first = problems.first else { continue }
            let unique = problems.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
            throw request.forbidden(unique.count == 1 ? first : "[\(unique.joined(separator: ", "))]")
        }
    }

    private func ranges(
        in namespace: String, _ cluster: any AdmissionCluster
    ) async throws(APIError) -> [[LimitRangeItem]] {
        guard cluster.definition(group: "", plural: "limitranges") != nil else { return [] }
        return try await cluster.list(group: "", plural: "limitranges", namespace: namespace)
            .map { (name: $0[path: ["metadata", "name"]]?.stringValue ?? "", value: $0) }
            .sorted { $0.name < $1.name }
            .map { ($0.value[path: ["spec", "limits"]]?.arrayValue ?? []).map { LimitRangeItem($0) } }
    }
}
