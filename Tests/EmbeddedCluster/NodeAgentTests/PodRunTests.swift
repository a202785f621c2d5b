import FoundationEssentials
import Glibc
import KubernetesAPI
import Logging
import Synchronization
import Testing

@testable import NodeAgent

/// A cluster that records the node's requests.
final class RememberingCluster: NodeCluster {
    private let state = Mutex<(statuses: [PodStatus], deleted: Bool, events: [String], tokens: Int)>(
        ([], false, [], 0))
    private let objects: Mutex<NamespaceObjects>

    init(_ given: NamespaceObjects = NamespaceObjects()) { objects = Mutex(given) }

    /// Changes what the cluster has.
    func change(_ change: @Sendable (inout NamespaceObjects) -> Void) { objects.withLock { change(&$0) } }

    var last: PodStatus? { state.withLock { $0.statuses.last } }
    var isDeleted: Bool { state.withLock { $0.deleted } }
    /// The reasons of the events.
    var events: [String] { state.withLock { $0.events.map { String($0.prefix { $0 != ":" }) } } }
    /// Reasons and texts of the events.
    var notes: [String] { state.withLock { $0.events } }

    func objects(namespace: String, configMaps: Set<String>, secrets: Set<String>) async throws
        -> NamespaceObjects
    { objects.withLock { $0 } }
    func folder(ofClaim name: String, namespace: String) async throws -> String {
        throw ConfigurationError("persistentvolumeclaim \"\(name)\" not found")
    }
    /// A new token each time.
    func token(_ projection: ServiceAccountTokenProjection, for pod: Pod) async throws -> String {
        state.withLock { state in
            state.tokens += 1
            return "token-\(state.tokens)"
        }
    }
    func publish(_ status: PodStatus, of pod: Pod) async throws {
        state.withLock { $0.statuses.append(status) }
    }
    func confirmDeletion(of pod: Pod) async throws { state.withLock { $0.deleted = true } }
    func probe(url: String, timeoutSeconds: Int64) async -> Bool { false }
    func record(_ pod: Pod, type: String, reason: String, note: String) async {
        state.withLock { $0.events.append("\(reason): \(note)") }
    }
    func hostAliases(namespace: String) -> [HostAlias] { [HostAlias(address: "127.9.9.9", names: ["peer"])] }
}

/// Pods whose programs run in bubblewrap.
@Suite(
    .enabled(
        if: access("/usr/bin/bwrap", X_OK) == 0, "bubblewrap is not installed: install the package bubblewrap"
    ))
struct PodRunTests {
    let root = "/tmp/anneal-node-tests-\(UInt64.random(in: 0 ... .max))"
    let cluster: RememberingCluster
    let context: NodeContext

