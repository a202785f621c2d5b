/// A Kubernetes resource quantity: `500m`, `2`, `1.5Gi`, `4e3`. Keeps the text that it was written as.
public struct Quantity: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The text as the user wrote it.
    public let text: String
    /// Thousandths of the unit, rounded up as Kubernetes does.
    public let milliunits: Int128

    /// Nil if the text is no quantity, or exceeds ±10^27 units.
    public init?(_ text: String) {
        guard let milliunits = Quantity.parse(text) else { return nil }
        self.text = text
        self.milliunits = milliunits
    }

    public init(_ units: Int64) {
        text = String(units)
        milliunits = Int128(units) * 1000
    }

    /// Whole units, rounded up; clamped to 64 bits.
    public var units: Int64 {
        let rounded = milliunits >= 0 ? (milliunits + 999) / 1000 : milliunits / 1000
        return Int64(clamping: rounded)
    }

    public var description: String { text }

    /// Equal amounts are equal, however they are written.
    public static func == (lhs: Quantity, rhs: Quantity) -> Bool { lhs.milliunits == rhs.milliunits }
    public func hash(into hasher: inout Hasher) { hasher.combine(milliunits) }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text: String
        if let number = try? container.decode(Int64.self) {
            text = String(number)
        } else if let number = try? container.decode(Double.self) {
            text = "\(number)"
        } else {
            text = try container.decode(String.self)
        }
        guard let value = Quantity(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is no quantity, such as 500m, 2 or 1.5Gi")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    private static func parse(_ text: String) -> Int128? {
        guard text.utf8.count <= 64 else { return nil }
        var rest = Substring(text)
        let negative = rest.first == "-"
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        let whole = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(whole.count)
        var fraction: Substring = ""
        if rest.first == "." {
            rest.removeFirst()
            fraction = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(fraction.count)
        }
        guard !(whole.isEmpty && fraction.isEmpty), whole.count <= 27, fraction.count <= 18,
            let mantissa = Int128(whole + fraction), let scale = multiplier(String(rest))
        else { return nil }
        // value = mantissa / 10^fraction × numerator / denominator, in thousandths.
        let (scaled, overflow) = mantissa.multipliedReportingOverflow(by: scale.numerator)
        guard !overflow else { return nil }
        let (milli, milliOverflow) = scaled.multipliedReportingOverflow(by: 1000)
        let (divisor, divisorOverflow) = power(10, fraction.count)
            .multipliedReportingOverflow(by: scale.denominator)
        guard !milliOverflow, !divisorOverflow else { return nil }
        let (quotient, remainder) = milli.quotientAndRemainder(dividingBy: divisor)
        let result = quotient + (remainder > 0 ? 1 : 0)
        guard result <= power(10, 30) else { return nil }
        return negative ? -result : result
    }

    private static func power(_ base: Int128, _ exponent: Int) -> Int128 {
        (0..<max(0, min(exponent, 36))).reduce(Int128(1)) { product, _ in product * base }
    }

    private static func multiplier(_ suffix: String) -> (numerator: Int128, denominator: Int128)? {
        switch suffix {
        case "": return (1, 1)
        case "n": return (1, 1_000_000_000)
        case "u": return (1, 1_000_000)
        case "m": return (1, 1000)
        case "k": return (1000, 1)
        case "M": return (1_000_000, 1)
        case "G": return (1_000_000_000, 1)
        case "T": return (power(10, 12), 1)
        case "P": return (power(10, 15), 1)
        case "E": return (power(10, 18), 1)
        case "Ki": return (1 << 10, 1)
        case "Mi": return (1 << 20, 1)
        case "Gi": return (1 << 30, 1)
        case "Ti": return (1 << 40, 1)
        case "Pi": return (1 << 50, 1)
        case "Ei": return (1 << 60, 1)
        default:
            guard suffix.first == "e" || suffix.first == "E", let exponent = Int(suffix.dropFirst()),
                (-18...18).contains(exponent)
            else { return nil }
            return exponent >= 0 ? (power(10, exponent), 1) : (1, power(10, -exponent))
        }
    }
}
