import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

/// An operator that serves the admission webhook on loopback, and the configurations that lead there.
final class WebhookOperator: Sendable {
    let cluster: Cluster
    let port: Int
    private let program: Program
    private let arguments: [String]
    private let slot = BackgroundSlot()

    static let configurations = [
        "validatingwebhookconfiguration/anneal", "mutatingwebhookconfiguration/anneal",
    ]

    /// Runs `body` with an operator that answers, and removes operator and configurations again.
    static func with(
        _ extra: String..., body: @Sendable (WebhookOperator) async throws -> Void
    ) async throws {
        guard let cluster = Cluster.current else { throw OutsideSuite() }
        let webhook = try WebhookOperator(cluster, extra)
        do {
            try await cluster.kubectl("apply", "-f", "-", input: webhook.configurations)
            try webhook.start()
            try await webhook.answers()
            try await body(webhook)
        } catch {
            await webhook.remove()
            throw error
        }
        #expect(webhook.slot.isRunning, "the operator has died")
        await webhook.remove()
    }

    private init(_ cluster: Cluster, _ extra: [String]) throws {
        self.cluster = cluster
        port = try freePort()
        var program = try cluster.servers.installation.own("anneal-operator")
        program.environment["KUBECONFIG"] = cluster.operatorKubeconfig.path
        self.program = program
        arguments =
            Cluster.operatorArguments + [
                "--webhook-port", "\(port)", "--webhook-host", "127.0.0.1", "--leader-elect",
            ] + extra
    }

    func start() throws {
        try slot.start(
            program, arguments,
            log: cluster.servers.logs.appendingPathComponent("\(cluster.name)-\(port).log"))
    }

    func kill() async { await slot.kill() }

    private func remove() async {
        for name in Self.configurations { _ = try? await cluster.kubectl("delete", name) }
        await slot.stop()
        _ = try? await cluster.kubectl(
            "-n", OperatorAccess.namespace, "delete", "secret", "anneal-webhook-tls", "--ignore-not-found")
    }

    /// Waits until the API server trusts the webhook.
    func answers() async throws {
        _ = try await eventually("the webhook answers", every: .milliseconds(100)) {
            try await cluster.kubectl(
                "-n", "default", "create", "--dry-run=server", "-f", "-",
                input: Self.evalRun("probe").serialized())
        }
    }

    /// A value of the Secret with the certificates, decoded.
    func secret(_ key: String) async throws -> String { try await Self.secret(key, in: cluster) }

    static func secret(_ key: String, in cluster: Cluster) async throws -> String {
        let path = key.replacingOccurrences(of: ".", with: "\\.")
        let text = try await cluster.kubectl(
            "-n", OperatorAccess.namespace, "get", "secret", "anneal-webhook-tls", "-o",
            "jsonpath={.data.\(path)}")
        return String(decoding: Data(base64Encoded: text) ?? Data(), as: UTF8.self)
    }

    /// The configurations as the chart writes them, apart from the address.
    private var configurations: Data {
        func configuration(_ kind: String, _ name: String, _ path: String) -> JSONValue {
            [
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": .string(kind),
                "metadata": ["name": "anneal"],
                "webhooks": [
                    [
                        "name": .string(name), "admissionReviewVersions": ["v1"],
                        "clientConfig": ["url": .string("https://127.0.0.1:\(port)\(path)")],
                        "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 5,
                        "rules": [
                            [
                                "apiGroups": ["anneal.dev"], "apiVersions": ["v1alpha1"],
                                "resources": ["trainingjobs", "evalruns"],
                                "operations": ["CREATE", "UPDATE"], "scope": "Namespaced",
                            ]
                        ],
                    ]
                ],
            ]
        }
        let documents = [
            configuration("MutatingWebhookConfiguration", "mutate.anneal.dev", "/mutate"),
            configuration("ValidatingWebhookConfiguration", "validate.anneal.dev", "/validate"),
        ]
        return Data(documents.map(\.text).joined(separator: "\n").utf8)
    }

    /// A suspended EvalRun, which starts nothing.
    static func evalRun(_ name: String) -> JSONValue {
        [
            "apiVersion": "anneal.dev/v1alpha1", "kind": "EvalRun", "metadata": ["name": .string(name)],
            "spec": [
                "model": ["storageUri": "s3://models/m"],
                "evaluator": ["image": "fixture/evaluator:1", "resources": ["gpus": 0]],
                "suites": [
                    ["name": "q", "type": "perplexity", "data": ["storageUri": "s3://datasets/d.jsonl"]]
                ], "runPolicy": ["suspend": true],
            ],
        ]
    }
}
