import APIServer
import KubernetesAPI

/// Holds pods to the level that their namespace's labels ask for: `pod-security.kubernetes.io/enforce`
/// refuses pods; `warn` only warns, about pods and about objects that make pods.
public struct PodSecurityAdmission: AdmissionPlugin {
    public init() {}

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard !request.namespace.isEmpty, request.subresource == nil,
            request.operation == .create || request.operation == .update, let object = request.object,
            let (pod, isPod) = Self.pod(in: object, request.definition.type)
        else { return }
        // An update that leaves the spec of an admitted pod alone changes nothing about security.
        if isPod, let old = request.oldObject, old["spec"] == object["spec"] { return }
        let namespace = try await cluster.get(
            group: "", plural: "namespaces", namespace: "", name: request.namespace)
        let policy = PodSecurityPolicy(namespace?[path: ["metadata", "labels"]])
        if isPod, let violations = Self.violations(of: policy.enforce, pod) {
            throw request.forbidden("violates PodSecurity \"\(policy.enforce.name)\": \(violations)")
        }
        if let violations = Self.violations(of: policy.warn, pod) {
            request.warnings.add("would violate PodSecurity \"\(policy.warn.name)\": \(violations)")
        }
    }

    private static func violations(of rule: PodSecurityPolicy.Rule, _ pod: JSONValue) -> String? {
        let found = PodSecurityChecks.violations(of: rule.level, by: pod)
        return found.isEmpty ? nil : found.joined(separator: ", ")
    }

    /// The pod that the object is, or the template of those that it makes.
    private static func pod(in object: JSONValue, _ type: ResourceType) -> (JSONValue, isPod: Bool)? {
        switch (type.group, type.plural) {
        case ("", "pods"): return (object, true)
        case ("", "podtemplates"): return object["template"].map { ($0, false) }
        case ("batch", "cronjobs"):
            return object[path: ["spec", "jobTemplate", "spec", "template"]].map { ($0, false) }
        case ("batch", "jobs"), ("", "replicationcontrollers"), ("apps", "deployments"),
            ("apps", "replicasets"), ("apps", "statefulsets"), ("apps", "daemonsets"):
            return object[path: ["spec", "template"]].map { ($0, false) }
        default: return nil
        }
    }
}