    init() {
        cluster = RememberingCluster(
            NamespaceObjects(configMaps: [
                "settings": ConfigMap(metadata: ObjectMeta(name: "settings"), data: ["a.txt": "alpha"]),
                "kube-root-ca.crt": ConfigMap(
                    metadata: ObjectMeta(name: "kube-root-ca.crt"), data: ["ca.crt": "CA"]),
            ]))
        var configuration = NodeConfiguration(
            name: "n1", stateFolder: root,
            images: ImageMap(["sh": ContainerImage(entrypoint: ["/bin/sh", "-c"])]))
        configuration.pollInterval = .milliseconds(20)
        context = NodeContext(
            configuration: configuration, cluster: cluster,
            resources: NodeResources(network: 77, gpuCount: 4),
            layout: HostLayout.probe(), logs: LogDirectory(), clock: .system,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func worker(_ pod: Pod, clock: NodeClock = .system) -> PodWorker {
        var context = context
        context.clock = clock
        let pod = pod.addingServiceAccountToken()
        let records = ((pod.spec?.initContainers ?? []) + (pod.spec?.containers ?? [])).map {
            ContainerRecord(name: $0.name)
        }
        return PodWorker(
            context: context, folder: PodFolder(path: "\(root)/\(pod.metadata.uid ?? "")"),
            state: PodState(
                pod: pod, records: Dictionary(uniqueKeysWithValues: records.map { ($0.name, $0) }),
                address: context.resources.address(for: pod.metadata.uid ?? "") ?? "",
                startTime: context.clock.now,
                stop: nil, isFinished: false),
            wasFinished: false)
    }

    func pod(_ script: String, policy: String = "Never", change: (inout PodSpec) -> Void = { _ in }) -> Pod {
        var spec = PodSpec(containers: [Container(name: "main", image: "sh", args: [script])])
        spec.restartPolicy = policy
        spec.terminationGracePeriodSeconds = 5
        change(&spec)
        var pod = Pod(metadata: ObjectMeta(name: "p", namespace: "ns", labels: ["app": "x"]), spec: spec)
        pod.metadata.uid = "uid-\(UInt64.random(in: 0 ... .max))"
        return pod
    }

    /// Runs the worker until the published status satisfies the condition; 20 s at most.
    func run(_ worker: PodWorker, until isDone: @escaping @Sendable (PodStatus) -> Bool) async -> PodStatus? {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            await wait { cluster.last.map(isDone) ?? false }
            group.cancelAll()
        }
        return cluster.last
    }

    func wait(_ condition: @Sendable () -> Bool) async {
        for _ in 0..<1000 where !condition() { try? await Task.sleep(for: .milliseconds(20)) }
    }

    /// Removes the folder, and ends processes that a failed test left running.
    func remove() {
        for pod in (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [] {
            let folder = PodFolder(path: "\(root)/\(pod)")
            for record in ((try? folder.load())?.records ?? [:]).values {
                folder.process(record.name, attempt: record.attempt).killAll()
            }
        }
        try? FileManager.default.removeItem(atPath: root)
    }

    func log(_ worker: PodWorker, _ container: String = "main", attempt: Int64 = 0) async -> String {
        let folder = await worker.folder
        return ProcessTable.read(folder.process(container, attempt: attempt).log) ?? ""
    }

    @Test
    func `exit code and termination message are reported`() async {
        defer { remove() }
        let status = await run(worker(pod("echo reason > /dev/termination-log; exit 75"))) {
            $0.phase == "Failed"
        }
        let end = status?.containerStatuses?.first?.state?.terminated
        #expect(end?.exitCode == 75)
        #expect(end?.message == "reason\n")
        #expect(end?.reason == "Error")
    }

    @Test
    func `a reader that follows a log learns that its container has ended`() async {
        defer { remove() }
        let pod = pod("echo done")
        _ = await run(worker(pod)) { $0.phase == "Succeeded" }
        guard case .logs(let logs) = context.logs.find(pod.key, container: "main") else {
            Issue.record("the log is not known")
            return
        }
        #expect(!logs.isRunning)
    }

    @Test
    func `a container sees its volumes, its names and nothing else of the host`() async {
        defer { remove() }
        let script = """
            hostname; cat /config/a.txt; echo; cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo
            cat /var/run/secrets/kubernetes.io/serviceaccount/token; echo
            grep peer /etc/hosts; test -e /root/.bashrc && echo sees-root; test -e \(root) && echo sees-state
            touch /usr/x 2>/dev/null && echo wrote-usr; touch /config/x 2>/dev/null && echo wrote-config
            echo data > /scratch/f && cat /scratch/f; id -u; ls /proc | grep -c '^[0-9]'
            """
        let pod = pod(script) { spec in
            spec.volumes = [
                Volume(name: "config", configMap: "settings"),
                Volume(name: "scratch", emptyDir: EmptyDirVolumeSource()),
            ]
            spec.containers[0].volumeMounts = [
                VolumeMount(name: "config", mountPath: "/config"),
                VolumeMount(name: "scratch", mountPath: "/scratch", subPath: "inner"),
            ]
            spec.securityContext = PodSecurityContext()
            spec.securityContext?.runAsNonRoot = true
        }
        let worker = worker(pod)
        _ = await run(worker) { $0.phase == "Succeeded" || $0.phase == "Failed" }
        let lines = await log(worker).split(separator: "\n").map(String.init)
        #expect(lines.prefix(7) == ["p", "alpha", "ns", "token-1", "127.9.9.9\tpeer", "data", "65532"])
        #expect(!lines.contains { $0.hasPrefix("sees") || $0.hasPrefix("wrote") })
    }

    @Test
    func `SIGTERM reaches the program, and its own exit code is reported`() async {
        defer { remove() }
        let pod = pod("trap 'echo saved; exit 75' TERM; echo up; while :; do sleep 0.05; done")
        let worker = worker(pod)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            await wait { cluster.last?.phase == "Running" }
            while await !log(worker).contains("up") { try? await Task.sleep(for: .milliseconds(20)) }
            var deleted = pod
            deleted.metadata.deletionTimestamp = context.clock.now
            deleted.metadata.deletionGracePeriodSeconds = 5
            await worker.update(deleted)
            await group.waitForAll()
        }
        #expect(cluster.last?.containerStatuses?.first?.state?.terminated?.exitCode == 75)
        #expect(cluster.isDeleted)
        #expect(cluster.events == ["Started", "Killing"])
    }

    @Test
    func `a program that ignores SIGTERM is killed when the grace period is over`() async {
        defer { remove() }
        let pod = pod("trap '' TERM; while :; do sleep 0.05; done")
        let worker = worker(pod)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            await wait { cluster.last?.phase == "Running" }
            var deleted = pod
            deleted.metadata.deletionTimestamp = context.clock.now
            deleted.metadata.deletionGracePeriodSeconds = 1
            await worker.update(deleted)
            await group.waitForAll()
        }
        #expect(cluster.last?.containerStatuses?.first?.state?.terminated?.exitCode == 137)
    }

