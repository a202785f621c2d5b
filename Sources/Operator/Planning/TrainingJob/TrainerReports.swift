import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    /// The Lease of the newest training attempt.
    var heartbeat: Lease? {
        guard let attempt = status.trainingAttempts else { return nil }
        let name = gang(attempt).leaseName
        return seen.leases.first { lease in
            guard lease.name == name, run.controls(lease.metadata), let uid = lease.metadata.uid else {
                return false
            }
            if let noted = status.heartbeatUID, noted == uid { return true }
            return status.current?.stage == .training ? isOwn(lease.metadata) : seen.ownUIDs.contains(uid)
        }
    }

    /// Whether the Lease says more than the status. Once `prepare` runs, its word on checkpoints counts.
    private var hearsTrainer: Bool {
        switch status.phase {
        case .training, .uploading, .suspended, .failed, .cancelled, .pruned: true
        case .preparing: status.current?.launchedAt == nil
        case .pending, .validating, .preprocessing, .queued, .evaluating, .registering, .completed,
            .evalFailed:
            false
        }
    }

    /// Takes over what the sidecar says; what makes no sense is left aside, and said so.
    mutating func readHeartbeat() {
        guard hearsTrainer, let attempt = status.trainingAttempts, let lease = heartbeat,
            let annotations = lease.metadata.annotations
        else { return }
        if let text = annotations[HeartbeatAnnotation.attempt], text != String(attempt) {
            // Nobody who may write here has another attempt's number to say.
            return report([HeartbeatAnnotation.attempt])
        }
        var malformed: [String] = []
        if let text = annotations[HeartbeatAnnotation.progress] {
            if let progress: TrainingProgress = TerminationMessage.decode(text), progress.isFinite {
                take(progress)
            } else {
                malformed.append(HeartbeatAnnotation.progress)
            }
        }
        switch reference(annotations[HeartbeatAnnotation.checkpoint]) {
        case .absent: break
        case .malformed: malformed.append(HeartbeatAnnotation.checkpoint)
        case .valid(let checkpoint):
            if checkpoint.step >= status.checkpoint?.step ?? 0 { status.checkpoint = checkpoint }
        }
        switch reference(annotations[HeartbeatAnnotation.bestCheckpoint]) {
        case .absent: break
        case .malformed: malformed.append(HeartbeatAnnotation.bestCheckpoint)
        case .valid(let checkpoint): status.bestCheckpoint = checkpoint
        }
        if let text = annotations[HeartbeatAnnotation.checkpointSeconds] {
            let seconds: CheckpointSeconds? = TerminationMessage.decode(text)
            if seconds.map({ take($0) }) != true { malformed.append(HeartbeatAnnotation.checkpointSeconds) }
        }
        // What the trainer says in its short answer, in the end, is its last word.
        if status.phase == .training, let text = annotations[HeartbeatAnnotation.warnings] {
            if let warnings: [String] = TerminationMessage.decode(text) {
                tell(warnings)
            } else {
                malformed.append(HeartbeatAnnotation.warnings)
            }
        }
        report(malformed)
    }

    /// Tells of the trainer's warnings by a condition, with one event for each change of them; nil where the
    /// trainer says nothing.
    mutating func tell(_ warnings: [String]?) {
        guard let warnings else { return }
        let type = "TrainerWarned"
        let text = Wording.bounded(
            warnings.prefix(Self.warningLimit).map(Wording.bounded).joined(separator: "; "))
        guard !text.isEmpty else {
            guard status.conditions?.isTrue(type) == true else { return }
            return set(type, false, reason: "NoWarnings", message: "The trainer has no warnings any more")
        }
        if status.conditions?.isTrue(type) == true, status.conditions?[type]?.message == text { return }
        set(type, true, reason: "TrainerWarned", message: text)
        note(.warning, "TrainerWarned", text)
    }

    private static let warningLimit = 8

    private enum Announcement {
        case absent, malformed
        case valid(CheckpointReference)
    }

    private func reference(_ text: String?) -> Announcement {
        guard let text else { return .absent }
        guard let checkpoint: CheckpointReference = TerminationMessage.decode(text), isCredible(checkpoint)
        else { return .malformed }
        return .valid(checkpoint)
    }

    private mutating func take(_ progress: TrainingProgress) {
        var progress = progress
        // The loss is measured once, before the first step of the first attempt.
        progress.initialEvalLoss = status.progress?.initialEvalLoss ?? progress.initialEvalLoss
        progress.evalLoss = progress.evalLoss ?? status.progress?.evalLoss
        progress.loss = progress.loss?.shortened
        progress.epoch = progress.epoch?.shortened
        status.progress = progress
    }

    /// Tells of malformed reports by a condition, so that the event comes once and not at each heartbeat.
    private mutating func report(_ malformed: [String]) {
        let type = "ProgressReported"
        if malformed.isEmpty {
            guard let known = status.conditions?[type], known.status != .true else { return }
            set(type, true, reason: "Readable", message: "The sidecar's annotations can be read")
            return
        }
        let wasKnown = status.conditions?[type]?.status == .false
        let text = "Ignored annotations of the Lease that can't be read: \(malformed.joined(separator: ", "))"
        set(type, false, reason: "Malformed", message: text)
        if !wasKnown { note(.warning, "ProgressMalformed", text) }
    }

    /// Whether the checkpoint can be one of this run: below the run's own folder, and of an attempt that has
    /// begun.
    func isCredible(_ checkpoint: CheckpointReference) -> Bool {
        checkpoint.step >= 0 && checkpoint.attempt >= 1 && checkpoint.attempt <= status.trainingAttempts ?? 0
            && checkpoint.storageUri.utf8.count <= 1024
            && checkpoint.manifestSha256.utf8.count == 64
            && checkpoint.manifestSha256.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            }
            && checkpoint.evalLoss?.isFinite != false
            && checkpoint.storageUri.hasPrefix(ArtifactLayout.checkpoints(root: root) + "/")
    }

    /// Whether the checkpoint is the very one that the run took over from another.
    func isInherited(_ checkpoint: CheckpointReference) -> Bool {
        guard let inherited = status.continuedFrom?.checkpoint else { return false }
        return checkpoint.step == inherited.step && checkpoint.storageUri == inherited.storageUri
            && checkpoint.manifestSha256 == inherited.manifestSha256
    }

    func isOwn(_ uri: String) -> Bool { uri.utf8.count <= 1024 && uri.hasPrefix(root + "/") }

    var root: String { ArtifactLayout.root(artifacts: spec.artifacts.storageUri, uid: run.uid) }
}

extension TrainingProgress {
    var isFinite: Bool {
        [epoch, loss, evalLoss, initialEvalLoss, learningRate, tokensPerSecond]
            .allSatisfy { $0?.isFinite != false } && (step ?? 0) >= 0 && (totalSteps ?? 0) >= 0
    }
}

extension Double {
    /// The number with four decimals, for people and for a column.
    var shortened: Double { (self * 10_000).rounded() / 10_000 }
}
