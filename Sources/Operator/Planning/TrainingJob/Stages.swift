import AnnealAPI
import KubernetesAPI

extension TrainingJobDraft {
    /// Begins an attempt of a stage: its number is in the status before anything of it exists.
    mutating func begin(
        _ stage: TrainingJobPhase, after seconds: Int64 = 0, failures: Int = 0, interruptions: Int = 0
    ) {
        var records = status.stages ?? []
        let index = records.firstIndex { $0.name == stage } ?? records.endIndex
        if index == records.endIndex { records.append(StageRecord(name: stage, startedAt: now, attempts: 0)) }
        let known = max(0, records[index].attempts)
        let attempt = (stage == .training ? max(known, status.trainingAttempts ?? 0) : known).next
        records[index].attempts = attempt
        records[index].finishedAt = nil
        status.stages = records
        if stage == .training { status.trainingAttempts = attempt }
        var current = StageAttempt(
            stage: stage, attempt: attempt, startedAt: now,
            notBefore: seconds > 0 ? now.advanced(by: seconds) : nil)
        current.seal = Seals.digest(word(of: current))
        current.failures = failures > 0 ? failures : nil
        current.interruptions = interruptions > 0 ? interruptions : nil
        status.current = current
        status.phase = stage
        status.reason = nil
        status.message = nil
    }

    /// The present stage is done: on to `next`.
    mutating func advance(to next: TrainingJobPhase) {
        closeRecord()
        begin(next)
        note(.normal, next.rawValue, "Begins \(next.rawValue), attempt \(status.current?.attempt ?? 1)")
    }

    /// The stage that follows what has just been reached.
    mutating func advanceAfterUploading() {
        guard spec.evaluation != nil, !hasVerdict else { return advanceAfterEvaluating() }
        status.evaluation = nil
        advance(to: .evaluating)
    }

    mutating func advanceAfterEvaluating() {
        if spec.registration != nil {
            advance(to: .registering)
        } else {
            complete()
        }
    }

    mutating func complete() {
        let leftOut = status.output?.leftOut.map { "; not uploaded: \($0)" } ?? ""
        end(
            .completed, reason: "Succeeded",
            message: "The model is at \(status.output?.storageUri ?? "its place")\(leftOut)")
    }

    /// Begins another attempt of the present stage after one failed, as often as `limit` allows.
    mutating func retry(_ failure: AttemptFailure, limit: PlannerSettings.StageLimit) {
        let current = status.current
        var failures = max(0, current?.failures ?? 0)
        var interruptions = max(0, current?.interruptions ?? 0)
        // What was trained waits for its outside: the completion deadline is the only limit then.
        let isPatient = status.completingSince != nil && status.phase != .evaluating
        switch failure.kind {
        case .terminal where !isPatient || !AttemptFailure.outsideReasons.contains(failure.reason):
            return end(.failed, reason: failure.reason, message: failure.message)
        case .interrupted where interruptions.next < settings.maxFruitlessInterruptions:
            interruptions = interruptions.next
        case .interrupted, .counted, .terminal:
            failures = failures.next
            if failures >= limit.attempts, !isPatient {
                let attempts = failures == 1 ? "1 attempt" : "\(failures) attempts"
                return end(
                    .failed, reason: failure.reason, message: "\(failure.message) (after \(attempts))")
            }
        }
        let wait = settings.backoff(
            failures: max(failures, interruptions), factor: limit.backoffFactor)
        begin(status.phase, after: wait, failures: failures, interruptions: interruptions)
        explain(failure)
    }

    /// Says in the status and in an event why there is another attempt.
    mutating func explain(_ failure: AttemptFailure) {
        status.reason = failure.reason
        status.message = failure.message
        note(.warning, failure.reason, failure.message)
    }

    /// Notes that all of the attempt's objects were seen: from here on what is missing was lost, and what has
    /// their names and other UIDs is somebody else's.
    mutating func noteLaunch(_ children: [ObjectMeta]) {
        let time = now
        let known = children.compactMap { child in child.uid.map { (child.name ?? "", $0) } }
        status.current?.launchedAt = time
        status.current?.children = Dictionary(known) { first, _ in first }
    }

    /// Whether the object of the present attempt is the one that was created for it.
    func isOwn(_ child: ObjectMeta) -> Bool {
        let current = status.current
        return isOwn(
            child, noted: current?.children?[child.name ?? ""],
            seal: current?.launchedAt == nil ? current?.seal : nil)
    }

