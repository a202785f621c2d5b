import KubernetesAPI

/// A quantity as a user writes it: a text such as 500m, or a number such as 4. It need not be one: whether it
/// is, the schema and the planner say.
public struct WrittenQuantity: Codable, Sendable {
    /// The text; of a number, its digits.
    public let text: String
    /// Whether it was written as a number, and is written as one again.
    private let isNumber: Bool

    /// A quantity by its text, whatever that is.
    public init(_ text: String) {
        self.text = text
        isNumber = false
    }

    /// Takes a text or a number.
    ///
    /// - Throws: an error for any other value.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self.text = text
            isNumber = false
        } else {
            text =
                if let number = try? container.decode(Int64.self) {
                    String(number)
                } else {
                    String(try container.decode(Double.self))
                }
            isNumber = true
        }
    }

    /// Writes the text, or the number that it was.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if isNumber, let number = Int64(text) {
            try container.encode(number)
        } else if isNumber, let number = Double(text) {
            try container.encode(number)
        } else {
            try container.encode(text)
        }
    }

    /// The amount; nil if the text is no quantity.
    public var quantity: Quantity? { Quantity(text) }
}

extension WrittenQuantity: Hashable {
    /// Whether the digits are the same: 4 and "4" are.
    public static func == (one: WrittenQuantity, other: WrittenQuantity) -> Bool { one.text == other.text }

    /// Hashes the text.
    public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension WrittenQuantity: ExpressibleByStringLiteral, CustomStringConvertible {
    /// A quantity by its text, whatever that is.
    public init(stringLiteral text: String) { self.init(text) }

    /// The text, as a message shows it.
    public var description: String { text }
}
