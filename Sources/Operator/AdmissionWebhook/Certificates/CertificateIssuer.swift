import Crypto
import FoundationEssentials
import KubernetesAPI
import SwiftASN1
import X509

/// Makes certificates, all of them on P-256.
struct CertificateIssuer: Sendable {
    /// Seconds by which a certificate begins before now, or an eleventh of its life if that is less: the
    /// clock of a process that checks it may be behind.
    static let backdateSeconds: Int64 = 300

    var names: [String]
    var lifetimes: CertificateLifetimes

    /// Carries out a step, and returns the material after it.
    func apply(
        _ step: CertificateStep, to material: CertificateMaterial, now: Timestamp
    ) throws -> CertificateMaterial {
        var material = material
        switch step {
        case .wait: break
        case .issueServing: try issueServing(&material, now)
        case .announceAuthority: try addAuthority(&material, now)
        case .startOver:
            try addAuthority(&material, now)
            try issueServing(&material, now)
        case .retireAuthorities: material.authorities = Array(material.authorities.prefix(1))
        }
        return material
    }

    struct NoAuthority: Error {}

    private func addAuthority(_ material: inout CertificateMaterial, _ now: Timestamp) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        // Each authority has a name of its own: a verifier that finds two authorities of one name may try
        // only one.
        let name = try DistinguishedName { CommonName("anneal-webhook-ca \(now)") }
        let authority = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: begin(now, lifetimes.authority), notValidAfter: end(now, lifetimes.authority),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            }, issuerPrivateKey: key)
        // Expired authorities, and more than fit in a bounded bundle, are left out.
        var known: [Certificate] = []
        for other in material.authorities where other.isValid(at: now) && !known.contains(other) {
            known.append(other)
        }
        material.authorities = [authority] + known.prefix(2)
        material.authorityKey = key
    }

    private func issueServing(_ material: inout CertificateMaterial, _ now: Timestamp) throws {
        guard let authority = material.authorities.first, let authorityKey = material.authorityKey,
            let first = names.first
        else { throw NoAuthority() }
        let key = P256.Signing.PrivateKey()
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(key.publicKey),
            notValidBefore: begin(now, lifetimes.serving),
            notValidAfter: min(end(now, lifetimes.serving), authority.notValidAfter),
            issuer: authority.subject,
            // RFC 5280 bounds the name to 64 characters; verifiers check the alternative names only.
            subject: try DistinguishedName { CommonName(String(first.prefix(64))) },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(names.map { SubjectName($0).generalName })
                AuthorityKeyIdentifier(
                    keyIdentifier: SubjectKeyIdentifier(hash: authority.publicKey).keyIdentifier)
            }, issuerPrivateKey: authorityKey)
        material.serving = try ServingCertificate(
            certificate: try certificate.serializeAsPEM().pemString + "\n",
            privateKey: key.pemRepresentation + "\n")
    }

    private func begin(_ now: Timestamp, _ life: Int64) -> Date {
        Date(timeIntervalSince1970: Double(now.advanced(by: -min(Self.backdateSeconds, life / 10)).seconds))
    }

    private func end(_ now: Timestamp, _ life: Int64) -> Date {
        Date(timeIntervalSince1970: Double(now.advanced(by: life).seconds))
    }
}
