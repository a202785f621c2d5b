import AnnealAPI
import KubernetesAPI
import Planning
import Scheduling

/// A cluster in miniature: what the API server stores about one TrainingJob and its children, and what
/// controllers, kubelets, agents and trainers do to it as time passes.
struct World: Sendable {
    /// Objects that the API server stores.
    struct State: Sendable {
        var job: TrainingJob?
        var jobs: [String: Job] = [:]
        var pods: [String: Pod] = [:]
        var claims: [String: PersistentVolumeClaim] = [:]
        var services: [String: Service] = [:]
        var leases: [String: Lease] = [:]
        var evalRuns: [String: EvalRun] = [:]
        /// Claims of the run that this one continues.
        var sourceClaims: [String: PersistentVolumeClaim] = [:]
        var version = 1
    }

    /// Way in which a pod is going to end.
    enum Fate: Hashable, Sendable {
        case success, outOfMemory, exit(Int64), badInput, evicted, vanishes, stopped, unschedulable, noImage
        case silent, accessDenied, secretNotAllowed
        /// Somebody has put the manifest of an attempt that there was not where the model goes.
        case newerAttempt
        /// A node takes the pod and starts none of its containers.
        case stuck
    }

    var state = State()
    var now = Samples.start
    var settings = Samples.settings
    var fates: [String: Fate] = [:]
    /// The fate of a pod that is about to be created.
    var nextFate: @Sendable (Pod) -> Fate = { _ in .success }
    /// Passes a pod needs from its start to its end.
    var trainingPasses = 3
    var commitsCheckpoints = true
    var verdict: EvalRunPhase = .passed
    var perplexity = 10.0
    /// Warnings in the short answer of a trainer that succeeds; nil leaves them out.
    var trainerWarnings: [String]?
    var hasCapacity = true
    /// Whether the scheduler lets go of runs whose budget was used up.
    var hasBudget = false
    /// Summary of the dataset, and warnings, that validation and preprocessing report.
    var datasetReport = StageReport(reason: StageReport.succeeded)
    /// Checkpoints with a manifest in S3.
    var committed: [CheckpointReference] = []
    /// Whether the volume holds steps or a model that S3 does not.
    var hasUnsavedWork = false
    /// UIDs of what the operator created since it was started.
    var ownUIDs: Set<String> = []
    /// The run that this one continues.
    var source: TrainingJob?
    var secret = "first"
    var events: [EventNote] = []
    /// Kubelets' events on the start of pods, by the pod's UID.
    var starts: [String: StartEvent] = [:]
    /// Nodes for which volumes were made and that are gone.
    var goneNodes: Set<String> = []
    /// Zones of nodes with GPUs.
    var zones = VolumeZones()
    /// Names ever created; none may come twice once the status has noted it.
    var created: Set<ChildIdentity> = []
    var violations: [String] = []
    /// Attempts that may write to folders of the volume, by folder.
    private var writers: [String: String] = [:]
    /// Times at which each pod that holds GPUs was bound and ended, by UID, with the GPUs that it held.
    var held: [String: (gpus: Int, from: Timestamp, to: Timestamp?)] = [:]
    /// UIDs of pods whose end was waited for in vain.
    var givenUp: Set<String> = []
    /// Status of a run that is gone, as it was last.
    var lastStatus: TrainingJobStatus?
    private var touched: [String: Pod] = [:]
    private var ages: [String: Int] = [:]
    private var counter = 0

    init(_ job: TrainingJob) { state.job = job }

    var status: TrainingJobStatus? { state.job?.status }
    /// Whether a Job of that name was ever created.
    func hasCreated(_ job: String) -> Bool {
        created.contains { $0.type == Job.resourceType && $0.key.name == job }
    }
    var phase: TrainingJobPhase? { status?.phase }

    // MARK: Observing

    func observation(of state: State? = nil) -> TrainingJobObservation? {
        let state = state ?? self.state
        guard let job = state.job else { return nil }
        var observation = TrainingJobObservation(run: job, now: now, settings: settings)
        observation.jobs = state.jobs.values.sorted { $0.name < $1.name }
        observation.pods = state.pods.values.sorted { $0.name < $1.name }
        observation.claims = Array(state.claims.values)
        observation.services = Array(state.services.values)
        observation.leases = Array(state.leases.values)
        // The observer misses nothing here: it sees each sign of life as it comes.
        let renewals = state.leases.values.compactMap { $0.spec?.renewTime?.timestamp }
        let starts = state.pods.values.compactMap {
            $0.status?.containerStatuses?.first { $0.name == "trainer" }?.state?.running?.startedAt
        }
        observation.signOfLifeSeen = (renewals + starts).max()
        observation.starts = self.starts
        observation.goneNodes = goneNodes
        observation.zones = zones
        observation.ownUIDs = ownUIDs
        observation.seals = Seals(secret: secret)
        observation.evalRuns = Array(state.evalRuns.values)
        observation.source = source
        observation.sourceClaims = Array(state.sourceClaims.values)
        return observation
    }

    // MARK: Writing, as the API server takes it

