import APIServer
import KubernetesAPI

/// Turns the name of a priority class into a priority, and keeps one default class at most.
public struct PriorityAdmission: AdmissionPlugin {
    private static let group = "scheduling.k8s.io"
    private static let plural = "priorityclasses"
    /// Classes that every cluster has, even before somebody creates the objects.
    private static let system: [String: Int64] = [
        "system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000,
    ]

    public init() {}

    public func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard request.isCore("pods"), let pod = request.object else { return }
        switch request.operation {
        case .create: try await resolve(pod, &request, cluster)
        case .update:
            // A client that doesn't know of priorities must not take them away.
            for field in ["priority", "preemptionPolicy"] where pod[path: ["spec", field]] == nil {
                if let old = request.oldObject?[path: ["spec", field]] {
                    request.object?[path: ["spec", field]] = old
                }
            }
        case .delete, .connect: break
        }
    }

    private func resolve(
        _ pod: JSONValue, _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        let given = pod[path: ["spec", "priorityClassName"]]?.stringValue ?? ""
        let name: String
        var priority: Int64 = 0
        var preemption = "PreemptLowerPriority"
        if let (found, value) = try await priorityClass(given, request, cluster) {
            name = found
            priority = value["value"]?.integerValue ?? 0
            preemption = value["preemptionPolicy"]?.stringValue ?? preemption
        } else {
            name = given
        }
        if let set = pod[path: ["spec", "priority"]]?.integerValue, set != priority {
            throw request.forbidden(
                "the integer value of priority (\(set)) must not be provided in pod spec; priority admission "
                    + "controller computed \(priority) from the given PriorityClass name")
        }
        if let set = pod[path: ["spec", "preemptionPolicy"]]?.stringValue, set != preemption {
            throw request.forbidden(
                "the string value of PreemptionPolicy (\(set)) must not be provided in pod spec; priority "
                    + "admission controller computed \(preemption) from the given PriorityClass name")
        }
        if !name.isEmpty { request.object?[path: ["spec", "priorityClassName"]] = .string(name) }
        request.object?[path: ["spec", "priority"]] = .integer(priority)
        request.object?[path: ["spec", "preemptionPolicy"]] = .string(preemption)
    }

    /// The class of that name; the default class if there is no name and if there is one.
    private func priorityClass(
        _ name: String, _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) -> (name: String, value: JSONValue)? {
        guard name.isEmpty else {
            let isServed = cluster.definition(group: Self.group, plural: Self.plural) != nil
            if isServed,
                let found = try await cluster.get(
                    group: Self.group, plural: Self.plural, namespace: "", name: name)
            {
                return (name, found)
            }
            guard let value = Self.system[name] else {
                throw request.forbidden("no PriorityClass with name \(name) was found")
            }
            return (name, ["value": .integer(value)])
        }
        // The lowest of several defaults counts; a race can bring them about.
        return try await defaults(cluster).min { left, right in
            (left["value"]?.integerValue ?? 0) < (right["value"]?.integerValue ?? 0)
        }.map { ($0[path: ["metadata", "name"]]?.stringValue ?? "", $0) }
    }

    private func defaults(_ cluster: any AdmissionCluster) async throws(APIError) -> [JSONValue] {
        guard cluster.definition(group: Self.group, plural: Self.plural) != nil else { return [] }
        return try await cluster.list(group: Self.group, plural: Self.plural, namespace: nil)
            .filter { $0["globalDefault"] == true }
    }

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        let type = request.definition.type
        guard type.group == Self.group, type.plural == Self.plural,
            request.object?["globalDefault"] == true
        else { return }
        let others = try await defaults(cluster)
            .compactMap { $0[path: ["metadata", "name"]]?.stringValue }.filter { $0 != request.name }
        guard let other = others.sorted().first else { return }
        throw request.forbidden(
            "PriorityClass \(other) is already marked as default. Only one default can exist")
    }
}