    @Test
    func `a container over its memory limit is killed as OOMKilled`() async {
        defer { remove() }
        let pod = pod("x=$(head -c 60000000 /dev/zero | tr '\\0' a); sleep 30") { spec in
            spec.containers[0].resources = ResourceRequirements(limits: ["memory": Quantity(20_000_000)])
        }
        let status = await run(worker(pod)) { $0.phase == "Failed" }
        #expect(status?.containerStatuses?.first?.state?.terminated?.reason == "OOMKilled")
        #expect(status?.containerStatuses?.first?.state?.terminated?.exitCode == 137)
    }

    @Test
    func `init container, sidecar and main container run in order and end in order`() async {
        defer { remove() }
        let pod = pod("cat /w/init /w/side > /w/both; exit 0") { spec in
            spec.volumes = [Volume(name: "w", emptyDir: EmptyDirVolumeSource())]
            let mount = [VolumeMount(name: "w", mountPath: "/w")]
            var first = Container(name: "first", image: "sh", args: ["echo init > /w/init"])
            var side = Container(
                name: "side", image: "sh",
                args: [
                    "sleep 0.3; echo side > /w/side; trap 'cat /w/both; exit 0' TERM; while :; do sleep 0.05; done"
                ])
            side.restartPolicy = "Always"
            side.startupProbe = Probe(exec: ExecAction(command: ["test", "-e", "/w/side"]))
            side.startupProbe?.periodSeconds = 1
            first.volumeMounts = mount
            side.volumeMounts = mount
            spec.initContainers = [first, side]
            spec.containers[0].volumeMounts = mount
        }
        let worker = worker(pod)
        let status = await run(worker) { $0.phase == "Succeeded" || $0.phase == "Failed" }
        #expect(status?.phase == "Succeeded")
        #expect(await log(worker, "side") == "init\nside\n")
        #expect(status?.initContainerStatuses?.map(\.state?.terminated?.exitCode) == [0, 0])
    }

