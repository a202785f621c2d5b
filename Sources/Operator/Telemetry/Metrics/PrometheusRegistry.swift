import CoreMetrics
import Synchronization

/// A back end of swift-metrics that keeps the measured values and writes them for Prometheus.
///
/// Only described metrics are exported. Each family has a bounded number of label combinations; further ones
/// are counted under the value `other`, so that no input from outside can fill the memory.
public final class PrometheusRegistry: MetricsFactory, Sendable {
    /// Determines values when they are asked for; it must be quick.
    public typealias Collector = @Sendable () -> [MetricSample]

    private enum Cell: Sendable {
        case counter(CounterCell)
        case gauge(GaugeCell)
        case histogram(HistogramCell)
    }

    private struct State {
        var families: [String: [[MetricLabel]: Cell]] = [:]
        var collectors: [Collector] = []
    }

    private let descriptions: [String: MetricDescription]
    private let maximumSeries: Int
    private let state = Mutex(State())

    /// - Parameter maximumSeries: combinations of labels for each name.
    public init(_ descriptions: [MetricDescription], maximumSeries: Int = 500) {
        self.descriptions = Dictionary(descriptions.map { ($0.name, $0) }) { first, _ in first }
        self.maximumSeries = max(1, maximumSeries)
    }

    public func addCollector(_ collector: @escaping Collector) {
        state.withLock { $0.collectors.append(collector) }
    }

    /// All metrics, in Prometheus' text format 0.0.4.
    public func text() -> String {
        let (families, collectors) = state.withLock { ($0.families, $0.collectors) }
        var collected: [String: [MetricSample]] = [:]
        for sample in collectors.flatMap({ $0() }) { collected[sample.name, default: []].append(sample) }
        var writer = PrometheusWriter()
        for name in Set(families.keys).union(collected.keys).sorted() {
            guard let description = descriptions[name] else { continue }
            writer.begin(description)
            for sample in (collected[name] ?? []).sorted(by: { $0.labels < $1.labels }) {
                writer.write(name, sample.labels, sample.value)
            }
            for (labels, cell) in (families[name] ?? [:]).sorted(by: { $0.key < $1.key }) {
                switch cell {
                case .counter(let cell): writer.write(name, labels, cell.value)
                case .gauge(let cell): writer.write(name, labels, cell.value)
                case .histogram(let cell): writer.write(name, labels, bounds: cell.bounds, cell.counts)
                }
            }
        }
        return writer.text
    }

    /// The cell of a name and labels, made by `make` if there is none.
    private func cell(_ name: String, _ dimensions: [(String, String)], _ make: (MetricDescription) -> Cell?)
        -> Cell?
    {
        guard let description = descriptions[name] else { return nil }
        let labels = dimensions.map { MetricLabel($0.0, $0.1) }.sorted()
        return state.withLock { state in
            if let known = state.families[name]?[labels] { return known }
            let isFull = state.families[name, default: [:]].count >= maximumSeries
            let key = isFull ? labels.map { MetricLabel($0.name, "other") } : labels
            if let known = state.families[name]?[key] { return known }
            guard let new = make(description) else { return nil }
            state.families[name, default: [:]][key] = new
            return new
        }
    }

    private func counter(_ name: String, _ dimensions: [(String, String)]) -> CounterCell {
        let cell = cell(name, dimensions) { $0.kind == .counter ? .counter(CounterCell()) : nil }
        if case .counter(let counter) = cell { return counter }
        return CounterCell()
    }

    private func gauge(_ name: String, _ dimensions: [(String, String)]) -> GaugeCell {
        let cell = cell(name, dimensions) { $0.kind == .gauge ? .gauge(GaugeCell()) : nil }
        if case .gauge(let gauge) = cell { return gauge }
        return GaugeCell()
    }

    private func histogram(_ name: String, _ dimensions: [(String, String)]) -> HistogramCell {
        let cell = cell(name, dimensions) { description in
            guard case .histogram(let bounds) = description.kind else { return nil }
            return .histogram(HistogramCell(bounds: bounds))
        }
        if case .histogram(let histogram) = cell { return histogram }
        return HistogramCell(bounds: [])
    }
}

// Handlers for swift-metrics. Values of a metric that was not described, or was as another kind, are dropped.
extension PrometheusRegistry {
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        counter(label, dimensions)
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        counter(label, dimensions)
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(label, dimensions)
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        if aggregate { histogram(label, dimensions) } else { gauge(label, dimensions) }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(label, dimensions)
    }

    // Series stay until the process ends: a counter must not begin anew.
    public func destroyCounter(_: any CounterHandler) {}
    public func destroyFloatingPointCounter(_: any FloatingPointCounterHandler) {}
    public func destroyMeter(_: any MeterHandler) {}
    public func destroyRecorder(_: any RecorderHandler) {}
    public func destroyTimer(_: any TimerHandler) {}
}

extension [MetricLabel] {
    fileprivate static func < (lhs: Self, rhs: Self) -> Bool { lhs.lexicographicallyPrecedes(rhs) }
}
