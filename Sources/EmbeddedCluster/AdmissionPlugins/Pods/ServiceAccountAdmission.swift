import APIServer
import KubernetesAPI

/// Gives every pod a service account, and its containers that account's token.
public struct ServiceAccountAdmission: AdmissionPlugin {
    private static let mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
    private static let volumePrefix = "kube-api-access-"
    /// Seconds that a token is asked for: a bit more than an hour, which a real API server takes as a sign to
    /// extend it.
    private static let expirationSeconds: JSONValue = 3607

    private let randomSuffix: @Sendable (Int) -> String

    /// - Parameter randomSuffix: a random text of a length, as generated names use it.
    public init(randomSuffix: @escaping @Sendable (Int) -> String) { self.randomSuffix = randomSuffix }

    public func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard request.isCore("pods"), request.operation == .create, var pod = request.object else { return }
        let name = Self.accountName(of: pod)
        let account = try await account(name, request, cluster)
        pod[path: ["spec", "serviceAccountName"]] = .string(name)
        pod[path: ["spec", "serviceAccount"]] = .string(name)
        let mounts =
            pod[path: ["spec", "automountServiceAccountToken"]]?.boolValue
            ?? account["automountServiceAccountToken"]?.boolValue ?? true
        if mounts { mountToken(in: &pod) }
        if (pod[path: ["spec", "imagePullSecrets"]]?.arrayValue ?? []).isEmpty,
            let secrets = account["imagePullSecrets"]?.arrayValue, !secrets.isEmpty
        {
            pod[path: ["spec", "imagePullSecrets"]] = .array(secrets)
        }
        request.object = pod
    }

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard request.isCore("pods"), request.operation == .create, let pod = request.object else { return }
        _ = try await account(Self.accountName(of: pod), request, cluster)
    }

    private static func accountName(of pod: JSONValue) -> String {
        for field in ["serviceAccountName", "serviceAccount"] {
            if let name = pod[path: ["spec", field]]?.stringValue, !name.isEmpty { return name }
        }
        return "default"
    }

    private func account(
        _ name: String, _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) -> JSONValue {
        let found = try await cluster.get(
            group: "", plural: "serviceaccounts", namespace: request.namespace, name: name)
        guard let found else {
            throw request.forbidden(
                "error looking up service account \(request.namespace)/\(name): serviceaccount \"\(name)\" "
                    + "not found")
        }
        return found
    }

    // MARK: The token's volume

    private func mountToken(in pod: inout JSONValue) {
        let volumes = pod[path: ["spec", "volumes"]]?.arrayValue ?? []
        let existing = volumes.compactMap { $0["name"]?.stringValue }
            .first { $0.hasPrefix(Self.volumePrefix) }
        let name = existing ?? Self.volumePrefix + randomSuffix(5)
        var isMounted = false
        for list in ["initContainers", "containers"] {
            guard let containers = pod[path: ["spec", list]]?.arrayValue else { continue }
            pod[path: ["spec", list]] = .array(
                containers.map { container in
                    var mounts = container["volumeMounts"]?.arrayValue ?? []
                    // Whoever mounts something there wants that instead.
                    guard !mounts.contains(where: { $0["mountPath"] == .string(Self.mountPath) }) else {
                        return container
                    }
                    mounts.append(
                        ["name": .string(name), "readOnly": true, "mountPath": .string(Self.mountPath)])
                    isMounted = true
                    var changed = container
                    changed["volumeMounts"] = .array(mounts)
                    return changed
                })
        }
        guard isMounted, existing == nil else { return }
        pod[path: ["spec", "volumes"]] = .array(volumes + [Self.volume(name)])
    }

    private static func volume(_ name: String) -> JSONValue {
        let namespaceFile: JSONValue = [
            "path": "namespace", "fieldRef": ["apiVersion": "v1", "fieldPath": "metadata.namespace"],
        ]
        return [
            "name": .string(name),
            "projected": [
                "defaultMode": 420,
                "sources": [
                    ["serviceAccountToken": ["expirationSeconds": expirationSeconds, "path": "token"]],
                    [
                        "configMap": [
                            "name": "kube-root-ca.crt", "items": [["key": "ca.crt", "path": "ca.crt"]],
                        ]
                    ],
                    ["downwardAPI": ["items": [namespaceFile]]],
                ],
            ],
        ]
    }
}
