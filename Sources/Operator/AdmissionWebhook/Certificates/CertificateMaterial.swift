import Crypto
import FoundationEssentials
import KubernetesAPI
import X509

/// The webhook's authorities and serving certificate, as far as they can be read. A broken part is absent.
struct CertificateMaterial: Sendable {
    /// Authorities that callers trust, the newest first: it alone signs.
    var authorities: [Certificate] = []
    /// Key of the newest authority.
    var authorityKey: Certificate.PrivateKey?
    var serving: ServingCertificate?

    /// Keys of a Secret's `data`.
    enum Key {
        static let authorities = "ca.crt"
        static let authorityKey = "ca.key"
        static let certificate = "tls.crt"
        static let privateKey = "tls.key"
    }

    init(
        authorities: [Certificate] = [], authorityKey: Certificate.PrivateKey? = nil,
        serving: ServingCertificate? = nil
    ) {
        self.authorities = authorities
        self.authorityKey = authorityKey
        self.serving = serving
    }

    /// Reads the parts of a Secret's `data` that can be read.
    init(decoding data: [String: Data]) {
        func text(_ key: String) -> String { data[key].map { String(decoding: $0, as: UTF8.self) } ?? "" }
        authorities = PEM.blocks(text(Key.authorities)).prefix(PEM.limit)
            .compactMap { try? Certificate(pemEncoded: $0) }
        authorityKey = try? Certificate.PrivateKey(pemEncoded: text(Key.authorityKey))
        serving = try? ServingCertificate(
            certificate: text(Key.certificate), privateKey: text(Key.privateKey))
    }

    /// The material as a Secret's `data`.
    func encoded() throws -> [String: Data] {
        var data = [Key.authorities: try bundle()]
        if let authorityKey {
            data[Key.authorityKey] = Data(try authorityKey.serializeAsPEM().pemString.utf8)
        }
        if let serving {
            data[Key.certificate] = Data(serving.chainPEM.utf8)
            data[Key.privateKey] = Data(serving.keyPEM.utf8)
        }
        return data
    }

    /// The authorities in the form of a `caBundle`.
    func bundle() throws -> Data {
        Data(try authorities.map { try $0.serializeAsPEM().pemString + "\n" }.joined().utf8)
    }
}

/// A certificate and its key.
struct ServingCertificate: Sendable {
    var leaf: Certificate
    /// Certificates in PEM, the leaf first.
    var chainPEM: String
    var keyPEM: String

    struct Mismatch: Error, CustomStringConvertible {
        var description: String { "the private key is another certificate's" }
    }

    struct Missing: Error, CustomStringConvertible {
        var description: String { "there is no certificate in PEM" }
    }

    /// - Throws: if either cannot be read, or they do not belong together.
    init(certificate: String, privateKey: String) throws {
        guard let first = PEM.blocks(certificate).first else { throw Missing() }
        leaf = try Certificate(pemEncoded: first)
        chainPEM = certificate
        keyPEM = privateKey
        guard try Certificate.PrivateKey(pemEncoded: privateKey).publicKey == leaf.publicKey else {
            throw Mismatch()
        }
    }
}

/// Splits PEM texts (RFC 7468).
enum PEM {
    /// Number of blocks that are read, at most.
    static let limit = 16

    /// The text's blocks, each from its first line to its last.
    static func blocks(_ text: String) -> [String] {
        var blocks: [String] = []
        var lines: [Substring] = []
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("-----BEGIN ") { lines = [] }
            lines.append(line)
            if line.hasPrefix("-----END ") {
                blocks.append(lines.joined(separator: "\n"))
                lines = []
            }
        }
        return blocks
    }
}

extension Certificate {
    /// Instant at which the certificate was made. It begins a little earlier, for clocks that are behind.
    var madeAt: Timestamp {
        let life = lifetime
        return begins.advanced(by: min(CertificateIssuer.backdateSeconds, life / 11))
    }

    var begins: Timestamp { Timestamp(seconds: Int64(notValidBefore.timeIntervalSince1970)) }
    var ends: Timestamp { Timestamp(seconds: Int64(notValidAfter.timeIntervalSince1970)) }

    private var lifetime: Int64 { max(0, ends.seconds(since: begins)) }

    /// Instant at which that many thirds of the certificate's life are over.
    func after(thirds: Int64) -> Timestamp { begins.advanced(by: lifetime / 3 * thirds) }

    func isValid(at now: Timestamp) -> Bool { begins <= now && now < ends }
}