    @Test
    func `a new agent finds a running container again, and nothing runs twice`() async throws {
        defer { remove() }
        let pod = pod("echo run >> /w/runs; until test -e /w/go; do sleep 0.05; done; exit 4") { spec in
            spec.volumes = [Volume(name: "w", emptyDir: EmptyDirVolumeSource())]
            spec.containers[0].volumeMounts = [VolumeMount(name: "w", mountPath: "/w")]
        }
        let first = worker(pod)
        let folder = await first.folder
        _ = await run(first) { $0.phase == "Running" }
        let runs = "\(folder.volume("w"))/runs"
        await wait { ProcessTable.read(runs) == "run\n" }
        let second = PodWorker(context: context, folder: folder, state: try folder.load(), wasFinished: false)
        try Data().write(to: URL(filePath: "\(folder.volume("w"))/go"))
        let status = await run(second) { $0.phase == "Failed" }
        #expect(status?.containerStatuses?.first?.state?.terminated?.exitCode == 4)
        #expect(status?.containerStatuses?.first?.restartCount == 0)
        #expect(ProcessTable.read(runs) == "run\n")
    }

    @Test(.timeLimit(.minutes(1)))
    func `a container that fails is started again`() async {
        defer { remove() }
        let status = await run(worker(pod("exit 1", policy: "Always"))) {
            $0.containerStatuses?.first?.state?.waiting?.reason == "CrashLoopBackOff"
        }
        #expect(status?.containerStatuses?.first?.restartCount == 1)
        #expect(status?.phase == "Running")
    }

    @Test
    func `an unknown image, a missing program and a missing config map say so`() async {
        defer { remove() }
        let unknown = await run(worker(pod("") { $0.containers[0].image = "nowhere/x:1" })) { _ in true }
        #expect(unknown?.containerStatuses?.first?.state?.waiting?.reason == "ErrImagePull")
        let program = await run(worker(pod("") { $0.containers[0].command = ["/no/such"] })) {
            $0.phase == "Failed"
        }
        #expect(program?.containerStatuses?.first?.state?.terminated?.exitCode == 128)
        #expect(program?.containerStatuses?.first?.state?.terminated?.reason == "StartError")
        let missing = await run(
            worker(
                pod("") {
                    $0.containers[0].envFrom = [EnvFromSource(secretRef: OptionalReference(name: "none"))]
                })
        ) { $0.containerStatuses?.first?.state?.waiting?.reason == "CreateContainerConfigError" }
        #expect(missing?.containerStatuses?.first?.state?.waiting?.message == "secret \"none\" not found")
    }

