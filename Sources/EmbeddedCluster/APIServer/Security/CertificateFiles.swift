import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// The server's own certificate authority and its serving certificate, kept in files.
struct CertificateFiles: Sendable {
    /// Certificate of the authority. All three texts are PEM.
    var authority: String
    var certificate: String
    var key: String

    private static let validity: Double = 10 * 365 * 86_400

    /// Reads the files in `folder`, or makes them on the first start.
    static func load(folder: String, hosts: [String]) throws -> CertificateFiles {
        let names = ["ca.crt", "server.crt", "server.key"]
        let texts = names.compactMap { StateFile(folder: folder, name: $0).read() }
        if texts.count == names.count {
            return CertificateFiles(authority: texts[0], certificate: texts[1], key: texts[2])
        }
        let made = try make(hosts: hosts)
        for (name, text) in zip(names, [made.authority, made.certificate, made.key]) {
            try StateFile(folder: folder, name: name).write(text)
        }
        return made
    }

    private static func make(hosts: [String]) throws -> CertificateFiles {
        let authorityKey = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let serverKey = P256.Signing.PrivateKey()
        let authorityName = try DistinguishedName { CommonName("anneal-local-ca") }
        let (start, end) = (Date(timeIntervalSinceNow: -3600), Date(timeIntervalSinceNow: validity))
        let authority = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: authorityKey.publicKey,
            notValidBefore: start, notValidAfter: end, issuer: authorityName, subject: authorityName,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
            }, issuerPrivateKey: authorityKey)
        let names = hosts.map { host -> GeneralName in
            ipv4(host).map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) } ?? .dnsName(host)
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(serverKey.publicKey), notValidBefore: start, notValidAfter: end,
            issuer: authorityName, subject: try DistinguishedName { CommonName("kube-apiserver") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(names)
            }, issuerPrivateKey: authorityKey)
        return CertificateFiles(
            authority: try authority.serializeAsPEM().pemString,
            certificate: try certificate.serializeAsPEM().pemString, key: serverKey.pemRepresentation)
    }

    private static func ipv4(_ host: String) -> [UInt8]? {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { UInt8($0) }
        return parts.count == 4 && bytes.count == 4 ? bytes : nil
    }
}
