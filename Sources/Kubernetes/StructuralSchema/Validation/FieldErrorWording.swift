import KubernetesAPI

extension FieldError {
    /// A value whose JSON type or format is not the declared one.
    public static func typeInvalid(_ field: String, _ value: JSONValue, _ detail: String) -> FieldError {
        FieldError(code: .typeInvalid, field: field, message: "Invalid value: \(value.text): \(detail)")
    }

    /// An error of an object or list as a whole, whose value is too long for the message.
    public static func invalid(_ field: String, _ detail: String) -> FieldError {
        FieldError(code: .invalid, field: field, message: "Invalid value: \(detail)")
    }

    /// An error of the object as a whole; it stands at `<nil>`.
    static func invalidObject(_ detail: String) -> FieldError {
        FieldError(code: .invalid, field: "<nil>", message: "Invalid value: \"\": \(detail)")
    }

    /// A note beside errors of the schema that leave CEL rules without values to rely on.
    static let rulesNotChecked = FieldError(
        code: .invalid, field: "<nil>",
        message: "Invalid value: null: some validation rules were not checked because the object was"
            + " invalid; correct the existing errors to complete validation")

    /// Whether this error keeps CEL rules from being evaluated on the value.
    var blocksRules: Bool {
        switch code {
        case .notSupported, .required, .tooLong, .tooMany, .typeInvalid: true
        case .invalid, .forbidden, .duplicate, .notFound, .internalError: false
        }
    }
}

extension [FieldError] {
    /// The errors as one text: `a`, or `[a, b]`.
    public var aggregate: String {
        var seen: Set<String> = []
        let texts = map(\.description).filter { seen.insert($0).inserted }
        return texts.count == 1 ? texts.joined() : "[" + texts.joined(separator: ", ") + "]"
    }

    /// The message of the 422 answer: `Widget.example.dev "bad" is invalid: …`.
    public func message(kind: String, group: String, name: String) -> String {
        let qualified = group.isEmpty ? kind : "\(kind).\(group)"
        return "\(qualified) \"\(name)\" is invalid: \(aggregate)"
    }
}

/// A number as Go's `%v` prints it, which is how bounds stand in messages: `10`, `0.5`, `1e+06`.
func goFormat(_ number: Double) -> String {
    guard number.isFinite else { return number.isNaN ? "NaN" : number < 0 ? "-Inf" : "+Inf" }
    if number == 0 { return number.sign == .minus ? "-0" : "0" }
    let magnitude = number.magnitude
    let isPlain = magnitude >= 1e-4 && magnitude < 1e6
    var (digits, exponent) = shortestDigits(magnitude)
    let sign = number < 0 ? "-" : ""
    guard !isPlain else {
        if exponent <= 0 { return sign + "0." + String(repeating: "0", count: -exponent) + digits }
        if digits.count <= exponent {
            return sign + digits + String(repeating: "0", count: exponent - digits.count)
        }
        return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
    }
    let first = digits.removeFirst()
    exponent -= 1
    let power = String(exponent.magnitude)
    return sign + String(first) + (digits.isEmpty ? "" : "." + digits)
        + (exponent < 0 ? "e-" : "e+") + (power.count < 2 ? "0" : "") + power
}

/// The shortest digits that read back as `magnitude`, and the exponent: 0.digits × 10^exponent.
private func shortestDigits(_ magnitude: Double) -> (digits: String, exponent: Int) {
    let parts = magnitude.description.split(separator: "e")
    var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let mantissa = (parts.first ?? "0").split(separator: ".", omittingEmptySubsequences: false)
    let whole = String(mantissa.first ?? "0")
    let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
    var digits = whole + fraction
    exponent += whole.count
    while digits.count > 1, digits.hasPrefix("0") {
        digits.removeFirst()
        exponent -= 1
    }
    while digits.count > 1, digits.hasSuffix("0") { digits.removeLast() }
    return (digits, exponent)
}
