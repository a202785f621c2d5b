/// Who may read the logs of a node's containers.
public struct LogReaders: Sendable {
    /// PEM files. With them the node serves HTTPS, as a kube-apiserver expects of its kubelets.
    public struct Certificates: Sendable {
        public var certificate: String
        public var key: String
        /// Who presents a certificate that it signed needs no token.
        public var clientAuthority: String

        public init(certificate: String, key: String, clientAuthority: String) {
            self.certificate = certificate
            self.key = key
            self.clientAuthority = clientAuthority
        }
    }

    /// What a reader presents as bearer token.
    public var token: String?
    public var tls: Certificates?

    /// With neither, nobody may.
    public init(token: String? = nil, tls: Certificates? = nil) {
        self.token = token
        self.tls = tls
    }
}
