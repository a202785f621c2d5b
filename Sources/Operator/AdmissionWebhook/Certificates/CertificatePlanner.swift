import KubernetesAPI
import X509

/// Lives of certificates, in seconds.
public struct CertificateLifetimes: Hashable, Sendable {
    public var authority: Int64
    public var serving: Int64
    /// Time between the announcement of a new authority and its first use, and between the last use of an old
    /// one and its removal: API servers learn of a change by watching.
    public var overlap: Int64

    public init(authority: Int64 = 31_536_000, serving: Int64 = 7_776_000, overlap: Int64? = nil) {
        self.authority = authority
        self.serving = serving
        self.overlap = overlap ?? min(600, max(1, serving / 10))
    }
}

/// Next step for the certificates.
enum CertificateStep: Hashable, Sendable {
    /// Do nothing before then.
    case wait(until: Timestamp)
    /// Let the newest authority sign a new serving certificate.
    case issueServing(why: String)
    /// Add a new authority to those that callers trust; it signs nothing yet.
    case announceAuthority(why: String)
    /// Make a new authority that signs a new serving certificate at once: no present one serves.
    case startOver(why: String)
    /// Keep only the newest authority.
    case retireAuthorities
}

/// Decides by the certificates alone: their dates tell of earlier steps.
enum CertificatePlanner {
    /// - Parameters:
    ///   - names: DNS names and IP addresses that the serving certificate must bear.
    ///   - isPublished: whether callers were told of all authorities.
    static func next(
        _ material: CertificateMaterial, now: Timestamp, names: [String], lifetimes: CertificateLifetimes,
        isPublished: Bool
    ) -> CertificateStep {
        let newest = material.authorities.first
        let broken = newest.map { problem(of: $0, key: material.authorityKey, now: now) } ?? "there is none"
        let serving = material.serving.flatMap { isServing($0.leaf, material, now, names) ? $0.leaf : nil }
        guard let newest, broken == nil else {
            let why = "certificate authority: \(broken ?? "there is none")"
            return serving == nil ? .startOver(why: why) : .announceAuthority(why: why)
        }
        guard let serving else {
            return .issueServing(why: "there is no serving certificate that is valid for our names")
        }
        let renewal = serving.after(thirds: 2)
        if !serving.isSigned(by: newest) {
            // The newest authority is announced. It takes over once all callers had the time to learn of it.
            let takeover = newest.madeAt.advanced(by: lifetimes.overlap)
            // The old certificate must not expire: a use too early is better than one too late.
            let last = max(renewal, takeover)
            if now >= last || (now >= takeover && isPublished) {
                return .issueServing(why: "a new authority takes over")
            }
            return .wait(until: now >= takeover ? last : takeover)
        }
        let succession = newest.after(thirds: 2)
        if now >= succession { return .announceAuthority(why: "the authority is near its end") }
        if now >= renewal { return .issueServing(why: "the serving certificate is near its end") }
        var until = min(succession, renewal)
        if material.authorities.count > 1 {
            let retirement = serving.madeAt.advanced(by: lifetimes.overlap)
            if now >= retirement { return .retireAuthorities }
            until = min(until, retirement)
        }
        return .wait(until: until)
    }

    /// Reason why the authority cannot sign; nil if it can.
    private static func problem(
        of authority: Certificate, key: Certificate.PrivateKey?, now: Timestamp
    ) -> String? {
        guard authority.isValid(at: now) else { return "it is not valid now" }
        guard let key else { return "its key can't be read" }
        guard key.publicKey == authority.publicKey else { return "the key is another's" }
        return nil
    }

    /// Whether callers would accept the certificate: it is valid now, signed by a known authority, and bears
    /// all names.
    private static func isServing(
        _ leaf: Certificate, _ material: CertificateMaterial, _ now: Timestamp, _ names: [String]
    ) -> Bool {
        leaf.isValid(at: now)
            && material.authorities.contains { leaf.isSigned(by: $0) && $0.isValid(at: now) }
            && Set(names.map(SubjectName.init)).isSubset(of: leaf.subjectNames)
    }
}

extension Certificate {
    func isSigned(by authority: Certificate) -> Bool {
        issuer == authority.subject && authority.publicKey.isValidSignature(signature, for: self)
    }

    var subjectNames: Set<SubjectName> {
        guard let names = try? extensions.subjectAlternativeNames else { return [] }
        return Set(names.compactMap(SubjectName.init))
    }
}
