/// Credentials of readers of the containers' logs.
public struct LogReaders: Sendable {
    /// Paths of PEM files. With them the node serves HTTPS, as a kube-apiserver expects of its kubelets.
    public struct Certificates: Sendable {
        public var certificate: String
        public var key: String
        /// Path of an authority for clients: a reader with a certificate that it signed needs no token.
        public var clientAuthority: String

        public init(certificate: String, key: String, clientAuthority: String) {
            self.certificate = certificate
            self.key = key
            self.clientAuthority = clientAuthority
        }
    }

    /// Bearer token of a reader; nil for none.
    public var token: String?
    public var tls: Certificates?

    /// Allows the token, and the certificates; without either, nobody may read.
    public init(token: String? = nil, tls: Certificates? = nil) {
        self.token = token
        self.tls = tls
    }
}
