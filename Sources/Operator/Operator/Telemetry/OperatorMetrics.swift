import AdmissionWebhook
import ControllerRuntime
import CoreMetrics
import KubernetesAPI
import KubernetesClient
import Synchronization
import Telemetry

/// Metrics of the operator, by the names under which Prometheus finds them. No label names an object.
public struct OperatorMetrics: Sendable {
    public let registry: PrometheusRegistry
    private let watches = KnownWatches()

    public init() {
        registry = PrometheusRegistry(MetricCatalogue.all + ProcessMetrics.descriptions)
        registry.addCollector(ProcessMetrics.collect)
    }

    /// Counts a request; serves as a client's `observer`.
    public func observe(_ observation: RequestObservation) {
        let labels = RequestLabels(observation.request)
        let code = observation.status.map(String.init) ?? "error"
        count(
            MetricCatalogue.requests,
            [("verb", labels.verb), ("resource", labels.resource), ("code", code)])
        guard labels.verb == "watch" else {
            return time(MetricCatalogue.requestDuration, [("verb", labels.verb)], observation.duration)
        }
        if watches.isRestart(observation.request) {
            count(MetricCatalogue.watchRestarts, [("resource", labels.resource)])
        }
    }

    /// Counts a reconciliation; serves as a controller's `observer`.
    public func observe(_ observation: ReconciliationObservation) {
        let labels = [("controller", observation.controller)]
        count(MetricCatalogue.reconciliations, labels + [("outcome", observation.outcome.rawValue)])
        time(MetricCatalogue.reconcileDuration, labels, observation.duration)
    }

    /// Counts an admission review; serves as the webhook's `observer`.
    public func observe(_ observation: ReviewObservation) {
        count(
            MetricCatalogue.webhookRequests,
            [("kind", observation.kind), ("outcome", observation.outcome.rawValue)])
        time(MetricCatalogue.webhookDuration, [], observation.duration)
    }

    func countMalformed(kind: String) { count(MetricCatalogue.malformedObjects, [("kind", kind)]) }

    /// Counts what a status that was written says beyond the one before it.
    func observe<Status: PhasedStatus>(_ status: Status, after before: Status?, kind: String) {
        guard status != before else { return }
        for (stage, seconds) in status.endedStages(since: before) {
            let labels = [("kind", kind), ("stage", stage)]
            time(MetricCatalogue.stageDuration, labels, .seconds(max(0, seconds)))
        }
        let held = { (status: Status?) in (status as? any GPUHoldingStatus)?.gpuSeconds ?? 0 }
        let (spent, overflow) = held(status).subtractingReportingOverflow(held(before))
        guard spent > 0, !overflow else { return }
        Counter(label: MetricCatalogue.gpuSeconds, dimensions: [("kind", kind)], factory: registry)
            .increment(by: spent)
    }

    private func count(_ name: String, _ labels: [(String, String)]) {
        Counter(label: name, dimensions: labels, factory: registry).increment()
    }

    private func time(_ name: String, _ labels: [(String, String)], _ duration: Duration) {
        let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
        Timer(label: name, dimensions: labels, factory: registry).recordSeconds(seconds)
    }
}

/// Tells a watch that is opened again from one that is opened.
private final class KnownWatches: Sendable {
    private let known = Mutex<Set<String>>([])

    func isRestart(_ request: APIRequest) -> Bool {
        let selectors = request.query.filter { $0.name.hasSuffix("Selector") }.map(\.value)
        let key = ([request.path] + selectors).joined(separator: " ")
        return known.withLock { $0.count < 1024 && !$0.insert(key).inserted }
    }
}
