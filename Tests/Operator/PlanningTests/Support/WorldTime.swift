import AnnealAPI
import KubernetesAPI
import Planning

/// Work that the cluster does by itself.
extension World {
    /// Lets time pass, and everyone but the operator act once.
    mutating func tick(seconds: Int64 = 15) {
        now = now.advanced(by: seconds)
        for name in state.jobs.keys.sorted() { runJobController(name) }
        for name in state.pods.keys.sorted() { runPod(name) }
        keepAccounts()
        for name in state.jobs.keys.sorted() { finishJob(name) }
        for name in state.evalRuns.keys.sorted() { runEvaluation(name) }
        touchPods()
    }

    private mutating func runJobController(_ name: String) {
        guard let job = state.jobs[name], job.status == nil else { return }
        let podName = name + "-x"
        var pod = Pod(
            metadata: ObjectMeta(
                name: podName, namespace: "team", labels: job.spec?.template.metadata?.labels,
                ownerReferences: job.controllerReference.map { [$0] }),
            spec: job.spec?.template.spec, status: PodStatus(phase: "Pending"))
        stamp(&pod.metadata)
        fates[podName] = nextFate(pod)
        state.pods[podName] = pod
        state.jobs[name]?.status = JobStatus()
        state.jobs[name]?.status?.active = 1
    }

    /// Notes what pods hold, as their own times say. A pod that vanished held it until now, for all that is
    /// known.
    mutating func keepAccounts() {
        for pod in state.pods.values where pod.isTrainer {
            guard let uid = pod.metadata.uid, let from = pod.status?.startTime else { continue }
            let gpus = pod.spec?.containers.first?.resources?.limits?["nvidia.com/gpu"]?.milliunits ?? 0
            let end = pod.status?.containerStatuses?.compactMap { $0.state?.terminated?.finishedAt }.max()
            held[uid] = (Int(gpus / 1000), from, pod.isDone ? end ?? now : nil)
        }
    }

    /// GPU-seconds of all pods that have ended; nil where the end of one was not to be seen.
    var gpuSecondsHeld: Int64? {
        guard givenUp.isEmpty else { return nil }
        let living = Set(state.pods.values.compactMap(\.metadata.uid))
        var seconds: Int64 = 0
        for (uid, time) in held {
            guard let to = time.to else {
                if living.contains(uid) { continue } else { return nil }
            }
            seconds += to.seconds(since: time.from) * Int64(time.gpus)
        }
        return seconds
    }

    private mutating func runPod(_ name: String) {
        guard let pod = state.pods[name], !pod.isDone else { return }
        if let end = pod.metadata.deletionTimestamp {
            // The last words of a trainer: a checkpoint, which the sidecar still commits.
            if pod.isTrainer, pod.status?.phase == "Running" { flush(pod) }
            if now >= end {
                // A pod that no node took ends without a word; the others end as containers that are stopped
                // do.
                if pod.status?.startTime != nil { finish(name, exitCode: 143) }
                remove(name)
            }
            return
        }
        let fate = fates[name] ?? .success
        let age = age(name)
        switch (pod.status?.phase, age) {
        case ("Pending", _) where fate == .unschedulable:
            condition(name, "PodScheduled", .false, reason: "Unschedulable")
        case ("Pending", 1):
            state.pods[name]?.status?.startTime = now
            condition(name, "PodScheduled", .true, reason: nil)
            if fate == .noImage {
                state.pods[name]?.status?.containerStatuses = [
                    ContainerStatus(
                        name: pod.mainName,
                        state: ContainerState(
                            waiting: ContainerStateWaiting(reason: "ErrImagePull", message: "no such image")))
                ]
            }
        case ("Pending", _) where fate == .noImage || fate == .stuck: break
        case ("Pending", _):
            state.pods[name]?.status?.phase = "Running"
            state.pods[name]?.status?.containerStatuses = [
                ContainerStatus(
                    name: pod.mainName, state: ContainerState(running: ContainerStateRunning(startedAt: now)))
            ]
        default:
            if pod.isTrainer { work(pod, age) }
            if age >= (pod.isTrainer ? trainingPasses + 2 : 3) { end(pod, fate) }
        }
    }

