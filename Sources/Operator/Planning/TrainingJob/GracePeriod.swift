import AnnealAPI
import KubernetesAPI

/// Division of the time from SIGTERM to SIGKILL: the trainer saves a checkpoint in the first part of it, and the
/// sidecar, which is told to stop only after the trainer has ended, uploads it in the rest.
struct GracePeriod {
    /// Seconds that the spec asks for.
    var asked: Int64
    /// Times that earlier attempts took; nil if none was measured.
    var measured: CheckpointSeconds?
    /// Seconds that it is raised to at most.
    var longest: Int64

    /// Seconds in which the sidecar sees the checkpoint and writes its last word.
    private static let reserve: Int64 = 10

    /// Seconds that a stop needs, as far as is known; nil while nothing was measured.
    var needed: Int64? {
        guard let measured, let upload = measured.upload else { return nil }
        return max(measured.save ?? 0, measured.stop ?? 0).addingClamped(upload)
            .addingClamped(Self.reserve)
    }

    /// Seconds from SIGTERM to SIGKILL.
    var seconds: Int64 { max(asked, min(needed ?? 0, longest)) }

    /// Seconds after which the trainer should have ended: all but what the upload takes, or a third of all while
    /// that is not known.
    var trainerSeconds: Int64 {
        let upload = measured?.upload ?? seconds / 3
        return max(1, seconds / 4, seconds.addingClamped(-upload).addingClamped(-Self.reserve))
    }
}

extension TrainingJobDraft {
    private static let tooShort = "GracePeriodTooShort"
    /// Seconds beyond which a measured time is taken for nonsense.
    private static let credible: ClosedRange<Int64> = 0...86_400

    /// Takes over what the sidecar of the newest attempt measured; false if it makes no sense.
    mutating func take(_ seconds: CheckpointSeconds) -> Bool {
        guard [seconds.save, seconds.upload].allSatisfy({ $0.map(Self.credible.contains) ?? true }) else {
            return false
        }
        var known = status.checkpointSeconds ?? CheckpointSeconds()
        known.save = seconds.save ?? known.save
        known.upload = seconds.upload ?? known.upload
        if known != CheckpointSeconds() { status.checkpointSeconds = known }
        return true
    }

    /// Measures how long a trainer took from SIGTERM to its end, and tells where that, and the upload, take more
    /// than its pod has.
    mutating func superviseGracePeriod() {
        guard let attempt = status.trainingAttempts, let pod = attemptPods(attempt)[0], isCounted(pod) else {
            return
        }
        let end = pod.stopped
        if let end { note(end) }
        let grace = gang(attempt).gracePeriod
        guard let needed = grace.needed,
            let given = pod.metadata.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds
        else { return }
        guard given < needed else {
            guard status.conditions?.isTrue(Self.tooShort) == true else { return }
            return set(
                Self.tooShort, false, reason: "LongEnough",
                message: "The pods have \(given) seconds from SIGTERM to SIGKILL, and need \(needed)")
        }
        tell(grace, given: given, needed: needed, wasKilled: end?.wasKilled == true)
    }

    private mutating func note(_ end: StoppedTrainer) {
        var seconds = end.seconds
        // How long it would have taken, nobody knows: it may have hung.
        if end.wasKilled { seconds = min(seconds, askedGracePeriod.multipliedClamped(by: 2)) }
        guard Self.credible.contains(seconds), seconds > status.checkpointSeconds?.stop ?? 0 else { return }
        var known = status.checkpointSeconds ?? CheckpointSeconds()
        known.stop = seconds
        status.checkpointSeconds = known
    }

    private var askedGracePeriod: Int64 { gang(1).gracePeriod.asked }

    private mutating func tell(_ grace: GracePeriod, given: Int64, needed: Int64, wasKilled: Bool) {
        let stop = grace.measured?.stop.map { "the trainer took \($0) to end after SIGTERM" }
        let save = stop ?? "a checkpoint took \(grace.measured?.save ?? 0) to save"
        let atLeast = wasKilled ? "at least " : ""
        let next = "the next attempt gets \(grace.seconds)"
        let remedy =
            grace.seconds < needed
            ? "\(next), and none gets more: make checkpoints smaller, or storage faster"
            : "\(next); set trainer.terminationGracePeriodSeconds to that in other runs"
        let message =
            "The pods have \(given) seconds from SIGTERM to SIGKILL, and need \(atLeast)\(needed): "
            + "\(wasKilled ? "the trainer was killed before it ended" : save), and the upload of a checkpoint took "
            + "\(grace.measured?.upload ?? 0). What a stop saves last may reach S3 only when the next attempt is "
            + "prepared; \(remedy)"
        let known = status.conditions?[Self.tooShort]
        guard known?.status != .true || known?.message != message else { return }
        set(Self.tooShort, true, reason: wasKilled ? "Killed" : "Measured", message: message)
        note(.warning, Self.tooShort, message)
    }

    /// Whether the pod is the attempt's own, also after the attempt has ended.
    private func isCounted(_ pod: Pod) -> Bool {
        guard status.current?.stage != .training else { return isOwn(pod.metadata) }
        let uid = pod.metadata.uid ?? ""
        return seen.ownUIDs.contains(uid) || (status.podUsage ?? []).contains { $0.uid == uid }
    }

    /// Deletes a trainer's pod, with as much time as its last checkpoint is known to need.
    mutating func stop(_ pod: Pod) {
        let wanted = gang(status.trainingAttempts ?? 1).gracePeriod.seconds
        let isShort = !pod.isFinished && wanted > pod.spec?.terminationGracePeriodSeconds ?? 0
        delete(pod, gracePeriodSeconds: isShort ? wanted : nil)
    }
}

/// End of a trainer that was told to stop.
private struct StoppedTrainer {
    /// Seconds since SIGTERM.
    var seconds: Int64
    /// Whether SIGKILL ended it.
    var wasKilled: Bool
}

extension Pod {
    /// The trainer's end; nil unless the pod was deleted, and the trainer has ended since.
    fileprivate var stopped: StoppedTrainer? {
        guard let deadline = metadata.deletionTimestamp, let grace = metadata.deletionGracePeriodSeconds,
            let state = container(TrainingGang.trainerName)?.state?.terminated, let end = state.finishedAt
        else { return nil }
        let seconds = end.seconds(since: deadline.advanced(by: -max(0, min(grace, 86_400))))
        guard seconds > 0 else { return nil }
        return StoppedTrainer(seconds: seconds, wasKilled: state.exitCode == 137)
    }
}
