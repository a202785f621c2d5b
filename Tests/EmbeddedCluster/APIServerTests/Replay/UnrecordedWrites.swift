import KubernetesAPI

@testable import APIServer

/// Writes that the recorder, the scheduler and the controllers made between the recorded exchanges.
struct UnrecordedWrites {
    let server: TestServer
    private let pods = "/api/v1/namespaces/rec/pods"
    private let configMaps = "/api/v1/namespaces/rec/configmaps"
    private let widgets = "/apis/example.dev/v1/namespaces/rec/widgets"

    /// - Returns: recorded versions that become known by these writes.
    func perform(before name: String) async throws -> [String: String] {
        switch name {
        case "read/pod": await markUnschedulable()
        case "delete/with-finalizer":
            await create(
                configMaps,
                [
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": ["name": "fin", "finalizers": ["example.dev/f"]],
                ])
        case "crd/established", "discovery/custom":
            try await server.until { store in
                let key = ObjectKey(name: "widgets.example.dev")
                let object = store.get(CustomResourceDefinition.resource, key)?.value
                let conditions = object?[path: ["status", "conditions"]]?.arrayValue ?? []
                return conditions.contains { $0["type"] == "Established" && $0["status"] == "True" }
            }
        case "watch/from-rv": await comeAndGo()
        case "watch/label-selector":
            let revision = String(server.core.store.revision)
            await comeAndGo()
            return ["372": revision]
        case "quota/within": await fillQuotaStatus()
        case "gc/child-gone":
            await delete("\(configMaps)/child")
            await patch("\(configMaps)/owner", ["metadata": ["finalizers": .null]])
        case "gc/orphan-collected": await delete("\(configMaps)/orphan")
        case "webhook/allowed-and-mutated": await delete("\(widgets)/w4")
        default: break
        }
        return [:]
    }

    private func markUnschedulable() async {
        for pod in server.core.store.list(GroupResource(group: "", plural: "pods")).objects {
            let condition: JSONValue = [
                "type": "PodScheduled", "status": "False", "observedGeneration": 1, "lastProbeTime": .null,
                "lastTransitionTime": "2026-11-21T00:42:11Z", "reason": "Unschedulable",
                "message": "no nodes available to schedule pods",
            ]
            await patch(
                "\(pods)/\(pod.key.name)/status", ["status": ["conditions": [condition]]],
                manager: "kube-scheduler", type: "application/strategic-merge-patch+json")
        }
    }

    /// Makes, labels, unlabels and deletes a widget.
    private func comeAndGo() async {
        await create(
            widgets,
            [
                "apiVersion": "example.dev/v1", "kind": "Widget", "metadata": ["name": "x1"],
                "spec": ["mode": "fast"],
            ])
        await patch("\(widgets)/x1", ["metadata": ["labels": ["t": "1"]]])
        await patch("\(widgets)/x1", ["metadata": ["labels": ["t": .null]]])
        await delete("\(widgets)/x1")
    }

    private func fillQuotaStatus() async {
        await patch(
            "/api/v1/namespaces/rec/resourcequotas/q/status",
            [
                "status": [
                    "hard": ["requests.nvidia.com/gpu": "4", "count/widgets.example.dev": "6", "pods": "20"],
                    "used": ["requests.nvidia.com/gpu": "0", "count/widgets.example.dev": "3", "pods": "2"],
                ]
            ], manager: "kube-controller-manager")
    }

    private func create(_ path: String, _ object: JSONValue) async {
        _ = await server.send("POST", path, headers: ["User-Agent": "recorder"], body: object)
    }

    private func delete(_ path: String) async { _ = await server.send("DELETE", path) }

    private func patch(
        _ path: String, _ body: JSONValue, manager: String = "recorder",
        type: String = "application/merge-patch+json"
    ) async {
        _ = await server.send(
            "PATCH", path, headers: ["User-Agent": manager, "Content-Type": type], body: body)
    }
}
