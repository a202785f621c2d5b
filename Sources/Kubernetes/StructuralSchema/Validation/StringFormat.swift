import KubernetesAPI

/// The formats that an API server checks on strings. Unknown ones accept everything.
enum StringFormat {
    static func accepts(_ text: String, format: String) -> Bool {
        switch format {
        case "date-time", "datetime": isDateTime(text)
        case "date": isDate(text)
        case "duration": GoDuration.parse(text) != nil
        case "byte": isBase64(text)
        case "uri": URLParts(text) != nil
        case "ipv4": isIPv4(text)
        case "ipv6": isIPv6(text)
        case "cidr": isCIDR(text)
        case "mac": isMAC(text)
        case "uuid", "uuid3", "uuid4", "uuid5": isUUID(text)
        case "email": isEmail(text)
        case "hostname": isHostname(text)
        case "hexcolor": matches(text, "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")
        case "ssn": matches(text, "^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$")
        default: true
        }
    }

    private static func matches(_ text: String, _ pattern: String) -> Bool {
        guard case .success(let expression) = RegularExpression.compiled(pattern) else { return false }
        return expression.matches(text)
    }

    static func isDateTime(_ text: String) -> Bool { MicroTime(text) != nil }

    static func isDate(_ text: String) -> Bool {
        text.utf8.count == 10 && MicroTime(text + "T00:00:00Z") != nil
    }

    static func isBase64(_ text: String) -> Bool {
        let bytes = Array(text.utf8.filter { $0 != 0x0A && $0 != 0x0D })
        let padding = bytes.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard bytes.count % 4 == 0, padding <= 2 else { return false }
        return bytes.dropLast(padding).allSatisfy(isBase64Digit)
    }

    private static func isBase64Digit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
                    && (part == "0" || part.first != "0") && UInt8(part) != nil
            }
    }

    static func isIPv6(_ text: String) -> Bool {
        guard text.contains(":"), !text.contains("%"), text.utf8.count <= 45 else { return false }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        var groups = 0
        for (index, half) in halves.enumerated() where !half.isEmpty {
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            for (position, part) in parts.enumerated() {
                let isLast = index == halves.count - 1 && position == parts.count - 1
                if isLast, part.contains(".") {
                    guard isIPv4(String(part)) else { return false }
                    groups += 2
                } else {
                    guard (1...4).contains(part.utf8.count), UInt16(part, radix: 16) != nil,
                        part.first != "+", part.first != "-"
                    else { return false }
                    groups += 1
                }
            }
        }
        return halves.count == 2 ? groups < 8 : groups == 8
    }

    static func isCIDR(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let prefix = UInt8(parts[1]), String(prefix) == parts[1] else { return false }
        return (isIPv4(parts[0]) && prefix <= 32) || (isIPv6(parts[0]) && prefix <= 128)
    }

    private static func isMAC(_ text: String) -> Bool {
        matches(text, "^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$")
    }

    private static func isUUID(_ text: String) -> Bool {
        matches(text, "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$")
    }

    private static func isEmail(_ text: String) -> Bool {
        matches(text, #"^[^@\s<>]+@[^@\s<>]+$"#) && text.utf8.count <= 254
    }

    private static func isHostname(_ text: String) -> Bool {
        text.utf8.count <= 255
            && matches(
                text,
                #"^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"#
                    + #"(\.[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?)*\.?$"#
            )
    }
}

/// Go's `time.ParseDuration`: `1h30m`, `-1.5s`, `100ms`.
enum GoDuration {
    /// Nanoseconds; nil if the text is no duration or overflows.
    static func parse(_ text: String) -> Int64? {
        guard text.utf8.count <= 64 else { return nil }
        var rest = Substring(text)
        let negative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { return nil }
        var total: Double = 0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            guard let amount = Double(number), number != "." else { return nil }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            guard let scale = nanoseconds(String(unit)) else { return nil }
            rest = rest.dropFirst(unit.count)
            total += amount * scale
        }
        return Int64(exactly: (negative ? -total : total).rounded())
    }

    private static func nanoseconds(_ unit: String) -> Double? {
        switch unit {
        case "ns": 1
        case "us", "µs", "μs": 1e3
        case "ms": 1e6
        case "s": 1e9
        case "m": 60e9
        case "h": 3600e9
        default: nil
        }
    }
}

/// A URL, cut into parts as Go's `url.ParseRequestURI` does: it has a scheme, or is an absolute path.
struct URLParts: Hashable, Sendable {
    var scheme = ""
    /// The host with the port.
    var host = ""
    var path = ""
    var query = ""

    init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 8192,
            !text.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7F })
        else { return nil }
        var rest = Substring(text)
        if !rest.hasPrefix("/") {
            guard let colon = rest.firstIndex(of: ":"), let first = rest.first, first.isASCII, first.isLetter
            else { return nil }
            let name = rest[..<colon]
            guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) })
            else { return nil }
            scheme = name.lowercased()
            rest = rest[rest.index(after: colon)...]
        }
        if let mark = rest.firstIndex(of: "?") {
            query = String(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        if !scheme.isEmpty, rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            let end = rest.firstIndex(of: "/") ?? rest.endIndex
            host = String(rest[..<end])
            rest = rest[end...]
            if let at = host.lastIndex(of: "@") { host = String(host[host.index(after: at)...]) }
            guard !host.contains(where: { "<>\"\\^`{|} ".contains($0) }), portIsValid else { return nil }
        }
        path = String(rest)
    }

    private var portIsValid: Bool {
        let afterBracket = host.lastIndex(of: "]").map { host[host.index(after: $0)...] } ?? Substring(host)
        guard let colon = afterBracket.lastIndex(of: ":") else { return true }
        return afterBracket[afterBracket.index(after: colon)...].allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// The host without the port, and without the brackets of an IPv6 address.
    var hostname: String {
        var name = host
        let afterBracket = name.lastIndex(of: "]").map { name.index(after: $0) } ?? name.startIndex
        if let colon = name[afterBracket...].lastIndex(of: ":") { name = String(name[..<colon]) }
        if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
        return name
    }

    var port: String {
        let afterBracket = host.lastIndex(of: "]").map { host.index(after: $0) } ?? host.startIndex
        guard let colon = host[afterBracket...].lastIndex(of: ":") else { return "" }
        return String(host[host.index(after: colon)...])
    }
}
