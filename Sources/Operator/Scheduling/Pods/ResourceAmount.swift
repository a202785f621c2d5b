import KubernetesAPI

/// An amount of a resource that can be added up, and written as Kubernetes writes it.
public struct ResourceAmount: Hashable, Sendable {
    /// Thousandths of the unit.
    public var milliunits: Int128
    /// Whether it is written with powers of 1024.
    public var isBinary: Bool

    public static let zero = ResourceAmount(milliunits: 0)
    public static let one = ResourceAmount(milliunits: 1000)

    public init(milliunits: Int128, isBinary: Bool = false) {
        self.milliunits = milliunits
        self.isBinary = isBinary
    }

    /// Binary if the quantity is written so: `1536Mi`.
    public init(_ quantity: Quantity) {
        milliunits = quantity.milliunits
        isBinary = quantity.text.last == "i"
    }

    /// The sum, in the form of the first; a zero has none. Clamped where it cannot be represented.
    public static func + (left: ResourceAmount, right: ResourceAmount) -> ResourceAmount {
        let (sum, overflow) = left.milliunits.addingReportingOverflow(right.milliunits)
        return ResourceAmount(
            milliunits: overflow ? (right.milliunits < 0 ? .min : .max) : sum,
            isBinary: left.milliunits == 0 ? right.isBinary : left.isBinary)
    }

    public static func max(_ left: ResourceAmount, _ right: ResourceAmount) -> ResourceAmount {
        left.milliunits >= right.milliunits ? left : right
    }

    /// `500m`, `3`, `2k`, `1536Mi`
    public var text: String {
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

    /// The amount as an object's field; clamped to what a quantity can hold.
    public var quantity: Quantity { Quantity(text) ?? Quantity(Int64(clamping: milliunits / 1000)) }
}

/// Amounts by the resource's name: `requests.cpu`, `pods`, `count/jobs.batch`.
public typealias ResourceAmounts = [String: ResourceAmount]

extension ResourceAmounts {
    public init(_ quantities: [String: Quantity]?) {
        self = (quantities ?? [:]).mapValues { ResourceAmount($0) }
    }

    public mutating func add(_ other: ResourceAmounts) { merge(other) { $0 + $1 } }

    /// Makes each amount at least as large as the other's.
    public mutating func raise(to other: ResourceAmounts) { merge(other) { ResourceAmount.max($0, $1) } }

    /// `a=1,b=2`
    public var listed: String {
        sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }.joined(separator: ",")
    }
}

/// Thousandths by the resource's name. Sums and differences saturate: no input makes them trap.
extension [String: Int128] {
    public mutating func add(_ other: [String: Int128]) {
        for (name, amount) in other {
            let (sum, overflow) = self[name, default: 0].addingReportingOverflow(amount)
            self[name] = overflow ? (amount < 0 ? .min : .max) : sum
        }
    }

    public mutating func take(_ wanted: [String: Int128]) {
        for (name, amount) in wanted {
            let (rest, overflow) = self[name, default: 0].subtractingReportingOverflow(amount)
            self[name] = overflow ? (amount < 0 ? .max : .min) : rest
        }
    }

    /// Whether each amount that is wanted is here.
    public func holds(_ wanted: [String: Int128]) -> Bool {
        wanted.allSatisfy { name, amount in amount <= 0 || (self[name] ?? 0) >= amount }
    }

    /// Names of the resources of which less is here than wanted, in order.
    public func lacks(_ wanted: [String: Int128]) -> [String] {
        wanted.filter { name, amount in amount > 0 && (self[name] ?? 0) < amount }.keys.sorted()
    }
}