    struct MissingVolume: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var volume: @Sendable () -> Volume
        var words: String
    }

    static let missingVolumes = [
        MissingVolume(
            testDescription: "a Secret", volume: { Volume(name: "creds", secret: "none") },
            words: #"FailedMount: MountVolume.SetUp failed for volume "creds" : secret "none" not found"#),
        MissingVolume(
            testDescription: "a ConfigMap", volume: { Volume(name: "conf", configMap: "none") },
            words: #"FailedMount: MountVolume.SetUp failed for volume "conf" : configmap "none" not found"#),
        MissingVolume(
            testDescription: "a key of a ConfigMap",
            volume: {
                var volume = Volume(name: "conf", configMap: "settings")
                volume.configMap?.items = [KeyToPath(key: "b.txt", path: "b")]
                return volume
            },
            words: #"FailedMount: MountVolume.SetUp failed for volume "conf" : "#
                + "configmap references non-existent config key: b.txt"),
        MissingVolume(
            testDescription: "a claim", volume: { Volume(name: "data", claim: "none") },
            words:
                "FailedMount: Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], "
                + "failed to process volumes=[data]: error processing PVC ns/none: "
                + #"persistentvolumeclaim "none" not found"#),
    ]

    @Test(arguments: missingVolumes)
    func `a volume that is missing is told by an event alone, as a kubelet does`(_ missing: MissingVolume)
        async
    {
        defer { remove() }
        let worker = worker(pod("") { $0.volumes = [missing.volume()] })
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            await wait { cluster.notes.count { $0 == missing.words } >= 2 && cluster.last != nil }
            group.cancelAll()
        }
        #expect(Set(cluster.notes) == [missing.words])
        let waiting = cluster.last?.containerStatuses?.first?.state?.waiting
        #expect(waiting == ContainerStateWaiting(reason: "ContainerCreating", message: nil))
        #expect(cluster.last?.phase == "Pending")
        #expect(
            cluster.last?.conditions?.first { $0.type == "PodReadyToStartContainers" }?.status == .false)
    }

    @Test
    func `a token is renewed before it expires, while the container runs`() async {
        defer { remove() }
        let token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
        let pod = pod("cat \(token); until grep -q token-2 \(token); do sleep 0.05; done")
        let offset = Mutex<Int64>(0)
        let clock = NodeClock { NodeClock.system.milliseconds() + offset.withLock { $0 } }
        let worker = worker(pod, clock: clock)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            while await !log(worker).contains("token-1") { try? await Task.sleep(for: .milliseconds(20)) }
            offset.withLock { $0 = 3_000_000 }
            await wait { cluster.last?.phase == "Succeeded" }
            group.cancelAll()
        }
        #expect(cluster.last?.phase == "Succeeded")
    }

    @Test
    func `a Secret that changes reaches a running container, all of it at once, and goes from it again`()
        async
    {
        defer { remove() }
        @Sendable func secret(_ data: [String: String]) -> Secret {
            Secret(metadata: ObjectMeta(name: "keys"), data: data.mapValues { Data($0.utf8) })
        }
        cluster.change { $0.secrets["keys"] = secret(["user": "one", "key": "one", "old": "x"]) }
        let pod = pod(
            """
            cat /keys/user /keys/key /plain; echo; readlink /keys/user; stat -Lc %a /keys/user
            until grep -q two /keys/user; do sleep 0.05; done
            cat /keys/key; ls /keys; cat /plain; echo
            until test ! -e /keys/user; do sleep 0.05; done
            """
        ) { spec in
            var volume = Volume(name: "keys", secret: "keys")
            volume.secret?.optional = true
            volume.secret?.defaultMode = 0o440
            spec.volumes = [volume]
            spec.containers[0].volumeMounts = [
                VolumeMount(name: "keys", mountPath: "/keys"),
                VolumeMount(name: "keys", mountPath: "/plain", subPath: "user"),
            ]
        }
        let offset = Mutex<Int64>(0)
        let worker = worker(
            pod, clock: NodeClock { NodeClock.system.milliseconds() + offset.withLock { $0 } })
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            while await !log(worker).contains("440") { try? await Task.sleep(for: .milliseconds(20)) }
            cluster.change { $0.secrets["keys"] = secret(["user": "two", "key": "two"]) }
            offset.withLock { $0 = 60_000 }
            while await !log(worker).contains("two") { try? await Task.sleep(for: .milliseconds(20)) }
            cluster.change { $0.secrets["keys"] = nil }
            offset.withLock { $0 = 120_000 }
            await wait { cluster.last?.phase == "Succeeded" }
            group.cancelAll()
        }
        #expect(cluster.last?.phase == "Succeeded")
        // A mount of one file by subPath stays as it was, as with the kubelet.
        #expect(await log(worker) == "oneoneone\n..data/user\n440\ntwokey\nuser\none\n")
    }

    @Test
    func `containers get the GPUs that they ask for, and no others`() async {
        defer { remove() }
        let pod = pod("echo $CUDA_VISIBLE_DEVICES") { spec in
            spec.containers[0].resources = ResourceRequirements(limits: ["nvidia.com/gpu": Quantity(2)])
        }
        _ = context.resources.allocateGPUs(1, to: "another")
        let worker = worker(pod)
        _ = await run(worker) { $0.phase == "Succeeded" }
        #expect(await log(worker) == "1,2\n")
        #expect(context.resources.allocatedGPUs == 1)
    }
}
