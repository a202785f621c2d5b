import SwiftASN1
import X509

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Subject of a certificate: a DNS name, or an IP address as its 4 or 16 bytes.
enum SubjectName: Hashable, Sendable {
    case dns(String)
    case address([UInt8])

    init(_ text: String) {
        self = Self.address(text).map(SubjectName.address) ?? .dns(text.lowercased())
    }

    init?(_ name: GeneralName) {
        switch name {
        case .dnsName(let text): self = .dns(text.lowercased())
        case .ipAddress(let bytes): self = .address(Array(bytes.bytes))
        default: return nil
        }
    }

    var generalName: GeneralName {
        switch self {
        case .dns(let text): .dnsName(text)
        case .address(let bytes): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        }
    }

    private static func address(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        var sixteen = in6_addr()
        if inet_pton(AF_INET6, text, &sixteen) == 1 { return withUnsafeBytes(of: &sixteen) { Array($0) } }
        return nil
    }
}
