import ControllerRuntime
import KubernetesAPI
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization
import Telemetry

extension OperatorConfiguration.Telemetry {
    /// Servers of metrics and health, one a port.
    func servers(
        metrics: PrometheusRegistry, liveness: [HealthCheck], readiness: [HealthCheck], logger: Logger
    ) -> [any ServiceLifecycle.Service] {
        var endpoints: [Int: TelemetryServer.Endpoints] = [:]
        if let metricsPort { endpoints[metricsPort, default: .init()].metrics = metrics }
        if let healthPort {
            endpoints[healthPort, default: .init()].liveness = liveness
            endpoints[healthPort, default: .init()].readiness = readiness
        }
        return endpoints.map { port, endpoints in
            TelemetryServer(
                address: address, port: port, endpoints: endpoints,
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        }
    }
}

/// Notices controllers whose workers are all held up for good, by looking at them from probe to probe.
final class WorkerProgress: Sendable {
    private struct State {
        var ended: [UInt64]
        var since: [ContinuousClock.Instant]
    }

    /// Time without progress after which workers count as held up. Each request of a reconciliation ends
    /// within half a minute.
    private static let patience = Duration.seconds(600)

    private let queues: [WorkQueue<ObjectKey>]
    private let state: Mutex<State>

    init(queues: [WorkQueue<ObjectKey>]) {
        self.queues = queues
        state = Mutex(
            State(ended: queues.map(\.endedCount), since: Array(repeating: .now, count: queues.count)))
    }

    var check: HealthCheck { HealthCheck("workers") { self.problem } }

    private var problem: String? {
        state.withLock { state in
            for (index, queue) in queues.enumerated() {
                let ended = queue.endedCount
                if queue.runningCount == 0 || ended != state.ended[index] {
                    state.ended[index] = ended
                    state.since[index] = .now
                } else if state.since[index] + Self.patience < .now {
                    return "no reconciliation has ended for \(state.since[index].duration(to: .now))"
                }
            }
            return nil
        }
    }
}
