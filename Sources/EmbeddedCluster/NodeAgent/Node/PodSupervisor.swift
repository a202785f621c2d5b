import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import Logging
import Scheduling
import ServiceLifecycle
import Synchronization

/// Gives each pod of the node a worker, and each worker the newest version of its pod.
struct PodSupervisor: Sendable {
    private enum Event: Sendable {
        case changed(Pod)
        case gone(Pod)
        case ended(uid: String)
        case shutDown
    }

    let context: NodeContext
    let pods: Informer<Pod>

    private var root: String { "\(context.configuration.stateFolder)/pods" }

    /// Runs until the task is cancelled, or a graceful shutdown is over.
    func run(stopsPods: Bool) async {
        let (events, input) = AsyncStream.makeStream(of: Event.self)
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                var workers: [String: PodWorker] = [:]
                guard (try? await pods.waitUntilSynced()) != nil else { return }
                restore(&workers, &group, input)
                pods.addHandler { change in
                    switch change {
                    case .added(let pod), .updated(_, let pod): input.yield(.changed(pod))
                    case .deleted(let pod): input.yield(.gone(pod))
                    }
                }
                for await event in events {
                    switch event {
                    case .changed(let pod): await take(pod, &workers, &group, input)
                    case .gone(let pod): await workers[pod.metadata.uid ?? ""]?.orphan()
                    case .ended(let uid): workers[uid] = nil
                    case .shutDown:
                        if stopsPods { await end(Array(workers.values)) }
                        group.cancelAll()
                        return
                    }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            input.yield(.shutDown)
        }
    }

    /// Takes over the pods of a former agent; those that are gone from the API are ended.
    private func restore(
        _ workers: inout [String: PodWorker], _ group: inout DiscardingTaskGroup,
        _ input: AsyncStream<Event>.Continuation
    ) {
        let living = Set(pods.store.list().compactMap(\.metadata.uid))
        for uid in (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [] {
            let folder = PodFolder(path: "\(root)/\(uid)")
            guard let state = try? folder.load() else {
                folder.remove()
                continue
            }
            context.resources.restore(
                pod: uid, address: state.address,
                gpus: state.isFinished ? [] : state.records.values.flatMap(\.gpus))
            let worker = PodWorker(context: context, folder: folder, state: state, wasFinished: false)
            workers[uid] = worker
            start(worker, uid: uid, isOrphan: !living.contains(uid), &group, input)
        }
    }

    private func start(
        _ worker: PodWorker, uid: String, isOrphan: Bool, _ group: inout DiscardingTaskGroup,
        _ input: AsyncStream<Event>.Continuation
    ) {
        group.addTask {
            if isOrphan { await worker.orphan() }
            await worker.run()
            input.yield(.ended(uid: uid))
        }
    }

    private func take(
        _ pod: Pod, _ workers: inout [String: PodWorker], _ group: inout DiscardingTaskGroup,
        _ input: AsyncStream<Event>.Continuation
    ) async {
        guard let uid = pod.metadata.uid, Self.isFolderName(uid) else { return }
        if let worker = workers[uid] {
            await worker.update(pod)
            return
        }
        guard let address = context.resources.address(for: uid) else {
            context.logger.error("no pod address is left on this node", metadata: ["pod": "\(pod.key)"])
            return
        }
        let state = NewPod.state(
            of: pod, address: address, configuration: context.configuration, now: context.clock.now)
        let folder = PodFolder(path: "\(root)/\(uid)")
        let worker = PodWorker(
            context: context, folder: folder, state: state, wasFinished: pod.isFinished)
        workers[uid] = worker
        start(worker, uid: uid, isOrphan: false, &group, input)
    }

    /// Whether a UID is safe as the name of a folder.
    private static func isFolderName(_ uid: String) -> Bool {
        !uid.isEmpty && uid.utf8.count <= 128
            && uid.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
                    || (0x41...0x5A).contains(byte)
            }
    }

    /// Ends all pods, and waits until their statuses are written, 35 seconds at most.
    private func end(_ workers: [PodWorker]) async {
        for worker in workers { await worker.shutDown() }
        let deadline = context.clock.milliseconds() + 35_000
        while context.clock.milliseconds() < deadline {
            var remaining = 0
            for worker in workers where await !worker.isSettled { remaining += 1 }
            if remaining == 0 { return }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// A pod that this node sees for the first time.
enum NewPod {
    static func state(of pod: Pod, address: String, configuration: NodeConfiguration, now: Timestamp)
        -> PodState
    {
        let extended = pod.addingServiceAccountToken()
        let containers = (extended.spec?.initContainers ?? []) + (extended.spec?.containers ?? [])
        var state = PodState(
            pod: extended, records: [:], address: address, startTime: pod.status?.startTime ?? now, stop: nil,
            isFinished: pod.isFinished)
        for container in containers { state.records[container.name] = ContainerRecord(name: container.name) }
        state.stop = rejection(of: extended, configuration: configuration)
        return state
    }

    /// Reason why this node does not run the pod at all; nil if it does.
    static func rejection(of pod: Pod, configuration: NodeConfiguration) -> StopReason? {
        if !configuration.allowsHostPath,
            let volume = (pod.spec?.volumes ?? []).first(where: { $0.hostPath != nil })
        {
            return .rejected(
                reason: "HostPathForbidden",
                message:
                    "Pod was rejected: volume \"\(volume.name)\" is a hostPath, "
                    + "which this node does not allow; "
                    + "use a persistentVolumeClaim, or start the node with --allow-host-path")
        }
        let hasRun = (pod.status?.containerStatuses ?? []).contains { $0.state?.running != nil }
        if hasRun {
            return .rejected(
                reason: "NodeStateLost",
                message:
                    "Pod was rejected: it ran here before, and this node's state folder no longer knows it")
        }
        return nil
    }
}
