/// A family of metrics, as described to its readers.
public struct MetricDescription: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case counter
        case gauge
        /// A histogram with these upper bounds of its buckets, ascending; `+Inf` is added.
        case histogram([Double])
    }

    /// Name by Prometheus' rules: a prefix, the base unit, and `_total` for a counter.
    public var name: String
    public var kind: Kind
    /// Meaning, in one sentence.
    public var help: String

    public init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }
}

/// A value that is determined when it is asked for.
public struct MetricSample: Hashable, Sendable {
    public var name: String
    public var labels: [MetricLabel]
    public var value: Double

    public init(_ name: String, _ labels: [MetricLabel] = [], value: Double) {
        self.name = name
        self.labels = labels
        self.value = value
    }
}

public struct MetricLabel: Hashable, Sendable, Comparable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    public static func < (lhs: MetricLabel, rhs: MetricLabel) -> Bool {
        (lhs.name, lhs.value) < (rhs.name, rhs.value)
    }
}
