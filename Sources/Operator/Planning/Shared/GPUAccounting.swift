import AnnealAPI
import KubernetesAPI

/// Status of a kind whose pods hold GPUs.
public protocol GPUAccountedStatus {
    /// GPUs times seconds held by pods that have ended.
    var gpuSeconds: Int64? { get set }
    /// Pods whose time is counted or about to be.
    var podUsage: [PodUsage]? { get set }
}

extension TrainingJobStatus: GPUAccountedStatus {}
extension EvalRunStatus: GPUAccountedStatus {}

/// Accounts of GPU time, pod by pod: seconds from a pod's bind to its end, as the pod's own times say.
///
/// A pod that holds GPUs has an entry in the status, which is closed in the same write that adds the time
/// up, so that it counts exactly once. A finalizer keeps the pod until that write is done: no crash and no
/// other controller takes a pod away before it was counted.
struct GPUAccounting {
    let now: Timestamp
    /// Seconds after its deletion for which a pod's end is waited for; it is on a lost node then.
    let patience: Int64

    /// Seconds for which the entry of a pod that is gone is kept: a cache that lags behind may show it again.
    private static let memory: Int64 = 600
    /// Entries beyond which those of pods that are gone are dropped at once. The largest gang has 256 pods.
    private static let capacity = 512

    /// Brings a status up to what its run's pods say.
    ///
    /// - Parameters:
    ///   - pods: All pods of the run that may hold GPUs, ended ones too.
    ///   - gpus: GPUs that each of them holds.
    func settle(_ status: inout some GPUAccountedStatus, pods: [Pod], gpus: Int) {
        guard gpus > 0 || status.podUsage != nil else { return }
        var entries = status.podUsage ?? []
        var seconds = max(0, status.gpuSeconds ?? 0)
        let byUID = Dictionary(pods.map { ($0.metadata.uid ?? "", $0) }) { first, _ in first }
        func close(_ entry: inout PodUsage, at end: Timestamp) {
            let end = max(entry.boundAt, min(now, end))
            entry.endedAt = end
            seconds = seconds.addingClamped(
                end.seconds(since: entry.boundAt).multipliedClamped(by: Int64(max(0, entry.gpus))))
        }
        for index in entries.indices {
            guard let pod = byUID[entries[index].uid] else {
                if entries[index].endedAt == nil { close(&entries[index], at: now) }
                continue
            }
            if let early = entries[index].endedAt, !hasEnded(pod) || pod.isFinished && end(of: pod) > early {
                // It was taken for gone: the time that it held since counts as well.
                entries[index].boundAt = early
                entries[index].endedAt = nil
            }
            if entries[index].endedAt == nil, hasEnded(pod) { close(&entries[index], at: end(of: pod)) }
        }
        let known = Set(entries.map(\.uid))
        for pod in pods where gpus > 0 {
            guard let uid = pod.metadata.uid, !known.contains(uid), let bound = pod.heldSince else {
                continue
            }
            // A pod that has ended and is held no more was counted before.
            if hasEnded(pod), !pod.isHeldForAccounts { continue }
            var entry = PodUsage(pod: pod.name, uid: uid, gpus: gpus, boundAt: min(now, bound))
            if hasEnded(pod) { close(&entry, at: end(of: pod)) }
            entries.append(entry)
        }
        // Entries are kept as long as a cache may show the pod: it would count again.
        let isCrowded = entries.count > Self.capacity
        entries.removeAll { entry in
            guard let end = entry.endedAt, byUID[entry.uid] == nil else { return false }
            return now.seconds(since: end) >= Self.memory || isCrowded
        }
        status.podUsage = entries.isEmpty ? nil : entries
        if seconds > 0 { status.gpuSeconds = seconds }
    }

    /// Pods that need not be held any more, with the patch that lets each go.
    func releases(_ status: some GPUAccountedStatus, pods: [Pod]) -> [Effect] {
        let closed = Set((status.podUsage ?? []).filter { $0.endedAt != nil }.map(\.uid))
        return pods.compactMap { pod in
            guard pod.isHeldForAccounts, let reference = Child(pod).reference else { return nil }
            let neverBound = pod.heldSince == nil && (pod.metadata.deletionTimestamp != nil || pod.isFinished)
            guard closed.contains(reference.uid) || neverBound else { return nil }
            let others = (pod.metadata.finalizers ?? []).filter { $0 != Anneal.Finalizer.settle }
            var metadata: JSONValue = ["finalizers": .array(others.map(JSONValue.string))]
            // Another controller may have added one meanwhile: the watch tells, and this is planned again.
            metadata["resourceVersion"] = pod.metadata.resourceVersion.map(JSONValue.string)
            return .patch(reference, ["metadata": metadata])
        }
    }

    /// Whether every pod that held GPUs is counted.
    func isSettled(_ status: some GPUAccountedStatus, pods: [Pod]) -> Bool {
        (status.podUsage ?? []).allSatisfy { $0.endedAt != nil }
            && pods.allSatisfy { hasEnded($0) || $0.heldSince == nil && $0.metadata.deletionTimestamp != nil }
    }

    private func hasEnded(_ pod: Pod) -> Bool {
        if pod.isFinished { return true }
        guard let deletion = pod.metadata.deletionTimestamp else { return false }
        return now.seconds(since: deletion) >= patience
    }

    private func end(of pod: Pod) -> Timestamp {
        guard pod.isFinished else { return pod.metadata.deletionTimestamp ?? now }
        return pod.finishedAt ?? pod.metadata.deletionTimestamp ?? now
    }
}

/// Draft of a kind whose pods hold GPUs.
protocol GPURunDraft: RunDraft where RunStatus: GPUAccountedStatus {
    /// GPUs that each of the workers holds.
    var gpusPerPod: Int { get }
    /// Notes since when the attempt holds its GPUs, for a kind that has to know.
    mutating func noteHolding()
}

extension GPURunDraft {
    var accounting: GPUAccounting { GPUAccounting(now: now, patience: settings.forceDeleteSeconds) }
    var isSettled: Bool { accounting.isSettled(status, pods: workers) }

    mutating func noteHolding() {}

    /// Makes one whole pass. Accounts come before the step, which may depend on them, and after it, as it may
    /// end an attempt.
    mutating func pass() -> Plan<RunStatus> {
        accountForGPUs()
        live()
        accountForWaiting()
        accountForGPUs()
        sweep()
        steps.deletions += accounting.releases(status, pods: workers)
        for pod in pods { forceIfStuck(pod) }
        describe()
        return plan()
    }

    private mutating func accountForGPUs() {
        noteHolding()
        accounting.settle(&status, pods: workers, gpus: gpusPerPod)
    }
}

extension Pod {
    /// Whether a finalizer keeps the pod until its GPU time is counted.
    var isHeldForAccounts: Bool { metadata.finalizers?.contains(Anneal.Finalizer.settle) == true }
}
