import Telemetry

/// The operator's metrics.
enum MetricCatalogue {
    static let leader = "anneal_leader"
    static let queueDepth = "anneal_workqueue_depth"
    static let queueAdds = "anneal_workqueue_adds_total"
    static let reconciliations = "anneal_reconciliations_total"
    static let reconcileDuration = "anneal_reconcile_duration_seconds"
    static let requests = "anneal_api_requests_total"
    static let requestDuration = "anneal_api_request_duration_seconds"
    static let watchRestarts = "anneal_watch_restarts_total"
    static let runs = "anneal_runs"
    static let stageDuration = "anneal_stage_duration_seconds"
    static let gpuSeconds = "anneal_gpu_seconds_total"
    static let checkpointAge = "anneal_newest_checkpoint_age_seconds"
    static let webhookRequests = "anneal_webhook_requests_total"
    static let webhookDuration = "anneal_webhook_request_duration_seconds"
    static let eventsDropped = "anneal_events_dropped_total"
    static let malformedObjects = "anneal_malformed_objects_total"

    /// Bounds in seconds, from a lookup in memory to a request that timed out.
    private static let requestBuckets = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30,
    ]
    /// Bounds in seconds, from one second to the longest run.
    private static let stageBuckets: [Double] = [
        1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400, 172_800,
    ]

    static let all = [
        MetricDescription(leader, .gauge, "Whether this process leads: 1 or 0."),
        MetricDescription(queueDepth, .gauge, "Keys that are due and wait for a controller."),
        MetricDescription(queueAdds, .counter, "Keys that were put into a controller's queue."),
        MetricDescription(
            reconciliations, .counter, "Reconciliations by outcome: success, requeue or error."),
        MetricDescription(reconcileDuration, .histogram(requestBuckets), "Time that a reconciliation took."),
        MetricDescription(
            requests, .counter, "Requests to the API server; the code is error without an answer."),
        MetricDescription(
            requestDuration, .histogram(requestBuckets),
            "Time until the API server's answer was there; watches are left out."),
        MetricDescription(watchRestarts, .counter, "Watches that were opened again after they had ended."),
        MetricDescription(runs, .gauge, "Runs in the cache by phase."),
        MetricDescription(
            stageDuration, .histogram(stageBuckets), "Time from a stage's first entry to its end."),
        MetricDescription(gpuSeconds, .counter, "GPU-seconds that this process has accounted to runs."),
        MetricDescription(
            checkpointAge, .gauge,
            "The longest time for which a run in Training has had no newer verified checkpoint."),
        MetricDescription(
            webhookRequests, .counter, "Admission reviews by outcome: allowed, denied or error."),
        MetricDescription(webhookDuration, .histogram(requestBuckets), "Time to answer an admission review."),
        MetricDescription(eventsDropped, .counter, "Events that were given up."),
        MetricDescription(malformedObjects, .counter, "Times that an object was met that does not decode."),
    ]
}
