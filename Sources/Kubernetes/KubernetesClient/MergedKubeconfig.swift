import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Yams

/// One or several kubeconfig files, merged as `kubectl` does: the first file that names an entry wins.
public struct MergedKubeconfig: Sendable {
    struct Cluster: Codable, Sendable {
        var server: String?
        var certificateAuthority: String?
        var certificateAuthorityData: String?
        var insecureSkipTlsVerify: Bool?
        var tlsServerName: String?
        var proxyUrl: String?

        enum CodingKeys: String, CodingKey {
            case server
            case certificateAuthority = "certificate-authority"
            case certificateAuthorityData = "certificate-authority-data"
            case insecureSkipTlsVerify = "insecure-skip-tls-verify"
            case tlsServerName = "tls-server-name"
            case proxyUrl = "proxy-url"
        }
    }

    struct User: Codable, Sendable {
        var token: String?
        var tokenFile: String?
        var clientCertificate: String?
        var clientCertificateData: String?
        var clientKey: String?
        var clientKeyData: String?
        var username: String?
        var password: String?
        var exec: Exec?

        enum CodingKeys: String, CodingKey {
            case token, tokenFile, username, password, exec
            case clientCertificate = "client-certificate"
            case clientCertificateData = "client-certificate-data"
            case clientKey = "client-key"
            case clientKeyData = "client-key-data"
        }
    }

    struct Exec: Codable, Sendable {
        struct Variable: Codable, Sendable { var name: String, value: String }
        var apiVersion: String?
        var command: String
        var args: [String]?
        var env: [Variable]?
        var installHint: String?
    }

    struct Context: Codable, Sendable { var cluster: String, user: String?, namespace: String? }

    private struct File: Codable {
        struct NamedCluster: Codable { var name: String, cluster: Cluster? }
        struct NamedUser: Codable { var name: String, user: User? }
        struct NamedContext: Codable { var name: String, context: Context? }
        var clusters: [NamedCluster]?
        var users: [NamedUser]?
        var contexts: [NamedContext]?
        var currentContext: String?

        enum CodingKeys: String, CodingKey {
            case clusters, users, contexts
            case currentContext = "current-context"
        }
    }

    private(set) var clusters: [String: Cluster] = [:]
    private(set) var users: [String: User] = [:]
    private(set) var contexts: [String: Context] = [:]
    public private(set) var currentContext: String?

    /// The names of the contexts, sorted.
    public var contextNames: [String] { contexts.keys.sorted() }

    /// The files named by `KUBECONFIG`, else `~/.kube/config`.
    public static func paths(environment: [String: String]) -> [String] {
        let named = (environment["KUBECONFIG"] ?? "").split(separator: ":").map(String.init)
        guard named.isEmpty else { return named }
        return ["\(environment["HOME"] ?? "/root")/.kube/config"]
    }

    /// The configuration from the file at `path`; nil: from those of `KUBECONFIG` or the home directory.
    public static func load(
        path: String? = nil, context: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(KubernetesError) -> ClusterConfiguration {
        try load(paths: path.map { [$0] } ?? paths(environment: environment)).configuration(context: context)
    }

    /// Merges files. Those that do not exist are skipped, unless none exists.
    public static func load(paths: [String]) throws(KubernetesError) -> MergedKubeconfig {
        var merged = MergedKubeconfig()
        var found = false
        for path in paths where FileManager.default.fileExists(atPath: path) {
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw .configuration("\(path) cannot be read: check its permissions")
            }
            let directory = URL(filePath: path).deletingLastPathComponent().path()
            try merged.merge(text, name: path, directory: directory)
            found = true
        }
        guard found else {
            throw .configuration("there is no kubeconfig at \(paths.joined(separator: ", "))")
        }
        return merged
    }

    /// Adds the content of a file; relative paths in it start at `directory`.
    public mutating func merge(_ text: String, name: String, directory: String) throws(KubernetesError) {
        let file: File
        do {
            guard let root = try Yams.compose(yaml: text) else { return }
            file = try root.jsonValue(depthLimit: 32).decoded()
        } catch {
            throw .configuration("\(name) is no kubeconfig: \(DecodingFailure.describe(error))")
        }
        func resolve(_ path: inout String) {
            guard !path.isEmpty, !path.hasPrefix("/") else { return }
            path = directory.hasSuffix("/") ? directory + path : directory + "/" + path
        }
        func resolve(_ path: inout String?) {
            guard var given = path else { return }
            resolve(&given)
            path = given
        }
        for entry in file.clusters ?? [] where clusters[entry.name] == nil {
            var cluster = entry.cluster ?? Cluster()
            resolve(&cluster.certificateAuthority)
            clusters[entry.name] = cluster
        }
        for entry in file.users ?? [] where users[entry.name] == nil {
            var user = entry.user ?? User()
            resolve(&user.tokenFile)
            resolve(&user.clientCertificate)
            resolve(&user.clientKey)
            // A command with a slash is a path; any other is looked up on the PATH.
            if var command = user.exec?.command, command.contains("/") {
                resolve(&command)
                user.exec?.command = command
            }
            users[entry.name] = user
        }
        for entry in file.contexts ?? [] where contexts[entry.name] == nil {
            contexts[entry.name] = entry.context
        }
        if currentContext == nil, let context = file.currentContext, !context.isEmpty {
            currentContext = context
        }
    }
}
