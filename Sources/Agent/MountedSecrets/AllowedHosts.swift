/// Hosts that a Secret may be sent to, as its key `allowedHosts` lists them: `host`, `host:port`, `*.domain` or
/// `*`, each with or without `https://` in front, separated by commas or white space.
public struct AllowedHosts: Hashable, Sendable {
    /// One entry of the list.
    private struct Entry: Hashable, Sendable, CustomStringConvertible {
        /// Scheme that an address must have; nil for any.
        var scheme: String?
        /// Host, or domain with a `.` in front; nil for any host.
        var host: String?
        /// Port that an address must have; nil for any.
        var port: Int?

        /// An entry as it is written; nil if it is none.
        init?(_ text: Substring) {
            var rest = text.lowercased()[...]
            for scheme in ["https", "http"] where rest.hasPrefix("\(scheme)://") {
                self.scheme = scheme
                rest = rest.dropFirst(scheme.count + 3)
            }
            let isPattern = rest.hasPrefix("*")
            if isPattern { rest = rest.dropFirst() }
            if isPattern, rest.isEmpty { return }
            if isPattern, rest.hasPrefix(":") {
                guard let (_, port) = HostAndPort.split("any" + rest) else { return nil }
                self.port = port
                return
            }
            guard !isPattern || rest.hasPrefix("."),
                let (host, port) = HostAndPort.split(isPattern ? rest.dropFirst() : rest)
            else { return nil }
            self.host = isPattern ? ".\(host)" : host
            self.port = port
        }

        var description: String {
            let pattern = host.map { $0.hasPrefix(".") ? "*\($0)" : $0 } ?? "*"
            return (scheme.map { "\($0)://" } ?? "") + pattern + (port.map { ":\($0)" } ?? "")
        }

        func allows(_ address: NetworkAddress) -> Bool {
            if let scheme, scheme != address.scheme { return false }
            if let port, port != address.port { return false }
            guard let host else { return true }
            guard host.hasPrefix(".") else { return host == address.host }
            return address.host.hasSuffix(host) && address.host.utf8.count > host.utf8.count
        }
    }

    private let entries: [Entry]
    /// Words of the list that are no host.
    public let malformed: [String]

    /// The hosts of a list.
    public init(_ list: String) {
        var entries: [Entry] = []
        var malformed: [String] = []
        for word in list.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            if let entry = Entry(word) { entries.append(entry) } else { malformed.append(String(word)) }
        }
        self.entries = entries
        self.malformed = malformed
    }

    /// Whether a request may carry the Secret to an address.
    public func allows(_ address: NetworkAddress) -> Bool { entries.contains { $0.allows(address) } }

    /// The list with one more address, as the key's value is written.
    func adding(_ address: NetworkAddress) -> String {
        (entries.map(\.description) + [address.description]).joined(separator: ",")
    }
}
