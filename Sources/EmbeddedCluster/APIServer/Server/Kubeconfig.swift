import FoundationEssentials
import KubernetesAPI

/// A kubeconfig with one cluster, one user and one context. JSON is YAML, so it is written as JSON.
struct Kubeconfig: Sendable {
    var name: String
    var server: String
    var certificateAuthority: String
    var token: String

    var text: String {
        let authority = Data(certificateAuthority.utf8).base64EncodedString()
        let config: JSONValue = [
            "apiVersion": "v1", "kind": "Config", "current-context": .string(name),
            "clusters": [
                [
                    "name": .string(name),
                    "cluster": [
                        "server": .string(server), "certificate-authority-data": .string(authority),
                    ],
                ]
            ],
            "users": [["name": .string(name), "user": ["token": .string(token)]]],
            "contexts": [
                [
                    "name": .string(name),
                    "context": ["cluster": .string(name), "user": .string(name), "namespace": "default"],
                ]
            ],
        ]
        return String(decoding: config.serialized(pretty: true), as: UTF8.self) + "\n"
    }
}