    /// The word of the attempt's seal; nil where this process does not know it. The attempt is sealed anew then,
    /// and what exists of it is noted, so that the next pass creates the rest.
    mutating func sealWord(besides existing: [ObjectMeta] = []) -> String? {
        guard let current = status.current else { return nil }
        let word = word(of: current)
        guard current.seal != Seals.digest(word) else { return word }
        let known = existing.filter { isOwn($0) }.compactMap { child in
            child.uid.map { (child.name ?? "", $0) }
        }
        if !known.isEmpty { status.current?.children = Dictionary(known) { first, _ in first } }
        status.current?.seal = Seals.digest(word)
        return nil
    }

    private func word(of current: StageAttempt) -> String {
        seen.seals.word("\(run.uid)/\(current.stage.rawValue)/\(current.attempt)")
    }

    /// Waits for an object to go that has the name of a child and is not the run's own; true if there is one.
    mutating func waitsForForeign(_ children: [ObjectMeta]) -> Bool {
        guard let foreign = children.first(where: { run.controls($0) && !isOwn($0) }) else { return false }
        waitForForeign("Object \(foreign.name ?? "")")
        return true
    }

    mutating func closeRecord(failure: String? = nil) {
        let time = now
        changeRecord(of: status.current?.stage) { record in
            record.finishedAt = record.finishedAt ?? time
            if let failure { record.lastFailure = Wording.bounded(failure) }
        }
    }

    mutating func recordFailure(_ failure: AttemptFailure, of stage: TrainingJobPhase) {
        changeRecord(of: stage) { $0.lastFailure = "\(failure.reason): \(failure.message)" }
    }

    private mutating func changeRecord(of stage: TrainingJobPhase?, _ change: (inout StageRecord) -> Void) {
        var records = status.stages ?? []
        guard let index = records.firstIndex(where: { $0.name == stage }) else { return }
        change(&records[index])
        status.stages = records
    }
}

// MARK: Stages that run as CPU Jobs

extension TrainingJobDraft {
    /// Makes one pass of a stage that runs as a CPU Job.
    mutating func runJob(of stage: TrainingJobPhase) {
        guard let current = status.current, current.stage == stage else { return begin(stage) }
        // The training pod fills its own volume; a checkpoint to go on from is looked for before.
        if stage == .preparing, spec.hasOwnVolume, (status.trainingAttempts ?? 0) == 0,
            status.continuedFrom?.checkpoint == nil
        {
            return finishPreparing(StageReport(reason: StageReport.succeeded))
        }
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
        let outcome = job.outcome(pods: seen.pods, starts: seen.starts, now: now, settings: settings)
        // A Job without a pod has done nothing yet: were it lost, the same could take its place.
        if current.launchedAt == nil, outcome != .running(nil) { noteLaunch([job.metadata]) }
        switch outcome {
        case .running(.starting(let trouble)):
            if replacesLostVolume(Wait(.starting(trouble))) { return }
            watch(trouble, of: stage, since: current.launchedAt ?? now)
        case .running(nil):
            let event = job.metadata.uid.flatMap { seen.starts[$0] }
            show(
                job.startTrouble(event, serviceAccount: settings.agentServiceAccount),
                launchedAt: current.launchedAt ?? now)
        case .running(let pod):
            if replacesLostVolume(Wait(pod)) { return }
            watch(pod, since: current.launchedAt ?? now)
        case .settling(let seconds): wake(after: seconds)
        case .succeeded(let report): finish(stage, report)
        case .failed(let failure):
            recordFailure(failure, of: stage)
            retry(failure, limit: limit)
        }
    }

    private mutating func launchJob(of stage: TrainingJobPhase, _ current: StageAttempt) {
        if let start = current.notBefore, start > now { return wake(after: start.seconds(since: now)) }
        let name = StageJob.name(run, stage, attempt: current.attempt)
        if waitsForForeign(seen.jobs.filter { $0.name == name }.map(\.metadata)) { return }
        if replacesLostVolume() { return }
        // Two attempts must never write to one workspace.
        guard !hasUnfinishedPods else { return wake(after: settings.queuePollSeconds) }
        let builder = StageJob(
            run: run, spec: spec, status: status, settings: settings, avoidedNodes: avoidedNodes,
            zones: seen.zones)
        guard let job = builder.make(stage, attempt: current.attempt) else {
            return end(
                .failed, reason: "InvalidSpec",
                message:
                    "The configuration of \(stage.rawValue) can't be written as JSON: a number is not finite")
        }
        guard let word = sealWord() else { return }
        // What is to be uploaded is on a volume that is there.
        if stage == .preprocessing || stage == .preparing { createClaimIfMissing() }
        create(job, needs: made, sealedBy: word)
    }

