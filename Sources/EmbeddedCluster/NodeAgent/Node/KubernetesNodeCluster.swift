import ControllerRuntime
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient

/// A node's cluster behind an API server.
struct KubernetesNodeCluster: NodeCluster {
    let client: KubernetesClient
    let transport: HTTPTransport
    /// Pods of all nodes.
    let peers: Store<Pod>
    let services: Store<KubernetesAPI.Service>
    let events: EventRecorder

    func objects(
        namespace: String, configMaps: Set<String>, secrets: Set<String>
    ) async throws -> NamespaceObjects {
        var objects = NamespaceObjects()
        for name in configMaps {
            let key = ObjectKey(namespace: namespace, name: name)
            objects.configMaps[name] = try await existing { () throws(KubernetesError) in
                try await client.get(ConfigMap.self, key)
            }
        }
        for name in secrets {
            let key = ObjectKey(namespace: namespace, name: name)
            objects.secrets[name] = try await existing { () throws(KubernetesError) in
                try await client.get(Secret.self, key)
            }
        }
        return objects
    }

    private func existing<R: Sendable>(
        _ read: () async throws(KubernetesError) -> R
    ) async throws(KubernetesError) -> R? {
        do {
            return try await read()
        } catch {
            guard error.isNotFound else { throw error }
            return nil
        }
    }

    func folder(ofClaim name: String, namespace: String) async throws -> String {
        let key = ObjectKey(namespace: namespace, name: name)
        guard
            let claim = try await existing({ () throws(KubernetesError) in
                try await client.get(PersistentVolumeClaim.self, key)
            })
        else { throw ConfigurationError("persistentvolumeclaim \"\(name)\" not found") }
        guard let volumeName = claim.spec?.volumeName, !volumeName.isEmpty, claim.status?.phase == "Bound"
        else {
            throw ConfigurationError("persistentvolumeclaim \"\(name)\" is not bound")
        }
        let volume = try await client.get(PersistentVolume.self, ObjectKey(name: volumeName))
        guard let path = volume.spec?.hostPath?.path else {
            throw ConfigurationError(
                "persistentvolume \"\(volumeName)\" is no folder of this machine; "
                    + "this node mounts hostPath volumes only"
            )
        }
        return path
    }

    func token(_ projection: ServiceAccountTokenProjection, for pod: Pod) async throws -> String {
        var spec: JSONValue = [
            "expirationSeconds": .integer(max(600, projection.expirationSeconds ?? 3600)),
            "boundObjectRef": [
                "apiVersion": "v1", "kind": "Pod", "name": .string(pod.name),
                "uid": .string(pod.metadata.uid ?? ""),
            ],
        ]
        if let audience = projection.audience, !audience.isEmpty { spec["audiences"] = [.string(audience)] }
        let body: JSONValue = [
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec,
        ]
        let account = pod.spec?.serviceAccountName.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
        let request = ServiceAccount.resourceType.create(
            namespace: pod.namespace, body: body.serialized(), fieldManager: nil,
            subresource: ("token", account))
        let response = try await client.send(request)
        let answer = try JSONValue(parsing: response.body)
        guard let token = answer[path: ["status", "token"]]?.stringValue else {
            throw ConfigurationError("the API server's answer has no token")
        }
        return token
    }

    func publish(_ status: PodStatus, of pod: Pod) async throws {
        var value = try JSONValue(encoding: status)
        // A strategic merge keeps absent fields, so they are sent as null.
        for field in ["reason", "message"] where value[field] == nil { value[field] = .null }
        let patch: JSONValue = ["metadata": ["uid": .string(pod.metadata.uid ?? "")], "status": value]
        do {
            _ = try await client.patch(Pod.self, pod.key, .strategic(patch), subresource: "status")
        } catch {
            // The pod is gone, or another one has its name.
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }

    func confirmDeletion(of pod: Pod) async throws {
        do {
            try await client.delete(
                Pod.self, pod.key,
                options: DeleteOptions(uid: pod.metadata.uid, propagationPolicy: nil, gracePeriodSeconds: 0))
        } catch {
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }

    func probe(url: String, timeoutSeconds: Int64) async -> Bool {
        var request = HTTPRequest(method: "GET", url: url)
        request.timeout = .seconds(timeoutSeconds)
        request.headers = [HTTPHeader("User-Agent", "kube-probe/anneal")]
        // Upstream does not verify the certificates of pods either.
        request.tls.insecureSkipVerify = true
        guard let response = try? await transport.send(request, maximumBodyBytes: 1 << 20) else {
            return false
        }
        return (200..<400).contains(response.status)
    }

    func record(_ pod: Pod, type: String, reason: String, note: String) async {
        await events.record(regarding: pod.reference, type: type, reason: reason, action: reason, note: note)
    }

    func hostAliases(namespace: String) -> [HostAlias] {
        ServiceNames.aliases(of: services.list(), pods: peers.list(), namespace: namespace)
    }
}
