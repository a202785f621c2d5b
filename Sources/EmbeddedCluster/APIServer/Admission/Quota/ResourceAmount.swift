import KubernetesAPI

/// An amount of a resource that can be added up, and written as Kubernetes writes it.
struct ResourceAmount: Hashable, Sendable {
    /// Thousandths of the unit.
    var milliunits: Int128
    /// Whether it is written with powers of 1024.
    var isBinary: Bool

    static let zero = ResourceAmount(milliunits: 0, isBinary: false)
    static let one = ResourceAmount(milliunits: 1000, isBinary: false)

    init(milliunits: Int128, isBinary: Bool) {
        self.milliunits = milliunits
        self.isBinary = isBinary
    }

    /// From a quantity as it stands in an object; nil if it is none.
    init?(_ value: JSONValue) {
        let text: String
        switch value {
        case .string(let written): text = written
        case .integer(let number): text = String(number)
        case .number(let number): text = "\(number)"
        case .null, .bool, .array, .object: return nil
        }
        guard let quantity = Quantity(text) else { return nil }
        milliunits = quantity.milliunits
        isBinary = text.last == "i"
    }

    /// The sum, in the form of the first; a zero has none. Clamped where it cannot be represented.
    static func + (left: ResourceAmount, right: ResourceAmount) -> ResourceAmount {
        let (sum, overflow) = left.milliunits.addingReportingOverflow(right.milliunits)
        return ResourceAmount(
            milliunits: overflow ? .max : sum,
            isBinary: left.milliunits == 0 ? right.isBinary : left.isBinary)
    }

    static func max(_ left: ResourceAmount, _ right: ResourceAmount) -> ResourceAmount {
        left.milliunits >= right.milliunits ? left : right
    }

    /// `500m`, `3`, `2k`, `1536Mi`
    var text: String {
        guard milliunits % 1000 == 0 else { return "\(milliunits)m" }
        var units = milliunits / 1000
        let base: Int128 = isBinary ? 1024 : 1000
        let suffixes = isBinary ? ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] : ["k", "M", "G", "T", "P", "E"]
        var suffix = ""
        for next in suffixes {
            guard units != 0, units % base == 0 else { break }
            units /= base
            suffix = next
        }
        return "\(units)\(suffix)"
    }
}

/// Amounts by the resource's name: `requests.cpu`, `pods`, `count/jobs.batch`.
typealias ResourceAmounts = [String: ResourceAmount]

extension ResourceAmounts {
    /// From a resource list as it stands in an object; what is no quantity is left out.
    init(_ list: JSONValue?) {
        self = (list?.objectValue ?? [:]).compactMapValues { ResourceAmount($0) }
    }

    mutating func add(_ other: ResourceAmounts) { merge(other) { $0 + $1 } }

    mutating func raise(to other: ResourceAmounts) { merge(other) { ResourceAmount.max($0, $1) } }

    /// `a=1,b=2`
    var listed: String {
        sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }.joined(separator: ",")
    }

    var json: JSONValue { .object(mapValues { .string($0.text) }) }
}
