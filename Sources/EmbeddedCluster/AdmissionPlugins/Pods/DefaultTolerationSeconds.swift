import APIServer
import KubernetesAPI

/// Lets pods stay for five minutes on a node that is lost, unless they say otherwise.
public struct DefaultTolerationSeconds: AdmissionPlugin {
    private static let seconds: JSONValue = 300
    private static let taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]

    public init() {}

    public func admit(
        _ request: inout AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard request.isCore("pods"), request.operation == .create || request.operation == .update,
            let object = request.object
        else { return }
        var tolerations = object[path: ["spec", "tolerations"]]?.arrayValue ?? []
        let missing = Self.taints.filter { taint in
            !tolerations.contains { toleration in
                let key = toleration["key"]?.stringValue ?? ""
                let effect = toleration["effect"]?.stringValue ?? ""
                return (key.isEmpty || key == taint) && (effect.isEmpty || effect == "NoExecute")
            }
        }
        guard !missing.isEmpty else { return }
        tolerations += missing.map { taint in
            [
                "key": .string(taint), "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": Self.seconds,
            ]
        }
        request.object?[path: ["spec", "tolerations"]] = .array(tolerations)
    }
}
