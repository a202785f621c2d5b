import KubernetesAPI

/// A column of the table that `kubectl get` shows.
public struct PrinterColumn: Sendable {
    /// Source of a cell's content.
    public enum Source: Sendable {
        /// The restricted JSONPath of `additionalPrinterColumns`: `.status.phase`,
        /// `.status.conditions[?(@.type=="Ready")].status`.
        case path(String)
        /// A function of the object. A null is printed as `<none>`.
        case computed(@Sendable (JSONValue, CellContext) -> JSONValue)
    }

    /// Heading of the column: `Age`.
    public var name: String
    /// `string`, `integer`, `number`, `boolean` or `date`.
    public var type: String
    /// OpenAPI format; `name` for the name column.
    public var format: String
    public var description: String
    /// 0 is always shown; more only with `-o wide`.
    public var priority: Int
    public var source: Source

    public init(
        _ name: String, type: String = "string", format: String = "", description: String = "",
        priority: Int = 0, source: Source
    ) {
        self.name = name
        self.type = type
        self.format = format
        self.description = description
        self.priority = priority
        self.source = source
    }

    /// The time since creation, shortened as kubectl does: `3m2s`, `5d`.
    public static let age = PrinterColumn(
        "Age",
        description: "CreationTimestamp is a timestamp representing the server time when this object was"
            + " created.",
        source: .computed { object, context in
            guard let text = object["metadata"]?["creationTimestamp"]?.stringValue,
                let created = Timestamp(text)
            else { return .string("<unknown>") }
            return .string(context.duration(since: created))
        })
}

/// Facts beside the object that a computed cell may use.
public struct CellContext: Sendable {
    public var now: Timestamp

    public init(now: Timestamp) { self.now = now }

    /// The time since `instant`, in the form of `duration.HumanDuration`: `45s`, `2m30s`, `3h12m`, `7d`.
    public func duration(since instant: Timestamp) -> String {
        HumanDuration.format(seconds: now.seconds(since: instant))
    }
}

/// `k8s.io/apimachinery/pkg/util/duration.HumanDuration`
public enum HumanDuration {
    public static func format(seconds: Int64) -> String {
        // Up to a second in the future is clock skew and counts as now.
        if seconds < -1 { return "<invalid>" }
        if seconds < 0 { return "0s" }
        if seconds < 60 * 2 { return "\(seconds)s" }
        let minutes = seconds / 60
        if minutes < 10 { return joined(minutes, "m", seconds % 60, "s") }
        if minutes < 60 * 3 { return "\(minutes)m" }
        let hours = minutes / 60
        if hours < 8 { return joined(hours, "h", minutes % 60, "m") }
        if hours < 48 { return "\(hours)h" }
        let days = hours / 24
        if days < 8 { return joined(days, "d", hours % 24, "h") }
        if days < 365 * 2 { return "\(days)d" }
        let years = days / 365
        if years < 8 { return joined(years, "y", days % 365, "d") }
        return "\(years)y"
    }

    private static func joined(_ big: Int64, _ bigUnit: String, _ small: Int64, _ smallUnit: String) -> String
    {
        small == 0 ? "\(big)\(bigUnit)" : "\(big)\(bigUnit)\(small)\(smallUnit)"
    }
}
