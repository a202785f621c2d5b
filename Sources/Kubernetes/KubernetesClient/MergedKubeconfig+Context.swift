import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Yams

extension MergedKubeconfig {
    /// The server and the credentials of a context; nil for the current one.
    public func configuration(context name: String? = nil) throws(KubernetesError) -> ClusterConfiguration {
        guard let name = name ?? currentContext else {
            throw .configuration(
                "the kubeconfig has no current-context: choose one of \(contextNames.joined(separator: ", "))"
            )
        }
        guard let context = contexts[name] else {
            throw .configuration(
                "the kubeconfig has no context '\(name)': choose one of \(contextNames.joined(separator: ", "))"
            )
        }
        guard let cluster = clusters[context.cluster] else {
            throw .configuration(
                "context '\(name)' names the cluster '\(context.cluster)', which is not there")
        }
        guard let server = cluster.server, !server.isEmpty else {
            throw .configuration("cluster '\(context.cluster)' has no server")
        }
        if let proxy = cluster.proxyUrl, !proxy.isEmpty {
            throw .configuration(
                "cluster '\(context.cluster)': proxy-url is not supported, set HTTPS_PROXY=\(proxy) instead")
        }
        var user = User()
        if let userName = context.user, !userName.isEmpty {
            guard let found = users[userName] else {
                throw .configuration("context '\(name)' names the user '\(userName)', which is not there")
            }
            user = found
        }
        var tls = TLSOptions(
            serverName: cluster.tlsServerName, insecureSkipVerify: cluster.insecureSkipTlsVerify ?? false)
        tls.certificateAuthority = try Self.decode(
            cluster.certificateAuthorityData, "certificate-authority-data of cluster '\(context.cluster)'")
        return ClusterConfiguration(
            server: server, namespace: context.namespace.flatMap { $0.isEmpty ? nil : $0 } ?? "default",
            tls: tls,
            certificateAuthorityFile: tls.certificateAuthority == nil ? cluster.certificateAuthority : nil,
            credentials: try Self.credentials(of: user, named: context.user ?? ""))
    }

    private static func credentials(
        of user: User, named name: String
    ) throws(KubernetesError) -> ClusterConfiguration.Credentials {
        if let exec = user.exec {
            let environment = Dictionary(
                (exec.env ?? []).map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            return .exec(
                .init(
                    apiVersion: exec.apiVersion ?? "client.authentication.k8s.io/v1", command: exec.command,
                    arguments: exec.args ?? [], environment: environment, installHint: exec.installHint))
        }
        let certificate = try decode(user.clientCertificateData, "client-certificate-data of user '\(name)'")
        let key = try decode(user.clientKeyData, "client-key-data of user '\(name)'")
        switch (certificate, key, user.clientCertificate, user.clientKey) {
        case (let certificate?, let key?, _, _): return .clientCertificate(certificate: certificate, key: key)
        case (nil, nil, let certificate?, let key?):
            return .clientCertificateFiles(certificate: certificate, key: key)
        case (nil, nil, nil, nil): break
        default:
            throw .configuration(
                "user '\(name)' needs a client certificate and its key, both as data or both as files")
        }
        if let path = user.tokenFile, !path.isEmpty { return .tokenFile(path: path) }
        if let token = user.token, !token.isEmpty { return .token(token) }
        if let username = user.username { return .basic(username: username, password: user.password ?? "") }
        return .none
    }

    private static func decode(_ text: String?, _ what: String) throws(KubernetesError) -> Data? {
        guard let text, !text.isEmpty else { return nil }
        guard let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters), !data.isEmpty else {
            throw .configuration("\(what) is not base64")
        }
        return data
    }
}

extension Yams.Node {
    /// The node as JSON. A kubeconfig has only texts and booleans, so a token that looks like a number stays
    /// a text.
    func jsonValue(depthLimit: Int) throws(KubernetesError) -> JSONValue {
        guard depthLimit > 0 else { throw .configuration("it is nested too deeply") }
        switch self {
        case .scalar(let scalar):
            guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
            switch scalar.string {
            case "true", "True", "TRUE": return .bool(true)
            case "false", "False", "FALSE": return .bool(false)
            case "", "~", "null", "Null", "NULL": return .null
            default: return .string(scalar.string)
            }
        case .sequence(let sequence):
            var elements: [JSONValue] = []
            for node in sequence { elements.append(try node.jsonValue(depthLimit: depthLimit - 1)) }
            return .array(elements)
        case .mapping(let mapping):
            var members: [String: JSONValue] = [:]
            for (key, value) in mapping {
                guard let name = key.string else { continue }
                members[name] = try value.jsonValue(depthLimit: depthLimit - 1)
            }
            return .object(members)
        case .alias: throw .configuration("it has a YAML alias that is not resolved")
        }
    }
}