    /// Writes a status; false where the version is not the stored one.
    mutating func write(_ status: TrainingJobStatus, version: String?) -> Bool {
        guard state.job?.metadata.resourceVersion == version else { return false }
        state.job?.status = status
        touchRun()
        return true
    }

    mutating func touchRun() {
        state.version += 1
        state.job?.metadata.resourceVersion = String(state.version)
    }

    /// Deletes the run as a user does: where a finalizer holds it, it is only marked.
    mutating func deleteRun() {
        let deletion = state.job?.metadata.deletionTimestamp ?? now
        state.job?.metadata.deletionTimestamp = deletion
        touchRun()
        dropRunIfFree()
    }

    /// Drops a run that is being deleted and that no finalizer holds any more.
    mutating func dropRunIfFree() {
        guard let job = state.job, job.metadata.deletionTimestamp != nil,
            job.metadata.finalizers?.isEmpty != false
        else { return }
        lastStatus = job.status
        state.job = nil
    }

    mutating func changeSpec(_ change: (inout TrainingJobSpec) -> Void) {
        guard var job = state.job else { return }
        change(&job.spec)
        job.metadata.generation = (job.metadata.generation ?? 0) + 1
        state.job = job
        touchRun()
    }

    mutating func create(_ child: Child) {
        let name = child.key.name
        if exists(child.identity) { return }
        // A child that was lost before it was noted may come again; it is the same, and alone.
        let isNoted = status?.current?.launchedAt != nil
        if isNoted, created.contains(child.identity) {
            violations.append("\(child.identity) was created twice")
        }
        created.insert(child.identity)
        defer { ownUIDs.formUnion(uid(child.identity).map { [$0] } ?? []) }
        checkExclusive(child)
        switch child.object {
        case var job as Job:
            stamp(&job.metadata)
            state.jobs[name] = job
        case var pod as Pod:
            stamp(&pod.metadata)
            pod.status = PodStatus(phase: "Pending")
            fates[name] = nextFate(pod)
            state.pods[name] = pod
        case var claim as PersistentVolumeClaim:
            stamp(&claim.metadata)
            state.claims[name] = claim
        case var service as Service:
            stamp(&service.metadata)
            state.services[name] = service
        case var lease as Lease:
            stamp(&lease.metadata)
            state.leases[name] = lease
        case var run as EvalRun:
            stamp(&run.metadata)
            state.evalRuns[name] = run
        default: violations.append("\(child.identity) is of a kind that no run creates")
        }
    }

    mutating func delete(_ reference: ChildReference, now immediately: Bool) {
        let name = reference.key.name
        guard uid(reference.identity) == reference.uid else { return }
        switch reference.type {
        case Job.resourceType:
            state.jobs[name] = nil
            for pod in state.pods.values where pod.metadata.controller?.uid == reference.uid {
                terminate(pod.name)
            }
        case Pod.resourceType:
            if immediately || state.pods[name]?.isDone == true {
                remove(name)
            } else {
                terminate(name)
            }
        case PersistentVolumeClaim.resourceType:
            if hasUnsavedWork, state.job != nil {
                violations.append("the only copy was deleted with \(name)")
            }
            state.claims[name] = nil
        case Service.resourceType: state.services[name] = nil
        case Lease.resourceType: state.leases[name] = nil
        case EvalRun.resourceType: state.evalRuns[name] = nil
        default: violations.append("\(reference.identity) was deleted, and is of a kind that no run creates")
        }
    }

    /// Passes a claim of the continued run on to this one, as a patch of its owner does.
    private mutating func passOn(_ reference: ChildReference, _ patch: JSONValue) {
        let name = reference.key.name
        let owner = patch[path: ["metadata", "ownerReferences"]]?.arrayValue?.first?["uid"]?.stringValue
        // One that was made for an older state is a conflict.
        guard state.claims[name]?.metadata.uid != reference.uid else { return }
        guard var claim = state.sourceClaims[name], claim.metadata.uid == reference.uid,
            owner == state.job?.metadata.uid
        else {
            violations.append("\(reference.identity) was patched, and is no claim to pass on")
            return
        }
        claim.metadata.ownerReferences = state.job?.controllerReference.map { [$0] }
        state.sourceClaims[name] = nil
        state.claims[name] = claim
    }

    /// Changes a child as a JSON merge patch says. Runs patch nothing but the finalizers of pods, and a claim that
    /// they take over.
    mutating func patch(_ reference: ChildReference, _ patch: JSONValue) {
        if reference.type == PersistentVolumeClaim.resourceType { return passOn(reference, patch) }
        let name = reference.key.name
        guard let pod = state.pods[name], reference.type == Pod.resourceType,
            pod.metadata.uid == reference.uid,
            let finalizers = patch[path: ["metadata", "finalizers"]]?.arrayValue
        else { return }
        touchPods()
        // A conflict: the patch was made for an older state.
        let version = patch[path: ["metadata", "resourceVersion"]]?.stringValue
        guard version == nil || version == state.pods[name]?.metadata.resourceVersion else { return }
        state.pods[name]?.metadata.finalizers = finalizers.compactMap(\.stringValue)
        // Let go before its end: it seems to be on a lost node, and counts up to its deletion.
        if !pod.isDone, pod.status?.startTime != nil { givenUp.insert(reference.uid) }
        if pod.metadata.deletionTimestamp != nil, pod.isDone || pod.status?.phase == "Pending" {
            remove(name)
        }
    }

