import CoreMetrics
import Telemetry
import Testing

@Suite struct PrometheusTests {
    private static let descriptions = [
        MetricDescription("test_requests_total", .counter, "Requests, with a \\ and\na line."),
        MetricDescription("test_depth", .gauge, "Depth."),
        MetricDescription("test_seconds", .histogram([0.1, 1]), "Time."),
    ]

    @Test func `each family has its help, its type and its series in order`() {
        let registry = PrometheusRegistry(Self.descriptions)
        Counter(
            label: "test_requests_total", dimensions: [("verb", "watch"), ("code", "200")], factory: registry
        )
        .increment(by: 2)
        Counter(
            label: "test_requests_total", dimensions: [("code", "200"), ("verb", "get")], factory: registry
        )
        .increment()
        Gauge(label: "test_depth", factory: registry).record(2.5)
        #expect(
            registry.text() == """
                # HELP test_depth Depth.
                # TYPE test_depth gauge
                test_depth 2.5
                # HELP test_requests_total Requests, with a \\\\ and\\na line.
                # TYPE test_requests_total counter
                test_requests_total{code="200",verb="get"} 1
                test_requests_total{code="200",verb="watch"} 2

                """)
    }

    @Test func `a histogram's buckets are cumulated and durations are in seconds`() {
        let registry = PrometheusRegistry(Self.descriptions)
        let timer = Timer(label: "test_seconds", factory: registry)
        for milliseconds in [50, 100, 700, 5000] { timer.recordMilliseconds(milliseconds) }
        let lines = registry.text().split(separator: "\n").dropFirst(2)
        #expect(
            Array(lines.prefix(3)) == [
                "test_seconds_bucket{le=\"0.1\"} 2", "test_seconds_bucket{le=\"1\"} 3",
                "test_seconds_bucket{le=\"+Inf\"} 4",
            ])
        #expect(lines.suffix(2) == ["test_seconds_sum 5.85", "test_seconds_count 4"])
    }

    @Test func `values of labels are escaped`() {
        let registry = PrometheusRegistry(Self.descriptions)
        Counter(label: "test_requests_total", dimensions: [("code", "a\"b\\c\nd")], factory: registry)
            .increment()
        #expect(registry.text().contains(#"test_requests_total{code="a\"b\\c\nd"} 1"#))
    }

    @Test func `no input can make more series than a family may have`() {
        let registry = PrometheusRegistry(Self.descriptions, maximumSeries: 3)
        for code in 0..<100 {
            Counter(label: "test_requests_total", dimensions: [("code", "\(code)")], factory: registry)
                .increment()
        }
        let series = registry.text().split(separator: "\n").filter { $0.hasPrefix("test_requests_total{") }
        #expect(series.count == 4)
        #expect(series.contains("test_requests_total{code=\"other\"} 97"))
    }

    @Test func `a metric that was not described, or as something else, is not exported`() {
        let registry = PrometheusRegistry(Self.descriptions)
        Counter(label: "test_unknown_total", factory: registry).increment()
        Counter(label: "test_depth", factory: registry).increment()
        #expect(registry.text() == "")
    }

    @Test func `a counter never goes down`() {
        let registry = PrometheusRegistry(Self.descriptions)
        let counter = FloatingPointCounter(label: "test_requests_total", factory: registry)
        counter.increment(by: 2)
        counter.increment(by: -1)
        counter.increment(by: Double.nan)
        #expect(registry.text().hasSuffix("test_requests_total 2\n"))
    }

    @Test func `collectors are asked at each scrape`() {
        let registry = PrometheusRegistry(Self.descriptions)
        registry.addCollector { [MetricSample("test_depth", [MetricLabel("queue", "a")], value: .infinity)] }
        registry.addCollector { [MetricSample("test_undescribed", value: 1)] }
        #expect(registry.text().split(separator: "\n").last == "test_depth{queue=\"a\"} +Inf")
        #expect(!registry.text().contains("undescribed"))
    }

    #if os(Linux)
    @Test func `the process is measured as Prometheus' clients do`() throws {
        let samples = Dictionary(uniqueKeysWithValues: ProcessMetrics.collect().map { ($0.name, $0.value) })
        #expect(Set(samples.keys) == Set(ProcessMetrics.descriptions.map(\.name)))
        let resident = try #require(samples["process_resident_memory_bytes"])
        let virtual = try #require(samples["process_virtual_memory_bytes"])
        #expect(resident > 1_000_000 && resident < virtual)
        #expect(try #require(samples["process_open_fds"]) >= 3)
        #expect(try #require(samples["process_start_time_seconds"]) > 1_600_000_000)
    }
    #endif
}
