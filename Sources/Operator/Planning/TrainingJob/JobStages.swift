import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    /// Makes one pass of a stage that runs as a CPU Job.
    mutating func runJob(of stage: TrainingJobPhase) {
        guard let current = status.current, current.stage == stage else { return begin(stage) }
        let limit = limit(of: stage)
        guard let job = job(named: StageJob.name(run, stage, attempt: current.attempt)) else {
            guard current.launchedAt == nil else {
                let lost = AttemptFailure(
                    .interrupted, reason: "JobDeleted", message: "The Job of \(stage.rawValue) was deleted")
                recordFailure(lost, of: stage)
                return retry(lost, limit: limit)
            }
            return launchJob(of: stage, current)
        }
        let outcome = job.outcome(pods: seen.pods, now: now, settings: settings)
        // A Job without a pod has done nothing yet: were it lost, the same could take its place.
        if current.launchedAt == nil, outcome != .running(nil) { noteLaunch() }
        switch outcome {
        case .running(let pod): watch(pod, since: current.launchedAt ?? now)
        case .settling(let seconds): wake(after: seconds)
        case .succeeded(let report): finish(stage, report)
        case .failed(let failure):
            recordFailure(failure, of: stage)
            retry(failure, limit: limit)
        }
    }

    private mutating func launchJob(of stage: TrainingJobPhase, _ current: StageAttempt) {
        if let start = current.notBefore, start > now { return wake(after: start.seconds(since: now)) }
        // Two attempts must never write to one workspace.
        guard !hasUnfinishedPods else { return wake(after: settings.queuePollSeconds) }
        let builder = StageJob(run: run, spec: spec, status: status, settings: settings)
        guard let job = builder.make(stage, attempt: current.attempt) else {
            return end(
                .failed, reason: "InvalidSpec",
                message:
                    "The configuration of \(stage.rawValue) can't be written as JSON: a number is not finite")
        }
        if stage != .validating, stage != .registering { createClaimIfMissing() }
        create(job, needs: made)
    }

    mutating func createClaimIfMissing() {
        let name = WorkspaceClaim.name(run)
        guard !seen.claims.contains(where: { $0.name == name }) else { return }
        create(WorkspaceClaim.make(run, spec.workspace))
    }

    /// Shows the cause that holds a pod up, and gives up on what a person must repair.
    mutating func watch(_ pod: PodOutcome?, since: Timestamp) {
        guard case .blocked(let reason, let message) = pod else {
            if status.reason.map(PodOutcome.blockReasons.contains) == true {
                status.reason = nil
                status.message = nil
            }
            return
        }
        status.reason = reason
        status.message = Wording.bounded(message)
        let left = settings.startFailureSeconds.addingClamped(-max(0, now.seconds(since: since)))
        if left <= 0 {
            end(.failed, reason: reason, message: message)
        } else {
            wake(after: left)
        }
    }

    private mutating func finish(_ stage: TrainingJobPhase, _ report: StageReport) {
        switch stage {
        case .validating:
            status.dataset = merged(status.dataset, report.dataset)
            advance(to: .preprocessing)
        case .preprocessing:
            status.dataset = merged(status.dataset, report.dataset)
            advance(to: .preparing)
        case .preparing: finishPreparing(report)
        case .uploading:
            guard let output = report.output, isOwn(output.storageUri) else {
                return retry(invalidReport("names no model of this run"), limit: settings.uploading)
            }
            status.output = output
            advanceAfterUploading()
        case .registering:
            guard let model = report.registeredModel else {
                return retry(invalidReport("names no model version"), limit: settings.registering)
            }
            status.registeredModel = model
            complete()
        case .pending, .queued, .training, .evaluating, .completed, .suspended, .evalFailed, .failed,
            .cancelled, .pruned:
            break
        }
    }

    /// Takes over the checkpoint that `prepare` verified and put in place; training resumes from no other.
    private mutating func finishPreparing(_ report: StageReport) {
        guard (status.trainingAttempts ?? 0) > 0 else {
            status.resume = nil
            return advance(to: .queued)
        }
        if let resume = report.resume, !isCredible(resume) {
            return retry(
                invalidReport("names a checkpoint that is not of this run"), limit: settings.preparing)
        }
        if let step = report.resume?.step, step > status.resume?.step ?? -1 {
            status.fruitlessInterruptions = nil
        }
        status.resume = report.resume
        status.checkpoint = report.resume
        advance(to: .queued)
    }

    private func invalidReport(_ what: String) -> AttemptFailure {
        AttemptFailure(.counted, reason: "InvalidReport", message: "The agent's report \(what)")
    }

    private func merged(_ old: DatasetSummary?, _ new: DatasetSummary?) -> DatasetSummary? {
        guard var result = new else { return old }
        result.sha256 = result.sha256 ?? old?.sha256
        result.modelSha256 = result.modelSha256 ?? old?.modelSha256
        result.records = result.records ?? old?.records
        return result
    }

    func limit(of stage: TrainingJobPhase) -> PlannerSettings.StageLimit {
        switch stage {
        case .validating: settings.validating
        case .preprocessing: settings.preprocessing
        case .preparing: settings.preparing
        case .uploading: settings.uploading
        case .evaluating: settings.evaluating
        case .registering: settings.registering
        case .pending, .queued, .training, .completed, .suspended, .evalFailed, .failed, .cancelled, .pruned:
            settings.training
        }
    }

    func job(named name: String) -> Job? {
        seen.jobs.first { $0.name == name && run.controls($0.metadata) }
    }
}
