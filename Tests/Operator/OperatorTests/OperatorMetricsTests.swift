import AnnealAPI
import KubernetesAPI
import KubernetesClient
import Testing

@testable import Operator

@Suite struct OperatorMetricsTests {
    private static func request(
        _ method: APIRequest.Method, _ path: String, _ query: [QueryItem] = []
    ) -> APIRequest {
        APIRequest(method: method, path: path, query: query)
    }

    @Test(arguments: [
        (request(.get, "/api/v1/pods"), "list", "pods"),
        (request(.get, "/api/v1/namespaces/n/pods/secret-name"), "get", "pods"),
        (request(.get, "/api/v1/pods", [QueryItem("watch", "true")]), "watch", "pods"),
        (request(.get, "/api/v1/namespaces/n"), "get", "namespaces"),
        (request(.post, "/apis/batch/v1/namespaces/n/jobs"), "create", "jobs"),
        (
            request(.patch, "/apis/anneal.dev/v1alpha1/namespaces/n/trainingjobs/j/status"), "patch",
            "trainingjobs/status"
        ),
        (request(.put, "/apis/coordination.k8s.io/v1/namespaces/n/leases/l"), "update", "leases"),
        (request(.delete, "/api/v1/namespaces/n/pods/p"), "delete", "pods"),
        (request(.delete, "/api/v1/namespaces/n/pods"), "deletecollection", "pods"),
        (request(.get, "/readyz"), "list", "other"), (request(.get, ""), "list", "other"),
        (request(.get, "/apis/anneal.dev"), "list", "other"),
    ])
    func `requests are named by verb and resource, never by object`(
        request: APIRequest, verb: String, resource: String
    ) {
        let labels = RequestLabels(request)
        #expect(labels.verb == verb && labels.resource == resource)
    }

    @Test func `requests are counted by code, and watches by how often they had to be opened again`() {
        let metrics = OperatorMetrics()
        func observe(_ request: APIRequest, _ status: Int?) {
            metrics.observe(
                RequestObservation(request: request, status: status, error: nil, duration: .seconds(1)))
        }
        for selector in ["a", "b", "a"] {
            for version in ["1", "2"] {
                observe(
                    Self.request(
                        .get, "/api/v1/pods",
                        [
                            QueryItem("watch", "true"), QueryItem("labelSelector", selector),
                            QueryItem("resourceVersion", version),
                        ]), 200)
            }
        }
        observe(Self.request(.post, "/api/v1/namespaces/n/pods"), nil)
        let text = metrics.registry.text()
        #expect(text.contains("anneal_watch_restarts_total{resource=\"pods\"} 4\n"))
        #expect(text.contains("anneal_api_requests_total{code=\"200\",resource=\"pods\",verb=\"watch\"} 6\n"))
        #expect(text.contains("{code=\"error\",resource=\"pods\",verb=\"create\"} 1\n"))
        #expect(text.contains("anneal_api_request_duration_seconds_sum{verb=\"create\"} 1\n"))
        #expect(!text.contains("anneal_api_request_duration_seconds_sum{verb=\"watch\"}"))
    }

    @Test func `a stage's time and GPU-seconds are counted once, when the status says them`() {
        let metrics = OperatorMetrics()
        var before = TrainingJobStatus(phase: .training)
        var stage = StageRecord(name: .training, startedAt: Timestamp(seconds: 100), attempts: 1)
        // An attempt's own time is meant, and not that of those before it.
        stage.startedAt = Timestamp(seconds: 20)
        before.stages = [stage]
        before.current = StageAttempt(stage: .training, attempt: 2, startedAt: Timestamp(seconds: 100))
        before.gpuSeconds = 40
        var after = before
        stage.finishedAt = Timestamp(seconds: 130)
        after.phase = .uploading
        after.current = StageAttempt(stage: .uploading, attempt: 1, startedAt: Timestamp(seconds: 130))
        after.stages = [stage]
        after.gpuSeconds = 100
        metrics.observe(before, after: nil, kind: "TrainingJob")
        metrics.observe(after, after: before, kind: "TrainingJob")
        metrics.observe(after, after: after, kind: "TrainingJob")
        let text = metrics.registry.text()
        #expect(text.contains("anneal_gpu_seconds_total{kind=\"TrainingJob\"} 100\n"))
        let labels = "{kind=\"TrainingJob\",stage=\"Training\"}"
        #expect(text.contains("anneal_stage_duration_seconds_sum\(labels) 30\n"))
        #expect(text.contains("anneal_stage_duration_seconds_count\(labels) 1\n"))
    }

    @Test func `every metric keeps to Prometheus' rules for names`() {
        #expect(Set(MetricCatalogue.all.map(\.name)).count == MetricCatalogue.all.count)
        for metric in MetricCatalogue.all {
            #expect(metric.name.hasPrefix("anneal_"))
            #expect(metric.name.allSatisfy { $0.isLowercase || $0 == "_" })
            #expect(metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            #expect(metric.help.hasSuffix("."))
        }
    }
}
