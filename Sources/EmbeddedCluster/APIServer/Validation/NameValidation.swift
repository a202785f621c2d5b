import KubernetesAPI

/// Rules of names, in the words of a real API server.
///
/// Functions return the problems that they find; none means that the text is fine.
package enum NameValidation {
    /// The rule of an RFC 1123 subdomain.
    package static let subdomain =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
        + "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation "
        + #"is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#
    /// The rule of an RFC 1123 label.
    package static let label =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
        + "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation "
        + "is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    /// The rule of an RFC 1035 label.
    package static let label1035 =
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
        + "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    /// The rule of the name in a key of a label or an annotation.
    package static let qualifiedNamePart =
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
        + "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    /// The rule of the value of a label.
    package static let labelValue =
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
        + "must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
        + "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

    /// Problems of the name of an object whose kind has the given rule.
    package static func problems(_ name: String, rule: NameRule) -> [String] {
        switch rule {
        case .dnsSubdomain:
            return length(name, 253, "characters") + (isSubdomain(name) ? [] : [subdomain])
        case .dnsLabel:
            return length(name, 63, "characters") + (isLabel(name) ? [] : [label])
        case .dns1035Label:
            let startsWell = name.utf8.first.map { (0x61...0x7A).contains($0) } ?? false
            return length(name, 63, "characters") + (isLabel(name) && startsWell ? [] : [label1035])
        case .pathSegment:
            if name == "." || name == ".." { return ["may not be '\(name)'"] }
            return ["/", "%"].filter { name.contains($0) }.map { "may not contain '\($0)'" }
        }
    }

    /// A prefix for a generated name may end in a dash.
    static func problems(prefix: String, rule: NameRule) -> [String] {
        let name = prefix.hasSuffix("-") && prefix.utf8.count > 1 ? String(prefix.dropLast()) + "a" : prefix
        return problems(name, rule: rule)
    }

    /// The key of a label or an annotation: `name` or `prefix/name`.
    package static func qualifiedNameProblems(_ key: String) -> [String] {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let name = parts.last else {
            return [
                "a valid label key" + qualifiedNamePart.dropFirst("name part".count)
                    + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ]
        }
        var problems: [String] = []
        if parts.count == 2 {
            if parts[0].isEmpty {
                problems.append("prefix part must be non-empty")
            } else {
                problems += length(parts[0], 253, "bytes").map { "prefix part \($0)" }
                if !isSubdomain(parts[0]) { problems.append("prefix part \(subdomain)") }
            }
        }
        if name.isEmpty {
            problems.append("name part must be non-empty")
        } else if name.utf8.count > 63 {
            problems.append("name part must be no more than 63 bytes")
        }
        if !isWord(name) { problems.append(qualifiedNamePart) }
        return problems
    }

    static func labelValueProblems(_ value: String) -> [String] {
        length(value, 63, "bytes") + (value.isEmpty || isWord(value) ? [] : [labelValue])
    }

    /// Upstream counts bytes everywhere, but says so only of the parts of labels.
    private static func length(_ text: String, _ limit: Int, _ unit: String) -> [String] {
        text.utf8.count > limit ? ["must be no more than \(limit) \(unit)"] : []
    }

    /// Whether the text is labels with dots between them, whatever its length.
    package static func isSubdomain(_ text: String) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isLabel($0) }
    }

    /// Whether the text is of lower case letters, digits and inner dashes, whatever its length.
    package static func isLabel(_ text: some StringProtocol) -> Bool {
        let isAlphanumeric: (UInt8) -> Bool = { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2D }
    }

    private static func isWord(_ text: String) -> Bool {
        let isAlphanumeric: (UInt8) -> Bool = {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
        }
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
    }
}
