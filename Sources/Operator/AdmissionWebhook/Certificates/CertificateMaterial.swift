import Crypto
import FoundationEssentials
import KubernetesAPI
import X509

/// Our authorities and our serving certificate, as far as they can be read. What is broken is absent.
struct CertificateMaterial: Sendable {
    /// What callers trust, the newest first: it alone signs.
    var authorities: [Certificate] = []
    /// Of the newest authority.
    var authorityKey: Certificate.PrivateKey?
    var serving: ServingCertificate?

    /// Our part of a Secret's `data`.
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

    /// Reads what can be read of a Secret's `data`.
    init(decoding data: [String: Data]) {
        func text(_ key: String) -> String { data[key].map { String(decoding: $0, as: UTF8.self) } ?? "" }
        authorities = PEM.blocks(text(Key.authorities)).prefix(PEM.limit)
            .compactMap { try? Certificate(pemEncoded: $0) }
        authorityKey = try? Certificate.PrivateKey(pemEncoded: text(Key.authorityKey))
        serving = try? ServingCertificate(
            certificate: text(Key.certificate), privateKey: text(Key.privateKey))
    }

    /// A Secret's `data`.
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

    /// The authorities, as a `caBundle` holds them.
    func bundle() throws -> Data {
        Data(try authorities.map { try $0.serializeAsPEM().pemString + "\n" }.joined().utf8)
    }
}

/// A certificate and the key to it.
struct ServingCertificate: Sendable {
    var leaf: Certificate
    /// PEM, the leaf first.
    var chainPEM: String
    var keyPEM: String

    struct Mismatch: Error, CustomStringConvertible {
        var description: String { "the private key is another certificate's" }
    }

    struct Missing: Error, CustomStringConvertible {
        var description: String { "there is no certificate in PEM" }
    }

    /// - Throws: where either can't be read, or they do not belong together.
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

/// RFC 7468
enum PEM {
    /// Blocks that are read at most.
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
    /// When it was made: certificates begin a little earlier, for clocks that are behind.
    var madeAt: Timestamp {
        let life = lifetime
        return begins.advanced(by: min(CertificateIssuer.backdateSeconds, life / 11))
    }

    var begins: Timestamp { Timestamp(seconds: Int64(notValidBefore.timeIntervalSince1970)) }
    var ends: Timestamp { Timestamp(seconds: Int64(notValidAfter.timeIntervalSince1970)) }

    private var lifetime: Int64 { max(0, ends.seconds(since: begins)) }

    /// When so much of its life is over.
    func after(thirds: Int64) -> Timestamp { begins.advanced(by: lifetime / 3 * thirds) }

    func isValid(at now: Timestamp) -> Bool { begins <= now && now < ends }
}
