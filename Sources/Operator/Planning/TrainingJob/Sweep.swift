import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    /// Deletes children that belong to no attempt that counts any more. What ended well stays until the run has ended,
    /// for its logs; what failed stays with a run that failed.
    mutating func sweep() {
        for job in seen.jobs where run.controls(job.metadata) && !keeps(job) { delete(job) }
        let kept = keptTrainers
        for pod in trainers where !kept.contains(pod.name) { stop(pod) }
        let lease = keepsLease() ? heartbeat?.name : nil
        for item in seen.leases where run.controls(item.metadata) && item.name != lease { delete(item) }
        for run in seen.evalRuns where self.run.controls(run.metadata) && !keeps(run) {
            delete(run)
        }
        noteOnlyCopy()
        if status.phase.isTerminal {
            for service in seen.services where run.controls(service.metadata) { delete(service) }
        }
        for claim in seen.claims where run.controls(claim.metadata) && (dropsVolume || isLeftover(claim)) {
            delete(claim)
        }
    }

    /// Whether the Lease is still read: the last words of a trainer may reach the caches after the end of its
    /// pod, which is told by another watch.
    private mutating func keepsLease() -> Bool {
        if hasUnfinishedTrainers { return true }
        switch status.phase {
        case .training, .uploading, .suspended: return true
        case .failed, .pruned:
            guard heartbeat != nil, let end = status.completionTime else { return false }
            let left = now.left(of: settings.reportWaitSeconds, since: end)
            if left > 0 { wake(after: left) }
            return left > 0
        case .pending, .validating, .preprocessing, .preparing, .queued, .evaluating, .registering,
            .completed, .evalFailed, .cancelled:
            return false
        }
    }

    private var dropsVolume: Bool {
        guard status.phase.isTerminal else { return false }
        switch spec.workspace?.retention {
        case .retain: return false
        case .deleteAlways: return true
        case .deleteOnceSaved, nil: return status.holdsOnlyCopy != true
        }
    }

    /// Notes whether the volume holds what is nowhere else: from a trainer's start, until `prepare`, the
    /// sidecar's last word or a committed model says that all is in S3.
    private mutating func noteOnlyCopy() {
        if let output = status.output {
            if status.holdsOnlyCopy != nil { status.holdsOnlyCopy = output.leftOut != nil }
        } else if status.phase == .training, let current = status.current {
            let pods = attemptPods(current.attempt).values
            let wasLost = current.launchedAt != nil && pods.count < gang(current.attempt).nodes
            if wasLost || pods.contains(where: \.hasStartedTrainer) { status.holdsOnlyCopy = true }
        } else if status.holdsOnlyCopy == true, status.completingSince == nil, !hasUnfinishedTrainers,
            // One that was given up on may have ended well all the same.
            !trainers.contains(where: { $0.status?.phase == "Succeeded" }),
            heartbeat?.metadata.annotations?[HeartbeatAnnotation.flushed] == "true"
        {
            status.holdsOnlyCopy = false
        }
        guard status.phase.isTerminal, status.holdsOnlyCopy == true else {
            if status.conditions?[Self.keptCondition] != nil {
                set(Self.keptCondition, false, reason: "Saved", message: "All that the volume held is in S3")
            }
            return
        }
        guard seen.claims.contains(where: { run.controls($0.metadata) }) || spec.hasOwnVolume else {
            // It is on its way to this run, or it has passed on to one that continues this one.
            guard status.conditions?[Self.keptCondition] != nil else { return }
            return set(
                Self.keptCondition, false, reason: "VolumeGone",
                message: "The volume was taken over by a run that continues this one, or was deleted")
        }
        set(
            Self.keptCondition, true, reason: "NotInStorage",
            message:
                "PersistentVolumeClaim \(claimName) is kept: it may hold a checkpoint or a model that is not in S3, in its "
                + "folder \(keptFolder). A TrainingJob with spec.continueFrom.trainingJob: \(run.name) takes it over "
                + "and goes on; else "
                + "the claim goes with this TrainingJob"
        )
    }

    /// Folder of the newest attempt, on the volume.
    private var keptFolder: String {
        let path = WorkspacePath.ofAttempt(status.trainingAttempts ?? 1, "")
        return String(path.dropFirst(WorkspacePath.root.count).drop { $0 == "/" }.dropLast())
    }

    /// Condition that says whether a finished run's volume is kept for what it holds.
    private static let keptCondition = "WorkspaceKept"

    /// Finished pods would keep the volume from going.
    private var dropsFinished: Bool {
        dropsVolume && (status.phase != .failed || spec.hasOwnVolume) || volumeHasPassedOn
    }

    /// Whether another run has taken the volume over: it would not go with that run while pods of this one are there.
    /// One of the training pod's own stays with the pod.
    private var volumeHasPassedOn: Bool {
        status.phase.isTerminal && status.holdsOnlyCopy == true && !spec.hasOwnVolume
            && !seen.claims.contains { run.controls($0.metadata) }
    }

    private func isCurrent(_ stage: TrainingJobPhase) -> Bool {
        status.phase == stage && status.current?.stage == stage
    }

    private func keeps(_ job: Job) -> Bool {
        let record = (status.stages ?? []).first { record in
            StageJob.name(run, record.name, attempt: record.attempts) == job.name
        }
        guard let record else { return false }
        if isCurrent(record.name) { return isOwn(job.metadata) }
        guard !dropsFinished else { return false }
        return job.isComplete || (status.phase == .failed && job.isFinished)
    }

    private func keeps(_ child: EvalRun) -> Bool {
        let record = (status.stages ?? []).first { $0.name == .evaluating }
        guard let record, EvaluationChild.name(run, attempt: record.attempts) == child.name else {
            return false
        }
        if isCurrent(.evaluating) { return isOwn(child.metadata) }
        return child.status?.phase.isTerminal == true
    }

    private var keptTrainers: Set<String> {
        guard let attempt = status.trainingAttempts else { return [] }
        let pods = attemptPods(attempt).values
        if isCurrent(.training) { return Set(pods.filter { isOwn($0.metadata) }.map(\.name)) }
        guard !dropsFinished else { return [] }
        // A volume of a pod's own lives as long as the pod.
        let keepsVolume = spec.hasOwnVolume && status.phase.isTerminal
        return Set(
            pods.filter { pod in
                pod.status?.phase == "Succeeded"
                    || ((status.phase == .failed || keepsVolume) && pod.isFinished)
            }.map(\.name))
    }
}