    private mutating func condition(
        _ name: String, _ type: String, _ status: Condition.Status, reason: String?
    ) {
        let known = state.pods[name]?.status?.conditions?.first { $0.type == type }
        guard known?.status != status else { return }
        state.pods[name]?.status?.conditions = [
            PodCondition(type: type, status: status, reason: reason, lastTransitionTime: now)
        ]
    }

    /// Lets the trainer train and the sidecar report.
    private mutating func work(_ pod: Pod, _ age: Int) {
        guard pod.metadata.labels?[Anneal.Label.nodeRank] == "0", let lease = leaseName(pod),
            fates[pod.name] != .silent
        else { return }
        var time = state.leases[lease]?.spec ?? LeaseSpec()
        time.renewTime = MicroTime(seconds: now.seconds)
        state.leases[lease]?.spec = time
        var annotations = state.leases[lease]?.metadata.annotations ?? [:]
        annotations[HeartbeatAnnotation.attempt] = pod.metadata.labels?[Anneal.Label.attempt]
        annotations[HeartbeatAnnotation.progress] = "{\"step\":\(age),\"totalSteps\":100,\"loss\":1.5}"
        state.leases[lease]?.metadata.annotations = annotations
        hasUnsavedWork = true
        if age % 2 == 1 { commitCheckpoint(pod) }
    }

    /// The sidecar's last words, after the trainer's: all that is finished is in S3.
    private mutating func flush(_ pod: Pod) {
        commitCheckpoint(pod)
        guard commitsCheckpoints, let lease = leaseName(pod),
            pod.metadata.labels?[Anneal.Label.nodeRank] == "0"
        else { return }
        state.leases[lease]?.metadata.annotations?[HeartbeatAnnotation.flushed] = "true"
    }

    mutating func commitCheckpoint(_ pod: Pod) {
        guard commitsCheckpoints, pod.metadata.labels?[Anneal.Label.nodeRank] == "0", let run = state.job,
            let attempt = pod.metadata.labels?[Anneal.Label.attempt].flatMap({ Int($0) }),
            let lease = leaseName(pod)
        else { return }
        let step = (committed.last?.step ?? 0) + 10
        let root = ArtifactLayout.root(artifacts: run.spec.artifacts.storageUri, uid: run.metadata.uid ?? "")
        let checkpoint = CheckpointReference(
            step: step, attempt: attempt,
            storageUri: ArtifactLayout.checkpoint(root: root, attempt: attempt, step: step),
            manifestSha256: Samples.sha)
        committed.append(checkpoint)
        hasUnsavedWork = false
        state.leases[lease]?.metadata.annotations?[HeartbeatAnnotation.checkpoint] =
            (try? JSONValue(encoding: checkpoint).text) ?? ""
    }

    private func leaseName(_ pod: Pod) -> String? {
        let attempt = pod.metadata.labels?[Anneal.Label.attempt] ?? ""
        return state.leases.keys.first { $0.hasSuffix("-train-\(attempt)") }
    }

