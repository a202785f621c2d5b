import KubernetesAPI

/// Objects that every cluster has from the start: namespaces, roles, and the service that leads to the
/// server.
struct ClusterBootstrap {
    let core: ServerCore

    private static let namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"]

    func run() async throws {
        for name in Self.namespaces {
            try await ensure(
                GroupResource(group: "", plural: "namespaces"),
                [
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": [
                        "name": .string(name), "labels": ["kubernetes.io/metadata.name": .string(name)],
                    ], "spec": ["finalizers": ["kubernetes"]], "status": ["phase": "Active"],
                ])
        }
        for (resource, object) in BootstrapPolicy.objects { try await ensure(resource, object) }
        try await ensure(GroupResource(group: "", plural: "services"), Self.service)
    }

    /// The service that stands for the server. Nothing listens on its address; clients in pods are given the
    /// real one.
    private static let service: JSONValue = [
        "apiVersion": "v1", "kind": "Service",
        "metadata": [
            "name": "kubernetes", "namespace": "default",
            "labels": ["component": "apiserver", "provider": "kubernetes"],
        ],
        "spec": [
            "type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"],
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
            "sessionAffinity": "None",
            "ports": [["name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443]],
        ],
        "status": ["loadBalancer": [:]],
    ]

    /// Creates the object unless it exists, in whatever state.
    private func ensure(_ resource: GroupResource, _ object: JSONValue) async throws {
        let key = ObjectKey(namespace: object.objectNamespace, name: object.objectName)
        guard core.store.get(resource, key) == nil else { return }
        var object = object
        object[metadata: "uid"] = .string(core.environment.makeUID())
        object[metadata: "creationTimestamp"] = .string(core.now.description)
        _ = try await core.store.create(resource, key, object)
    }
}
