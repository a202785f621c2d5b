import ArgumentParser
import FoundationEssentials
import HTTPTransport
import KubernetesClient
import NIOCore
import Operator
import Planning
import ServiceLifecycle

/// Runs Anneal's controllers against the cluster of the kubeconfig, or the one that it runs in.
@main
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anneal-operator",
        abstract: "Run Anneal's controllers against a Kubernetes cluster.",
        discussion: """
            Finds the cluster by --kubeconfig, else KUBECONFIG, else ~/.kube/config, else by the service \
            account of the pod that it runs in.
            """)

    @Option(help: "Path of a kubeconfig.")
    var kubeconfig: String?

    @Option(help: "Context of the kubeconfig; its current one if absent.")
    var context: String?

    @Option(help: "The one namespace to serve; all if absent.")
    var namespace: String?

    @Option(help: "Image of anneal-agent.")
    var agentImage = "anneal/agent:0.1.0"

    @Option(help: "Reconciliations at once, for each kind.")
    var workers = 8

    @Option(help: "Seconds before a failed stage is tried again, the first time.")
    var backoffSeconds: Int64 = 10

    @Option(help: "Seconds between two heartbeats of a training pod.")
    var heartbeatSeconds = 10

    @OptionGroup(title: "Leader election")
    var election: ElectionOptions

    @OptionGroup(title: "Metrics, health and logs")
    var telemetry: TelemetryOptions

    @OptionGroup(title: "Admission webhook")
    var webhook: WebhookOptions

    func validate() throws {
        guard (1...64).contains(workers) else {
            throw ValidationError("--workers is \(workers); it must be from 1 to 64")
        }
        guard (1...3600).contains(backoffSeconds) else {
            throw ValidationError("--backoff-seconds is \(backoffSeconds); it must be from 1 to 3600")
        }
        guard (1...300).contains(heartbeatSeconds) else {
            throw ValidationError("--heartbeat-seconds is \(heartbeatSeconds); it must be from 1 to 300")
        }
    }

    func run() async throws {
        ProcessMemory.limitArenas()
        var environment = ProcessInfo.processInfo.environment
        if let kubeconfig { environment["KUBECONFIG"] = kubeconfig }
        let isInPod = environment["KUBERNETES_SERVICE_HOST"] != nil
        let podName = environment["POD_NAME"] ?? ProcessInfo.processInfo.hostName
        let logger = telemetry.logger(isInPod: isInPod)
        // Set before anything is served: a webhook, metrics and probes need no more than one thread.
        NIOSingletons.groupLoopCountSuggestion = 1
        let cluster = try ClusterConfiguration.resolve(context: context, environment: environment)
        let transport = HTTPTransport(configuration: .controller, logger: logger)
        let metrics = OperatorMetrics()
        let client = KubernetesClient(
            configuration: cluster, transport: transport, userAgent: userAgent(podName),
            observer: metrics.observe, logger: logger)
        let ownNamespace = environment["POD_NAMESPACE"] ?? cluster.namespace
        var planner = PlannerSettings(agentImage: agentImage)
        planner.backoffSeconds = backoffSeconds
        planner.heartbeatSeconds = heartbeatSeconds
        var configuration = OperatorConfiguration(
            planner: planner, identity: podName, namespace: namespace, workers: workers)
        configuration.election = election.election(
            podName: podName, ownNamespace: ownNamespace, isInPod: isInPod)
        configuration.webhook = webhook.configuration(ownNamespace: ownNamespace, isInPod: isInPod)
        configuration.telemetry = telemetry.endpoints(isInPod: isInPod)
        let service = AnnealOperator(
            client: client, configuration: configuration, metrics: metrics, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
        transport.shutdown()
    }

    /// Tells the replicas apart in an audit log.
    private func userAgent(_ podName: String) -> String {
        let name = podName.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "-.".contains($0)) }
        return "anneal-operator/0.1.0 (\(name))"
    }
}
