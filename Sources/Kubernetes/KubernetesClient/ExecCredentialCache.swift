import FoundationEssentials
import KubernetesAPI

/// Answer of a credential plugin.
struct ExecCredential: Sendable, Hashable {
    var token: String?
    var clientCertificate: Data?
    var clientKey: Data?
    var expiry: Timestamp?
}

/// Runs a credential plugin unless its last answer is still valid; never twice at once.
actor ExecCredentialCache {
    /// Seconds before the expiry at which a credential is replaced.
    private static let margin: Int64 = 10

    private let plugin: ClusterConfiguration.ExecPlugin
    private let clock: @Sendable () -> Timestamp
    private var cached: ExecCredential?
    private var isRunning = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ plugin: ClusterConfiguration.ExecPlugin, clock: @escaping @Sendable () -> Timestamp) {
        self.plugin = plugin
        self.clock = clock
    }

    func credential() async throws(KubernetesError) -> ExecCredential {
        while true {
            if let cached, isValid(cached) { return cached }
            if !isRunning { break }
            await withCheckedContinuation { waiting.append($0) }
        }
        isRunning = true
        defer {
            isRunning = false
            for continuation in waiting { continuation.resume() }
            waiting = []
        }
        let credential = try await run()
        cached = credential
        return credential
    }

    func invalidate() { cached = nil }

    private func isValid(_ credential: ExecCredential) -> Bool {
        guard let expiry = credential.expiry else { return true }
        return clock().advanced(by: Self.margin) < expiry
    }

    private func run() async throws(KubernetesError) -> ExecCredential {
        guard plugin.apiVersion.hasPrefix("client.authentication.k8s.io/") else {
            throw .configuration(
                "the credential plugin '\(plugin.command)' has apiVersion '\(plugin.apiVersion)': "
                    + "client.authentication.k8s.io/v1 or v1beta1 is needed")
        }
        var environment = ProcessInfo.processInfo.environment
        environment.merge(plugin.environment) { $1 }
        let information: JSONValue = [
            "apiVersion": .string(plugin.apiVersion), "kind": "ExecCredential",
            "spec": ["interactive": false],
        ]
        environment["KUBERNETES_EXEC_INFO"] = information.text
        let child = PluginProcess(
            command: plugin.command, arguments: plugin.arguments, environment: environment)
        let output: Data
        do throws(PluginProcess.Failure) {
            output = try await child.output(limit: 1 << 20, timeout: .seconds(60))
        } catch {
            let hint = plugin.installHint.map { ": \($0)" } ?? ""
            throw .configuration("the credential plugin '\(plugin.command)' \(error.message)\(hint)")
        }
        return try Self.parse(output, apiVersion: plugin.apiVersion)
    }

    /// Reads an `ExecCredential`.
    static func parse(_ output: Data, apiVersion: String) throws(KubernetesError) -> ExecCredential {
        func malformed(_ why: String) -> KubernetesError {
            .configuration("the credential plugin's answer \(why)")
        }
        let answer: JSONValue
        do throws(JSONParseError) {
            answer = try JSONValue(parsing: output)
        } catch {
            throw malformed("is not JSON: \(error)")
        }
        guard answer["kind"] == "ExecCredential", answer["apiVersion"]?.stringValue == apiVersion else {
            throw malformed("is no ExecCredential of \(apiVersion)")
        }
        var credential = ExecCredential()
        credential.token = answer["status"]?["token"]?.stringValue
        credential.clientCertificate = answer["status"]?["clientCertificateData"]?.stringValue.map {
            Data($0.utf8)
        }
        credential.clientKey = answer["status"]?["clientKeyData"]?.stringValue.map { Data($0.utf8) }
        guard credential.token?.isEmpty == false || credential.clientCertificate != nil else {
            throw malformed("has neither a token nor a client certificate in its status")
        }
        guard (credential.clientCertificate == nil) == (credential.clientKey == nil) else {
            throw malformed("needs clientCertificateData and clientKeyData together")
        }
        if let expiry = answer["status"]?["expirationTimestamp"]?.stringValue {
            guard let instant = Timestamp(expiry) else {
                throw malformed("has the malformed time '\(expiry)'")
            }
            credential.expiry = instant
        }
        return credential
    }
}
