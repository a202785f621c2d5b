/// User names and passwords in addresses (`https://user:password@host`), which must reach no status, event or
/// log.
public enum AddressCredentials {
    /// Whether an address has a user or a password before its host.
    public static func areIn(_ address: String) -> Bool { range(in: address) != nil }

    /// The address with `…` in place of a user and password.
    public static func hidden(in address: String) -> String {
        guard let range = range(in: address) else { return address }
        return address.replacingCharacters(in: range)
    }

    /// The text between the scheme and the host's `@`.
    private static func range(in address: String) -> Range<String.Index>? {
        let start = address.firstRange(of: "//")?.upperBound ?? address.startIndex
        // A slash or question mark that is not escaped may be in the password: the last `@` of the address counts,
        // unless the host is there already.
        let authority = address[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if let at = authority.lastIndex(of: "@") { return start..<at }
        guard let at = address[start...].lastIndex(of: "@"), authority.contains(":"), !hasPort(authority)
        else {
            return nil
        }
        return start..<at
    }

    /// Whether what stands before the first slash is a host and a port.
    private static func hasPort(_ authority: Substring) -> Bool {
        guard let colon = authority.lastIndex(of: ":") else { return false }
        return authority[authority.index(after: colon)...].allSatisfy(\.isNumber)
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>) -> String {
        String(self[..<range.lowerBound]) + "…" + String(self[range.upperBound...])
    }
}
