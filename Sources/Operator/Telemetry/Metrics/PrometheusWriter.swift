/// Writes families in Prometheus' text format.
struct PrometheusWriter {
    private(set) var text = ""

    mutating func begin(_ description: MetricDescription) {
        let kind =
            switch description.kind {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        text += "# HELP \(description.name) \(Self.escape(description.help, quotes: false))\n"
        text += "# TYPE \(description.name) \(kind)\n"
    }

    mutating func write(_ name: String, _ labels: [MetricLabel], _ value: Double) {
        text += name
        if !labels.isEmpty {
            text += "{"
            for (index, label) in labels.enumerated() {
                if index > 0 { text += "," }
                text += "\(label.name)=\"\(Self.escape(label.value, quotes: true))\""
            }
            text += "}"
        }
        text += " \(Self.number(value))\n"
    }

    /// Writes a histogram: its buckets cumulated, the sum and the count.
    mutating func write(
        _ name: String, _ labels: [MetricLabel], bounds: [Double], _ counts: HistogramCell.Counts
    ) {
        var total: UInt64 = 0
        for (bound, count) in zip(bounds + [.infinity], counts.counts) {
            total &+= count
            write(name + "_bucket", labels + [MetricLabel("le", Self.number(bound))], Double(total))
        }
        write(name + "_sum", labels, counts.sum)
        write(name + "_count", labels, Double(total))
    }

    private static func escape(_ value: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return Int64(exactly: value).map(String.init) ?? "\(value)"
    }
}
