/// Scheme, host and port of a URL, as far as they decide where a request goes.
public struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// `http` or `https`.
    public var scheme: String
    /// Host in lower case: a name, an IPv4 address, or an IPv6 address in brackets.
    public var host: String
    /// Port, by the scheme where the URL has none.
    public var port: Int

    /// The address of a URL; nil if it has a part that programs read in different ways, such as a user, a
    /// backslash or an escape.
    public init?(_ url: String) {
        let text = url.lowercased()
        guard let scheme = ["https", "http"].first(where: { text.hasPrefix("\($0)://") }) else { return nil }
        let authority = text.dropFirst(scheme.count + 3).prefix { $0 != "/" }
        guard let (host, port) = HostAndPort.split(authority) else { return nil }
        self.scheme = scheme
        self.host = host
        self.port = port ?? (scheme == "https" ? 443 : 80)
    }

    /// Host, with the port where it is not the scheme's.
    public var description: String {
        port == (scheme == "https" ? 443 : 80) ? host : "\(host):\(port)"
    }
}

/// A host with or without a port, as addresses and lists of allowed hosts write it.
enum HostAndPort {
    /// The parts of a text in lower case; nil if it is none. The port is nil if there is none.
    static func split(_ text: Substring) -> (host: String, port: Int?)? {
        let host: Substring
        let rest: Substring
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[...end]
            rest = text[text.index(after: end)...]
            let digits = host.dropFirst().dropLast()
            guard digits.contains(":"),
                digits.utf8.allSatisfy({ isHex($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") })
            else { return nil }
        } else {
            host = text.prefix { $0 != ":" }
            rest = text[host.endIndex...]
            guard !host.isEmpty, host.utf8.allSatisfy(isOfName), !host.hasPrefix("."), !host.contains("..")
            else { return nil }
        }
        if rest.isEmpty { return (String(host), nil) }
        let digits = rest.dropFirst()
        guard rest.hasPrefix(":"), (1...5).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits),
            (1...65_535).contains(port)
        else { return nil }
        return (String(host), port)
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}
