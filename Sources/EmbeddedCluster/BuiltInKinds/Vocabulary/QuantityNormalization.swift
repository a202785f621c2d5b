import APIServer
import KubernetesAPI
import StructuralSchema

/// Writes quantities in the one form that upstream keeps: `1000m` as `1`, `1024Mi` as `1Gi`, 2 as `"2"`.
enum QuantityNormalization {
    /// Rewrites every quantity that `schema` declares; what is no quantity is left for validation.
    static func apply(_ schema: Schema, to value: inout JSONValue, depth: Int = 0) {
        guard depth <= JSONValue.depthLimit else { return }
        if schema.isIntOrString, schema.pattern == Schema.quantityPattern {
            if let text = canonical(value) { value = .string(text) }
            return
        }
        switch value {
        case .object(let members):
            for (name, member) in members {
                guard let declared = declared(name, in: schema), holdsQuantities(member) else { continue }
                var normalized = member
                apply(declared, to: &normalized, depth: depth + 1)
                if normalized != member { value[name] = normalized }
            }
        case .array(var elements):
            guard let items = schema.items?.value else { return }
            for index in elements.indices { apply(items, to: &elements[index], depth: depth + 1) }
            value = .array(elements)
        case .null, .bool, .integer, .number, .string: return
        }
    }

    private static func declared(_ name: String, in schema: Schema) -> Schema? {
        if let property = schema.properties[name] { return property }
        if case .schema(let value) = schema.additionalProperties { return value.value }
        return nil
    }

    private static func holdsQuantities(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool: false
        case .integer, .number, .string, .array, .object: true
        }
    }

    static func canonical(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): canonical(text)
        case .integer(let number): canonical(String(number))
        case .number: canonical(value.text)
        case .null, .bool, .array, .object: nil
        }
    }

    /// The quantity in upstream's form; nil if `text` is no quantity.
    static func canonical(_ text: String) -> String? {
        guard let quantity = Quantity(text) else { return nil }
        let milli = quantity.milliunits
        if milli == 0 { return "0" }
        if text.hasSuffix("i"), milli % 1000 == 0, (milli / 1000).magnitude >= 1024 {
            return scaled(milli / 1000, by: 1024, ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"])
        }
        let isExponential = text.dropLast().contains { $0 == "e" || $0 == "E" }
        if isExponential, milli % 1000 == 0 {
            return scaled(milli / 1000, by: 1000, ["", "e3", "e6", "e9", "e12", "e15", "e18"])
        }
        return scaled(milli, by: 1000, ["m", "", "k", "M", "G", "T", "P", "E"])
    }

    private static func scaled(_ amount: Int128, by base: Int128, _ suffixes: [String]) -> String {
        var rest = amount
        var index = 0
        while index + 1 < suffixes.count, rest % base == 0 {
            rest /= base
            index += 1
        }
        return "\(rest)\(suffixes[index])"
    }
}

/// A kind whose quantities are kept in canonical form, and that needs nothing else.
struct QuantityStrategy: ResourceStrategy {
    let schema: Schema

    func applyDefaults(_ object: inout JSONValue) { QuantityNormalization.apply(schema, to: &object) }
}
