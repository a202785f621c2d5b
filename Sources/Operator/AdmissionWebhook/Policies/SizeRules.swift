import AnnealAPI
import KubernetesAPI

/// Well-formed quantities that no node can give.
enum SizeRules {
    /// Bytes below which no container starts: such an amount lacks its unit.
    private static let leastBytes: Int128 = 1 << 20
    private static let mostBytes = Int128(Int64.max)
    private static let mostCPUs: Int128 = 10_000

    static func errors(_ field: String, _ resources: NodeResources?) -> [FieldError] {
        guard let resources else { return [] }
        return cpus("\(field).cpu", resources.cpu) + errors("\(field).memory", bytes: resources.memory)
            + errors("\(field).ephemeralStorage", bytes: resources.ephemeralStorage)
    }

    /// Errors of an amount in bytes. Malformed amounts, and those not above 0, are judged elsewhere.
    static func errors(_ field: String, bytes written: WrittenQuantity?) -> [FieldError] {
        guard let text = written?.text, let amount = amount(written), amount > 0 else { return [] }
        if amount < leastBytes * 1000 {
            return [
                .invalid(
                    field, .string(text),
                    "must be at least 1Mi; write the unit after the number, such as 512Mi or 16Gi")
            ]
        }
        guard amount <= mostBytes * 1000 else {
            return [.invalid(field, .string(text), "must be at most \(mostBytes) bytes, about 8Ei")]
        }
        return []
    }

    private static func cpus(_ field: String, _ written: WrittenQuantity?) -> [FieldError] {
        guard let text = written?.text, let amount = amount(written), amount > mostCPUs * 1000 else {
            return []
        }
        return [
            .invalid(
                field, .string(text),
                "must be at most \(mostCPUs) CPUs; 4 are four CPUs and 500m is half of one")
        ]
    }

    /// The amount in thousandths; nil if the text is no quantity.
    static func amount(_ written: WrittenQuantity?) -> Int128? { written?.quantity?.milliunits }
}
