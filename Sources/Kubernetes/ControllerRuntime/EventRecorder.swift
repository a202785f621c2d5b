import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import ServiceLifecycle

/// Writes events of `events.k8s.io/v1`, on a best effort: recording never waits and never fails, repeated
/// events become a series, and records that do not fit are dropped.
public struct EventRecorder: ServiceLifecycle.Service {
    private let client: KubernetesClient
    private let aggregator: EventAggregator
    private let buffer: EventBuffer
    private let now: @Sendable () -> MicroTime
    private let identifier: @Sendable () -> UInt64
    private let logger: Logger

    /// - Parameters:
    ///   - component: `reportingController`, such as `anneal.dev/operator`.
    ///   - instance: `reportingInstance`, such as the pod's name; not empty.
    ///   - bufferSize: records that may wait to be written; the oldest are dropped.
    public init(
        client: KubernetesClient, component: String,
        instance: String = ProcessInfo.processInfo.hostName, bufferSize: Int = 2048,
        now: @escaping @Sendable () -> MicroTime = Self.systemTime,
        identifier: @escaping @Sendable () -> UInt64 = { .random(in: .min ... .max) },
        logger: Logger = Logger(label: "anneal.events")
    ) {
        self.client = client
        aggregator = EventAggregator(component: component, instance: instance)
        buffer = EventBuffer(size: bufferSize)
        self.now = now
        self.identifier = identifier
        self.logger = logger
    }

    /// Queues an event for `run` to write.
    public func record(_ record: EventRecord) { buffer.append(record) }

    /// Records that were dropped because too many waited, or because writing them failed.
    public var droppedCount: Int { buffer.droppedCount }

    /// Queues an event for `run` to write. `type` is `Normal` or `Warning`.
    public func record(
        regarding: ObjectReference, type: String, reason: String, action: String, note: String
    ) async {
        record(EventRecord(regarding: regarding, type: type, reason: reason, action: action, note: note))
    }

    /// Writes what is recorded until the service is shut down: what waits then is written still. After
    /// either it may be run again.
    public func run() async throws {
        buffer.reopen()
        await withGracefulShutdownHandler {
            var aggregator = aggregator
            while let record = await buffer.next() {
                guard let write = aggregator.take(record, now: now(), identifier: identifier()) else {
                    continue
                }
                do throws(KubernetesError) {
                    try await send(write)
                } catch {
                    aggregator.drop(record)
                    buffer.noteDropped()
                    logger.debug("the event \(record.reason) was not written: \(error)")
                }
            }
        } onGracefulShutdown: {
            buffer.finish()
        }
    }

    private func send(_ write: EventAggregator.Write) async throws(KubernetesError) {
        switch write {
        case .create(let event): _ = try await client.createIdentified(event)
        case .update(let key, let series):
            let patch: JSONValue = [
                "series": [
                    "count": .integer(series.count),
                    "lastObservedTime": .string(series.lastObservedTime.description),
                ]
            ]
            _ = try await client.patch(Event.self, key, .merge(patch))
        }
    }

    public static let systemTime: @Sendable () -> MicroTime = {
        let seconds = Date().timeIntervalSince1970
        let whole = Int64(exactly: seconds.rounded(.down)) ?? 0
        return MicroTime(seconds: whole, microseconds: Int64((seconds - Double(whole)) * 1_000_000))
    }
}
