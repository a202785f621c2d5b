import FoundationEssentials
import Glibc
import KubernetesAPI
import Logging

/// Brings one pod into the state that its object asks for: it observes, decides with `PodSituation`, acts and
/// reports.
///
/// It never waits for a process. It looks again after the poll interval, so that a child that hangs holds up
/// nobody.
actor PodWorker {
    let context: NodeContext
    let folder: PodFolder
    var state: PodState
    /// Shims that this agent started itself, by container, which it has to reap.
    var children: [String: pid_t] = [:]
    var stops: [String: ContainerStop] = [:]
    var probes: [String: ContainerProbes] = [:]
    var probeCommands: [ProbeRun] = []
    var pendingHTTPProbes: [HTTPProbe] = []
    var restartsDemanded: Set<String> = []
    /// Instant at which the containers that are ending are killed, in milliseconds; nil if none are.
    var stopDeadline: Int64?
    /// Whether the object is gone from the API: the pod ends quickly and reports nothing.
    var isOrphaned = false
    var isPrepared = false
    /// Host folders of the pod's claims, by claim.
    var claimFolders: [String: String] = [:]
    /// Instant at which the volumes are looked at again, in milliseconds.
    var volumesRefreshAt: Int64 = .max
    /// Tokens that were issued for the pod's volumes.
    var tokens: [ServiceAccountTokenProjection: String] = [:]
    /// Instant at which these are issued anew, in milliseconds.
    var tokensRenewAt: Int64 = 0
    var hostAliases: [HostAlias] = []
    var timelines: [String: LogTimeline] = [:]
    private var published: PodStatus?
    /// Whether the terminal status has been written; nothing follows it.
    private var isReported: Bool
    private var nextSlowLook: Int64 = 0
    private var retryPublishAt: Int64 = 0

    init(context: NodeContext, folder: PodFolder, state: PodState, wasFinished: Bool) {
        self.context = context
        self.folder = folder
        self.state = state
        isReported = wasFinished
    }

    var logger: Logger {
        var logger = context.logger
        logger[metadataKey: "pod"] = "\(state.pod.key)"
        return logger
    }

    var nowMilliseconds: Int64 { context.clock.milliseconds() }
    var now: Timestamp { context.clock.now }
    var hostname: String { String((state.spec.hostname ?? state.pod.name).prefix(63)) }

    /// Takes the newest version of the object.
    func update(_ pod: Pod) {
        guard pod.metadata.uid == state.uid else { return }
        let extended = pod.addingServiceAccountToken()
        guard state.pod != extended else { return }
        state.pod = extended
    }

    /// Notes that the object no longer exists.
    func orphan() { isOrphaned = true }

    /// Ends the pod's containers because the node shuts down.
    func shutDown() {
        guard !state.isFinished, state.stop == nil else { return }
        state.stop = .nodeShutdown
        stopDeadline = nowMilliseconds + 1000 * min(30, state.spec.terminationGracePeriodSeconds ?? 30)
    }

    /// Whether the pod has ended and the API knows it.
    var isSettled: Bool { state.isFinished && isReported || hasLeft }
    private var hasLeft = false

    /// Runs until the pod's object is gone, or the task is cancelled: its processes then go on.
    func run() async {
        restore()
        await withDiscardingTaskGroup { group in
            await lookRepeatedly(probing: &group)
            group.cancelAll()
        }
    }

    private func lookRepeatedly(probing group: inout DiscardingTaskGroup) async {
        while !Task.isCancelled {
            do {
                if try await look() { return }
            } catch is CancellationError {
                return
            } catch {
                logger.warning(
                    "pod could not be looked after; it is tried again", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
            for probe in pendingHTTPProbes {
                group.addTask { [context] in
                    let succeeded = await context.cluster.probe(
                        url: probe.url, timeoutSeconds: probe.timeoutSeconds)
                    await self.record(probe.container, probe.attempt, probe.kind, succeeded: succeeded)
                }
            }
            pendingHTTPProbes = []
            let pause = state.isFinished ? .milliseconds(250) : context.configuration.pollInterval
            try? await Task.sleep(for: pause)
        }
    }

    /// Looks at the pod once; true if nothing of it is left.
    private func look() async throws -> Bool {
        let before = state
        observeContainers()
        refreshHosts()
        await refreshVolumes()
        runProbes()
        decideStop()
        if !state.isFinished { try await act() }
        if state != before {
            try folder.save(state)
            // Followers of a log learn of its end.
            publishLogs()
        }
        for event in PodEvents.between(before, state) {
            await context.cluster.record(state.pod, type: event.type, reason: event.reason, note: event.note)
        }
        if state.isFinished, isOrphaned {
            forget()
            return true
        }
        let isPublished = await publish()
        guard state.isFinished, isPublished, state.pod.metadata.deletionTimestamp != nil else { return false }
        try await context.cluster.confirmDeletion(of: state.pod)
        forget()
        return true
    }

    private func act() async throws {
        let situation = PodSituation(spec: state.spec, records: state.records, stop: state.stop, now: now)
        for step in situation.steps() {
            switch step {
            case .start(let name): try await start(name)
            case .awaitRestart(let name):
                let pod = state.pod.name
                state.records[name]?.awaitRestart(of: pod, now: now)
            case .stop(let name): stop(name)
            case .finish: finish()
            }
        }
        for name in restartsDemanded { stop(name) }
    }

    private func finish() {
        state.isFinished = true
        context.resources.releaseGPUs(of: state.uid)
        for name in state.records.keys { state.records[name]?.gpus = [] }
    }

    private func forget() {
        hasLeft = true
        context.resources.release(state.uid)
        context.logs.remove(state.pod)
        folder.remove()
    }

    /// Sets the reason why the pod has to end, if there is one.
    private func decideStop() {
        if isOrphaned || state.pod.metadata.deletionTimestamp != nil {
            let grace = isOrphaned ? 2 : state.pod.metadata.deletionGracePeriodSeconds ?? 30
            let deadline = nowMilliseconds + 1000 * min(max(0, grace), 86_400)
            if state.stop != .deleted || stopDeadline == nil {
                if !state.isFinished { state.stop = .deleted }
                stopDeadline = min(stopDeadline ?? .max, deadline)
                lastGrace = grace
            } else if grace < lastGrace {
                stopDeadline = min(stopDeadline ?? .max, deadline)
                lastGrace = grace
            }
            return
        }
        guard state.stop == nil, !state.isFinished else { return }
        if let limit = state.spec.activeDeadlineSeconds, now.seconds(since: state.startTime) >= limit {
            state.stop = .deadlineExceeded
        }
        if nowMilliseconds >= nextSlowLook {
            nextSlowLook = nowMilliseconds + 1000
            enforceLimits()
        }
    }

    private var lastGrace: Int64 = .max

    /// Writes the status; true if the API has the present one.
    private func publish() async -> Bool {
        guard !isOrphaned, !isReported else { return true }
        let report = PodStatusReport(
            pod: state.pod, records: state.records, stop: state.stop, isFinished: state.isFinished,
            podIP: state.address, hostIP: NodeContext.hostIP, startTime: state.startTime, now: now,
            lacksVolumes: state.volumeFailure != nil)
        let status = report.status()
        guard status != published else { return true }
        guard nowMilliseconds >= retryPublishAt else { return false }
        do {
            try await context.cluster.publish(status, of: state.pod)
            published = status
            state.pod.status = status
            isReported = state.isFinished
            return true
        } catch {
            retryPublishAt = nowMilliseconds + 1000
            logger.warning("status could not be written; it is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }
}
