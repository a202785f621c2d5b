import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging

/// Keeps the attempt's Lease: the trainer's last sign of life, and the progress of the run.
///
/// A write happens only when there is something new, and names the resource version that was seen last. If
/// another writer changed the Lease meanwhile, it is read again first. Each attempt has a Lease of its own: the
/// number of another one in it is a mistake or a forgery, and is written over.
struct LeaseHeartbeat {
    private let leases: any LeaseClient
    private let key: ObjectKey
    private let run: RunIdentity
    private let holder: String
    private let state: SyncState
    private let logger: Logger

    private var seen: Lease?
    private var written: Content?

    /// Content of a Lease.
    private struct Content: Equatable {
        var annotations: [String: String?]
        var renewTime: MicroTime?
    }

    init(
        leases: any LeaseClient, configuration: SyncConfiguration, holder: String, state: SyncState,
        logger: Logger
    ) {
        self.leases = leases
        key = ObjectKey(namespace: configuration.run.namespace, name: configuration.leaseName)
        run = configuration.run
        self.holder = holder
        self.state = state
        self.logger = logger
    }

    /// Writes the changes since the last write.
    mutating func beat(now: Date) async throws(KubernetesError) {
        let snapshot = state.snapshot
        let content = Self.content(snapshot, run: run, now: now)
        guard content != written else { return }
        // Another writer's change in between costs one more read.
        for _ in 0..<3 {
            let lease = try await current()
            warnOfForeign(lease)
            do throws(KubernetesError) {
                seen = try await leases.patch(key, .merge(patch(content, of: lease)))
                written = content
                return
            } catch {
                seen = nil
                guard error.isConflict else { throw error }
            }
        }
    }

    /// The Lease as it was last seen. The operator made it before this pod: one that is missing was deleted
    /// with its run, and is not made again.
    private mutating func current() async throws(KubernetesError) -> Lease {
        if let seen { return seen }
        let lease = try await leases.get(key)
        seen = lease
        return lease
    }

    private func warnOfForeign(_ lease: Lease) {
        guard let text = lease.metadata.annotations?[HeartbeatAnnotation.attempt],
            text != String(run.attempt)
        else { return }
        logger.warning("Lease \(key) says attempt '\(text.prefix(40))', not \(run.attempt); it is corrected")
    }

    private func patch(_ content: Content, of lease: Lease) -> JSONValue {
        var metadata: JSONValue = [
            "annotations": .object(content.annotations.mapValues { $0.map(JSONValue.string) ?? .null })
        ]
        if let version = lease.metadata.resourceVersion { metadata["resourceVersion"] = .string(version) }
        var spec: JSONValue = ["holderIdentity": .string(holder)]
        if let time = content.renewTime { spec["renewTime"] = .string("\(time)") }
        return ["metadata": metadata, "spec": spec]
    }

    private static func content(_ snapshot: SyncState.Snapshot, run: RunIdentity, now: Date) -> Content {
        // An upload that advances counts as work: the trainer's end waits for it.
        let isMoving = snapshot.isUploading && snapshot.uploadProblem == nil
        let sign = isMoving ? now : snapshot.lastSign
        return Content(
            annotations: [
                HeartbeatAnnotation.attempt: String(run.attempt),
                HeartbeatAnnotation.progress: json(snapshot.tracker.progress),
                HeartbeatAnnotation.checkpoint: snapshot.newest.flatMap(json),
                HeartbeatAnnotation.bestCheckpoint: snapshot.best.flatMap(json),
                HeartbeatAnnotation.flushed: snapshot.isSaved ? "true" : nil,
                HeartbeatAnnotation.problem: problem(snapshot).map { String($0.prefix(1000)) },
                HeartbeatAnnotation.checkpointSeconds: snapshot.checkpointSeconds == CheckpointSeconds()
                    ? nil : json(snapshot.checkpointSeconds),
                HeartbeatAnnotation.warnings: snapshot.tracker.warnings.flatMap(json),
            ],
            renewTime: sign.map(MicroTime.init))
    }

    private static func problem(_ snapshot: SyncState.Snapshot) -> String? {
        let problems = [snapshot.uploadProblem, snapshot.refusal].compactMap(\.self)
        return problems.isEmpty ? nil : problems.joined(separator: "; ")
    }

    private static func json(_ value: some Encodable) -> String? { try? JSONValue(encoding: value).text }
}

extension MicroTime {
    fileprivate init(_ date: Date) {
        let seconds = date.timeIntervalSince1970.rounded(.down)
        let fraction = date.timeIntervalSince1970 - seconds
        self.init(seconds: Int64(seconds), microseconds: Int64(fraction * 1_000_000))
    }
}
