import Foundation
import KubernetesAPI

/// Rights of the operator in the cluster: the chart's service account, with the chart's roles and nothing
/// more.
enum OperatorAccess {
    static let namespace = "anneal-system"
    static let account = "anneal-operator"
    static let kubeconfig = "operator.kubeconfig"
    /// Kinds of the chart that a program beside the cluster needs; the others are for one that runs in it.
    private static let kinds = [
        "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "PriorityClass",
    ]

    static func install(_ installation: Installation, kubectl: Program) async throws {
        let namespace = try await kubectl.run(["create", "namespace", Self.namespace])
        guard namespace.succeeded || namespace.errors.contains("AlreadyExists") else {
            throw ProgramFailure(command: "kubectl create namespace", result: namespace)
        }
        let rendering = installation.repository.appendingPathComponent("Tests/ChartTests/Golden/default.yaml")
        let documents = try String(contentsOf: rendering, encoding: .utf8)
            .components(separatedBy: "\n---\n")
            .filter { document in kinds.contains { document.contains("\nkind: \($0)\n") } }
        try await kubectl("apply", "-f", "-", input: Data(documents.joined(separator: "\n---\n").utf8))
    }

    /// Writes a token, and a kubeconfig that names its file, so that a newer token can replace it.
    static func issue(into folder: TemporaryFolder, kubectl: Program) async throws {
        let token = try await kubectl(
            "-n", namespace, "create", "token", account, "--duration=1h", "-o", "jsonpath={.status.token}")
        let file = folder.file("operator.token")
        try Data(token.utf8).write(to: file, options: .atomic)
        let view = try await kubectl("config", "view", "--raw", "--flatten", "--minify", "-o", "json")
        let cluster = try JSONValue(parsing: Array(view.utf8))[path: ["clusters"]]?[0]?["cluster"] ?? [:]
        let config: JSONValue = [
            "apiVersion": "v1", "kind": "Config", "current-context": "operator",
            "clusters": [["name": "cluster", "cluster": cluster]],
            "users": [["name": "operator", "user": ["tokenFile": .string(file.path)]]],
            "contexts": [
                [
                    "name": "operator",
                    "context": [
                        "cluster": "cluster", "user": "operator", "namespace": .string(namespace),
                    ],
                ]
            ],
        ]
        try config.serialized().write(to: folder.file(kubeconfig))
    }
}