    /// Gives each pod that has changed since the last call a new version.
    mutating func touchPods() {
        for (name, pod) in state.pods where touched[name] != pod {
            state.version += 1
            state.pods[name]?.metadata.resourceVersion = "p\(state.version)"
            touched[name] = state.pods[name]
        }
    }

    /// A graceful end: the pod goes after its last words.
    mutating func terminate(_ name: String) {
        guard state.pods[name] != nil else { return }
        if state.pods[name]?.isDone == true {
            remove(name)
        } else if state.pods[name]?.metadata.deletionTimestamp == nil {
            state.pods[name]?.metadata.deletionTimestamp = now.advanced(by: 30)
        }
        touchPods()
    }

    /// Takes a pod away, or marks it where a finalizer keeps it.
    mutating func remove(_ name: String) {
        guard state.pods[name]?.metadata.finalizers?.isEmpty == false else { return state.pods[name] = nil }
        let deletion = state.pods[name]?.metadata.deletionTimestamp
        state.pods[name]?.metadata.deletionTimestamp = deletion ?? now
    }

    private func exists(_ identity: ChildIdentity) -> Bool { uid(identity) != nil }

    private func uid(_ identity: ChildIdentity) -> String? {
        let name = identity.key.name
        return switch identity.type {
        case Job.resourceType: state.jobs[name]?.metadata.uid
        case Pod.resourceType: state.pods[name]?.metadata.uid
        case PersistentVolumeClaim.resourceType: state.claims[name]?.metadata.uid
        case Service.resourceType: state.services[name]?.metadata.uid
        case Lease.resourceType: state.leases[name]?.metadata.uid
        case EvalRun.resourceType: state.evalRuns[name]?.metadata.uid
        default: nil
        }
    }

    mutating func stamp(_ metadata: inout ObjectMeta) {
        counter += 1
        metadata.uid = "uid-\(counter)"
        metadata.creationTimestamp = now
    }

    mutating func age(_ name: String) -> Int {
        ages[name, default: 0] += 1
        return ages[name, default: 0]
    }

    /// Checks that attempts never mix: a child that uses the workspace is alone with its own attempt.
    private mutating func checkExclusive(_ child: Child) {
        let label: ([String: String]?) -> String = { labels in
            "\(labels?[Anneal.Label.stage] ?? "")/\(labels?[Anneal.Label.attempt] ?? "")"
        }
        guard child.type == Job.resourceType || child.type == Pod.resourceType else { return }
        let own = label(child.metadata.labels)
        for pod in state.pods.values where !pod.isDone && label(pod.metadata.labels) != own {
            violations.append("\(child.key.name) was created while \(pod.name) still ran")
        }
        checkNumber(child)
        if let pod = child.of(Pod.self) {
            checkResume(pod)
            checkFolders(pod, own)
        }
    }

    /// Checks that no folder of the volume is written to by two training attempts: the pod of the first may live
    /// on, on a node that is cut off.
    private mutating func checkFolders(_ pod: Pod, _ attempt: String) {
        // No other pod has its own volume.
        guard pod.spec?.volumes?.contains(where: { $0.ephemeral != nil }) != true else { return }
        let containers = (pod.spec?.containers ?? []) + (pod.spec?.initContainers ?? [])
        for mount in containers.flatMap({ $0.volumeMounts ?? [] })
        where mount.name == "workspace" && mount.readOnly != true {
            let folder = mount.subPath ?? ""
            let other = writers.updateValue(attempt, forKey: folder) ?? attempt
            if folder.isEmpty || other != attempt {
                violations.append("\(pod.name) may write to the folder '\(folder)' of \(other)")
            }
        }
    }

    /// Checks that an attempt's number is in the status before anything of it exists.
    private mutating func checkNumber(_ child: Child) {
        let attempt = child.metadata.labels?[Anneal.Label.attempt]
        if attempt != status?.current.map({ String($0.attempt) }) {
            violations.append(
                "\(child.key.name) was created while status.current was \(String(describing: status?.current))"
            )
        }
    }

    private mutating func checkResume(_ pod: Pod) {
        let variable = pod.spec?.containers.first?.env?.first { $0.name == EnvironmentName.resumeFrom }
        if variable != nil, status?.resume.map(committed.contains) != true {
            violations.append("\(pod.name) resumes from a checkpoint that is not committed")
        }
        if variable == nil, status?.resume != nil {
            violations.append("\(pod.name) does not resume from what was prepared")
        }
    }
}

extension Pod {
    var isDone: Bool { status?.phase == "Succeeded" || status?.phase == "Failed" }
    var isTrainer: Bool { metadata.labels?[Anneal.Label.stage] == "train" }
}