    mutating func end(_ pod: Pod, _ fate: Fate) {
        if pod.isTrainer, ![.vanishes, .silent, .success].contains(fate) { flush(pod) }
        // The final model is nowhere else yet.
        if pod.isTrainer, fate == .success { hasUnsavedWork = true }
        switch fate {
        case .success: finish(pod.name, exitCode: 0, message: successMessage(pod))
        case .outOfMemory: finish(pod.name, exitCode: 137, reason: "OOMKilled")
        case .exit(let code): finish(pod.name, exitCode: code, message: "Traceback: it broke")
        case .badInput:
            finish(
                pod.name, exitCode: 2, message: #"{"reason":"DatasetNotFound","message":"no such object"}"#)
        case .accessDenied:
            finish(
                pod.name, exitCode: 2,
                message:
                    #"{"reason":"AccessDenied","message":"access to bucket 'artifacts' is denied","retryable":false}"#
            )
        case .newerAttempt:
            finish(
                pod.name, exitCode: 2,
                message: #"{"reason":"NewerAttempt","message":"holds attempt 99","isRetryable":false}"#)
        case .secretNotAllowed:
            finish(
                pod.name, exitCode: 2,
                message:
                    #"{"reason":"SecretNotAllowed","message":"Secret 's3' does not say","isRetryable":false}"#
            )
        case .stopped: finish(pod.name, exitCode: 75)
        case .evicted:
            finish(pod.name, exitCode: 143)
            state.pods[pod.name]?.status?.conditions = [
                PodCondition(type: "DisruptionTarget", status: .true, reason: "EvictionByEvictionAPI")
            ]
        case .vanishes: state.pods[pod.name] = nil
        case .unschedulable, .noImage, .silent, .stuck: break
        }
    }

    private mutating func finish(
        _ name: String, exitCode: Int64, reason: String? = nil, message: String? = nil
    ) {
        guard let pod = state.pods[name] else { return }
        state.pods[name]?.status?.phase = exitCode == 0 ? "Succeeded" : "Failed"
        state.pods[name]?.status?.containerStatuses = [
            ContainerStatus(
                name: pod.mainName,
                state: ContainerState(
                    terminated: ContainerStateTerminated(
                        exitCode: exitCode, reason: reason ?? (exitCode == 0 ? "Completed" : "Error"),
                        message: message,
                        finishedAt: now)))
        ]
    }

    private mutating func successMessage(_ pod: Pod) -> String {
        guard let run = state.job else { return "" }
        let root = ArtifactLayout.root(artifacts: run.spec.artifacts.storageUri, uid: run.metadata.uid ?? "")
        var report = StageReport(reason: StageReport.succeeded)
        switch pod.metadata.labels?[Anneal.Label.stage] {
        case "validate", "preprocess":
            report = datasetReport
            report.dataset = report.dataset ?? DatasetSummary()
            report.dataset?.sha256 = Samples.sha
            report.dataset?.records = 100
            if pod.metadata.labels?[Anneal.Label.stage] == "preprocess" {
                report.dataset?.processedManifestSha256 = Samples.sha
            }
        case "prepare":
            // What an earlier attempt had not committed is given up with its folder.
            hasUnsavedWork = false
            report.resume =
                (run.status?.trainingAttempts ?? 0) > 0
                ? committed.last : run.status?.continuedFrom?.checkpoint
        case "upload":
            hasUnsavedWork = false
            report.output = ModelReference(storageUri: root + "/model", manifestSha256: Samples.sha)
        case "register": report.registeredModel = RegisteredModel(name: "assistant", version: "1")
        case "train":
            var summary: JSONValue = ["initialEvalLoss": 2.5, "finalEvalLoss": 1.25, "steps": 100]
            if let trainerWarnings { summary["warnings"] = .array(trainerWarnings.map(JSONValue.string)) }
            return summary.text
        default: break
        }
        return (try? JSONValue(encoding: report).text) ?? ""
    }

    private mutating func finishJob(_ name: String) {
        guard let job = state.jobs[name], job.status?.conditions == nil, job.status != nil else { return }
        let pod = state.pods.values.first { $0.metadata.controller?.uid == job.metadata.uid }
        let started = job.metadata.creationTimestamp ?? now
        let type: String
        var reason: String?
        if pod?.status?.phase == "Succeeded" {
            type = "Complete"
        } else if pod == nil || pod?.status?.phase == "Failed" {
            (type, reason) = ("Failed", "BackoffLimitExceeded")
        } else if now.seconds(since: started) > job.spec?.activeDeadlineSeconds ?? .max {
            (type, reason) = ("Failed", "DeadlineExceeded")
            if let pod { terminate(pod.name) }
        } else {
            return
        }
        state.jobs[name]?.status?.conditions = [
            JobCondition(type: type, status: .true, reason: reason, lastTransitionTime: now)
        ]
    }

    private mutating func runEvaluation(_ name: String) {
        guard state.evalRuns[name]?.status?.phase.isTerminal != true, age(name) >= 3 else { return }
        var status = EvalRunStatus(phase: verdict)
        var suite = SuiteStatus(name: "quality", attempt: 1)
        suite.metrics = ["perplexity": perplexity]
        status.suites = [suite]
        status.results = [
            ThresholdResult(
                metric: "quality/perplexity", min: nil, max: 20, value: perplexity, passed: verdict == .passed
            )
        ]
        state.evalRuns[name]?.status = status
    }
}

extension Pod {
    var mainName: String { spec?.containers.first?.name ?? "main" }
}
