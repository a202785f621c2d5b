// Texts as Go's `strconv` quotes them, for messages that repeat what a client sent.

extension Unicode.Scalar {
    /// Whether Go calls the character printable: letters, marks, numbers, punctuation, symbols and the
    /// ASCII space.
    var isPrintableInGo: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            false
        case .spaceSeparator: self == " "
        default: true
        }
    }
}

extension String {
    /// `"a\x01"`
    var quotedInGo: String {
        var quoted = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\\", "\"": quoted += "\\\(scalar)"
            case "\u{7}": quoted += "\\a"
            case "\u{8}": quoted += "\\b"
            case "\u{C}": quoted += "\\f"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{B}": quoted += "\\v"
            default:
                guard !scalar.isPrintableInGo else {
                    quoted.unicodeScalars.append(scalar)
                    continue
                }
                let hex = String(scalar.value, radix: 16)
                let (prefix, width) =
                    scalar.isASCII ? ("\\x", 2) : scalar.value > 0xFFFF ? ("\\U", 8) : ("\\u", 4)
                quoted += prefix + String(repeating: "0", count: max(0, width - hex.count)) + hex
            }
        }
        return quoted + "\""
    }
}