    mutating func createClaimIfMissing() {
        let name = claimName
        guard !spec.hasOwnVolume, !seen.claims.contains(where: { $0.name == name }) else { return }
        create(WorkspaceClaim.make(name, of: run, spec.workspace))
    }

    /// Watches a pod of a stage that a node took and that does not start: another node has its turn after a while,
    /// where that can help.
    private mutating func watch(_ trouble: StartTrouble, of stage: TrainingJobPhase, since: Timestamp) {
        guard let failure = failure(of: trouble, launchedAt: since, patience: startupTimeout) else { return }
        switch failure.kind {
        case .terminal where status.completingSince != nil:
            // A Secret that is rotated may be away for a while; the stage's own limit makes another attempt.
            status.reason = failure.reason
            status.message = failure.message
            wake(after: settings.startFailureSeconds)
        case .terminal: end(.failed, reason: failure.reason, message: failure.message)
        case .interrupted, .counted:
            avoid(trouble)
            recordFailure(failure, of: stage)
            retry(failure, limit: limit(of: stage))
        }
    }

    /// Shows why a pod has no node.
    mutating func watch(_ pod: PodOutcome?, since: Timestamp) {
        switch pod {
        case .unscheduled(let start, let words):
            let left = now.left(of: settings.silentWaitSeconds, since: max(since, start ?? since))
            guard left <= 0 else { return wake(after: left) }
            // The scheduler's words change with each look that it takes: the first ones stay.
            guard status.reason != "Unschedulable" else { return }
            status.reason = "Unschedulable"
            status.message = Wording.bounded(unschedulable(words))
        case .starting: break
        case .active, .succeeded, .ended, nil:
            if status.reason.map(PodOutcome.blockReasons.contains) == true {
                status.reason = nil
                status.message = nil
            }
        }
    }

    /// The scheduler's words, and what they do not say of a volume that is not there.
    private func unschedulable(_ words: String?) -> String {
        let text = "No node takes the pod: \(words ?? "no scheduler has looked at it")"
        let name = claimName
        guard let claim = seen.claims.first(where: { $0.name == name }), claim.status?.phase == "Pending"
        else {
            return text
        }
        let className =
            spec.workspace?.storageClassName.map { "StorageClass \($0)" } ?? "the default StorageClass"
        return
            "\(text); PersistentVolumeClaim \(name) has no volume yet: check that \(className) exists and can "
            + "make one"
    }

    private mutating func finish(_ stage: TrainingJobPhase, _ report: StageReport) {
        warn(report.warnings)
        switch stage {
        case .validating:
            // What a continued run processed was validated then.
            if status.dataset?.processedManifestSha256 == nil {
                status.dataset = merged(status.dataset, report.dataset)
            }
            advanceAfterValidating()
        case .preprocessing:
            var dataset = merged(status.dataset, report.dataset)
            let wasWritten = dataset?.processedManifestSha256 != nil
            dataset?.processedStorageUri = wasWritten ? ArtifactLayout.data(root: root) : nil
            status.dataset = dataset
            advance(to: .preparing)
        case .preparing: finishPreparing(report)
        case .uploading:
            guard var output = report.output, isOwn(output.storageUri) else {
                return retry(invalidReport("names no model of this run"), limit: settings.uploading)
            }
            output.leftOut = output.leftOut.map(Wording.bounded)
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
        // What an earlier attempt left was committed before the folder was cleared.
        if status.holdsOnlyCopy == true { status.holdsOnlyCopy = false }
        guard (status.trainingAttempts ?? 0) > 0 || status.continuedFrom?.checkpoint != nil else {
            status.resume = nil
            return advance(to: .queued)
        }
        if let resume = report.resume, !isCredible(resume), !isInherited(resume) {
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
        result.modelStorageUri = result.modelStorageUri ?? old?.modelStorageUri
        result.processedStorageUri = old?.processedStorageUri
        result.records = result.records ?? old?.records
        result.files = result.files ?? old?.files
        result.filesFound = result.filesFound ?? old?.filesFound
        return result
    }

    /// Tells what an agent warns of by events, and by a condition that stays with the run.
    private mutating func warn(_ warnings: [StageWarning]?) {
        guard let warnings = warnings?.prefix(4), let first = warnings.first else { return }
        for warning in warnings { note(.warning, Wording.reason(warning.reason), warning.message) }
        set(
            "DataQuestionable", true, reason: Wording.reason(first.reason),
            message: Wording.bounded(warnings.map(\.message).joined(separator: "; ")))
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
        seen.jobs.first { $0.name == name && isOwn($0.metadata) }
    }
}
