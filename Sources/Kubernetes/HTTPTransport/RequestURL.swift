/// A URL in the parts that the transport needs: `scheme://host:port/path?query`.
struct RequestURL {
    var isSecure: Bool
    /// The host, with brackets around an IPv6 address.
    var host: String
    private var explicitPort: Int?
    private var path: String
    private var query: String?

    init(_ url: String) throws(TransportError) {
        func malformed(_ why: String) -> TransportError {
            TransportError(
                code: .badURL,
                message: "'\(url)' \(why); a URL such as https://example.com:6443/path is needed")
        }
        let lower = url.prefix(8).lowercased()
        isSecure = lower.hasPrefix("https://")
        guard isSecure || lower.hasPrefix("http://") else {
            throw malformed("does not begin with http:// or https://")
        }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw malformed("has a blank or control character")
        }
        var rest = url.dropFirst(isSecure ? 8 : 7)
        if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        rest = rest.dropFirst(authority.count)
        guard !authority.contains("@") else { throw malformed("has a user name in it") }
        let hostEnd =
            authority.hasPrefix("[") ? authority.firstIndex(of: "]").map(authority.index(after:)) : nil
        let portStart = authority[(hostEnd ?? authority.startIndex)...].firstIndex(of: ":")
        host = String(authority[..<(portStart ?? authority.endIndex)])
        guard !host.isEmpty else { throw malformed("has no host") }
        if let portStart {
            guard let port = Int(authority[authority.index(after: portStart)...]), (1...65_535).contains(port)
            else {
                throw malformed("has a port that is no number from 1 to 65535")
            }
            explicitPort = port
        }
        let mark = rest.firstIndex(of: "?")
        path = String(rest[..<(mark ?? rest.endIndex)])
        query = mark.map { String(rest[rest.index(after: $0)...]) }
    }

    var port: Int { explicitPort ?? (isSecure ? 443 : 80) }

    var authority: String { explicitPort.map { "\(host):\($0)" } ?? host }

    var url: String {
        "\(isSecure ? "https" : "http")://\(authority)\(path.isEmpty ? "/" : path)\(query.map { "?" + $0 } ?? "")"
    }

    /// Sorts the query in the order that Signature Version 4 signs, with a `=` after every name. libcurl 7.88
    /// signs the query as it stands.
    mutating func sortQuery() {
        guard let query else { return }
        let items = query.split(separator: "&").map { item -> (name: Substring, value: Substring) in
            guard let equals = item.firstIndex(of: "=") else { return (item, "") }
            return (item[..<equals], item[item.index(after: equals)...])
        }
        let sorted = items.sorted {
            // The order is by code point, as in the canonical request.
            $0.name == $1.name
                ? $0.value.utf8.lexicographicallyPrecedes($1.value.utf8)
                : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        self.query = sorted.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }
}
