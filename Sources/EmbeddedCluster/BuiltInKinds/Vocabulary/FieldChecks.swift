import APIServer
import KubernetesAPI

/// Checks that many kinds share, in upstream's words.
enum FieldChecks {
    static let negativeMessage = "must be greater than or equal to 0"

    /// A number below zero.
    static func notNegative(_ object: JSONValue?, _ names: [String], at path: String) -> [FieldError] {
        names.compactMap { name in
            guard let number = object?[name]?.integerValue, number < 0 else { return nil }
            return .invalid("\(path).\(name)", .integer(number), negativeMessage)
        }
    }

    /// A change of what must stay.
    static func immutable(
        _ object: JSONValue, old: JSONValue, _ fields: [[String]], detail: String = "field is immutable"
    ) -> [FieldError] {
        fields.compactMap { path in
            guard object[path: path] != old[path: path] else { return nil }
            return .invalid(path.joined(separator: "."), object[path: path] ?? .null, detail)
        }
    }

    /// The name of an object that is referred to.
    static func subdomain(_ name: String, at path: String) -> [FieldError] {
        if name.isEmpty { return [.required(path)] }
        return NameValidation.problems(name, rule: .dnsSubdomain).map { .invalid(path, .string(name), $0) }
    }

    static func label(_ name: String, at path: String) -> [FieldError] {
        if name.isEmpty { return [.required(path)] }
        return NameValidation.problems(name, rule: .dnsLabel).map { .invalid(path, .string(name), $0) }
    }

    /// A number outside of 1 to 65535.
    static func port(_ value: JSONValue?, at path: String) -> [FieldError] {
        guard let number = value?.integerValue, !(1...65_535).contains(number) else { return [] }
        return [.invalid(path, .integer(number), "must be between 1 and 65535, inclusive")]
    }

    /// Texts that are no quantities, and amounts below zero.
    static func quantities(_ amounts: JSONValue?, at path: String) -> [FieldError] {
        (amounts?.objectValue ?? [:]).sorted { $0.key < $1.key }.flatMap { name, value -> [FieldError] in
            let place = "\(path)[\(name)]"
            guard let text = value.stringValue, let quantity = Quantity(text) else {
                return [
                    .invalid(
                        place, value,
                        "quantities must match the regular expression "
                            + "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
                ]
            }
            if quantity.milliunits < 0 { return [.invalid(place, value, negativeMessage)] }
            let isWhole = name == "pods" || name.contains("/")
            guard isWhole, quantity.milliunits % 1000 != 0 else { return [] }
            return [.invalid(place, value, "must be an integer")]
        }
    }
}
