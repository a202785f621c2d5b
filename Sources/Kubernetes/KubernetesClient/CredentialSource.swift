import FoundationEssentials
import HTTPTransport
import KubernetesAPI

/// Keeps a client's credentials fresh, and answers with those that a request needs.
actor CredentialSource {
    struct Authorization: Sendable {
        var header: HTTPHeader?
        var tls: TLSOptions
    }

    private let configuration: ClusterConfiguration
    private let clock: @Sendable () -> Timestamp
    private var authority: ReloadedFile?
    private var files: [ReloadedFile] = []
    private let plugin: ExecCredentialCache?

    init(_ configuration: ClusterConfiguration, clock: @escaping @Sendable () -> Timestamp) {
        self.configuration = configuration
        self.clock = clock
        authority = configuration.certificateAuthorityFile.map { ReloadedFile(path: $0) }
        switch configuration.credentials {
        case .tokenFile(let path): files = [ReloadedFile(path: path)]
        case .clientCertificateFiles(let certificate, let key):
            files = [ReloadedFile(path: certificate), ReloadedFile(path: key)]
        case .none, .token, .basic, .clientCertificate, .exec: break
        }
        if case .exec(let plugin) = configuration.credentials {
            self.plugin = ExecCredentialCache(plugin, clock: clock)
        } else {
            plugin = nil
        }
    }

    /// Whether refused credentials may be replaced by new ones.
    nonisolated var canRefresh: Bool {
        switch configuration.credentials {
        case .tokenFile, .clientCertificateFiles, .exec: true
        case .none, .token, .basic, .clientCertificate: false
        }
    }

    func current() async throws(KubernetesError) -> Authorization {
        var result = Authorization(header: nil, tls: configuration.tls)
        let now = clock()
        if let authority = try authority?.read(now: now) { result.tls.certificateAuthority = authority }
        switch configuration.credentials {
        case .none: break
        case .token(let token): result.header = Self.bearer(token)
        case .tokenFile:
            let token = String(decoding: try readFile(0, now: now), as: UTF8.self)
            result.header = Self.bearer(token.filter { !$0.isWhitespace })
        case .basic(let username, let password):
            let text = Data("\(username):\(password)".utf8).base64EncodedString()
            result.header = HTTPHeader("Authorization", "Basic \(text)")
        case .clientCertificate(let certificate, let key):
            result.tls.clientCertificate = certificate
            result.tls.clientKey = key
        case .clientCertificateFiles:
            result.tls.clientCertificate = try readFile(0, now: now)
            result.tls.clientKey = try readFile(1, now: now)
        case .exec:
            guard let credential = try await plugin?.credential() else { break }
            result.header = credential.token.map(Self.bearer)
            if let certificate = credential.clientCertificate, let key = credential.clientKey {
                result.tls.clientCertificate = certificate
                result.tls.clientKey = key
            }
        }
        return result
    }

    /// Makes the next request read everything again, after the server refused it or was not trusted.
    func invalidate() async {
        authority?.invalidate()
        for index in files.indices { files[index].invalidate() }
        await plugin?.invalidate()
    }

    private func readFile(_ index: Int, now: Timestamp) throws(KubernetesError) -> Data {
        guard files.indices.contains(index) else { return Data() }
        return try files[index].read(now: now)
    }

    private static func bearer(_ token: String) -> HTTPHeader {
        HTTPHeader("Authorization", "Bearer \(token)")
    }
}

/// A small file that someone else replaces now and then.
struct ReloadedFile: Sendable {
    /// Seconds between two looks at the file. The kubelet replaces a token when a fifth of its life is left.
    private static let interval: Int64 = 60

    let path: String
    private var content: Data?
    private var readAt = Timestamp(seconds: .min)

    init(path: String) { self.path = path }

    mutating func read(now: Timestamp) throws(KubernetesError) -> Data {
        if let content, (0..<Self.interval).contains(now.seconds(since: readAt)) { return content }
        if let fresh = try? Data(contentsOf: URL(filePath: path)), !fresh.isEmpty {
            content = fresh
            readAt = now
            return fresh
        }
        // The last content serves while the file cannot be read: it may be about to be replaced.
        guard let content else {
            throw .configuration("\(path) cannot be read, or is empty: the credentials come from it")
        }
        return content
    }

    mutating func invalidate() { readAt = Timestamp(seconds: .min) }
}
