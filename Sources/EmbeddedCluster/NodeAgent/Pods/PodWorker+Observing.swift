import FoundationEssentials
import Glibc
import KubernetesAPI

extension PodWorker {
    /// Takes over the containers that a former agent left running.
    func restore() {
        for (name, record) in state.records where record.isRunning {
            let process = folder.process(name, attempt: record.attempt)
            if record.state == .starting, process.observe() == .lost {
                process.abandonStart()
                state.records[name]?.state = .waiting(reason: "ContainerCreating", message: nil)
            }
            timelines[name] = LogTimeline(log: process.log)
        }
        isPrepared = state.records.values.contains { $0.isRunning || $0.termination != nil }
        if isPrepared { volumesRefreshAt = nowMilliseconds }
        publishLogs()
    }

    /// Notes which containers have ended.
    func observeContainers() {
        for (name, record) in state.records where record.isRunning {
            let process = folder.process(name, attempt: record.attempt)
            var isAlive = false
            if let child = children[name] {
                isAlive = ChildProcess.reap(child) == nil
                if !isAlive { children[name] = nil }
            }
            switch process.observe() {
            case .running: if record.state == .starting { state.records[name]?.state = .running(since: now) }
            case .exited(let code): ended(name, process, code: code)
            case .lost: if !isAlive { ended(name, process, code: nil) }
            }
        }
        for (name, child) in children where state.records[name]?.isRunning != true {
            if ChildProcess.reap(child) != nil { children[name] = nil }
        }
    }

    /// - Parameter code: exit code; nil if nobody saw the end.
    private func ended(_ name: String, _ process: ContainerProcess, code: Int64?) {
        let wasKilledForMemory = FileManager.default.fileExists(atPath: "\(process.folder)/oom")
        let exitCode = wasKilledForMemory ? 137 : code ?? 137
        let reason: String
        var message = terminationMessage(name, process, exitCode: exitCode)
        if wasKilledForMemory {
            reason = "OOMKilled"
        } else if code == nil {
            reason = "ContainerStatusUnknown"
            message = message ?? "The container was lost while the node agent was away"
        } else if let failure = process.startFailure {
            reason = "StartError"
            message = "failed to start container: \(failure)"
        } else {
            reason = exitCode == 0 ? "Completed" : "Error"
        }
        state.records[name]?.end(
            Termination(exitCode: exitCode, reason: reason, message: message, finishedAt: now))
        stops[name] = nil
        probes[name] = nil
        restartsDemanded.remove(name)
        timelines[name]?.note(now: nowMilliseconds, limit: context.configuration.maximumLogBytes)
        logger.info(
            "container ended",
            metadata: ["container": "\(name)", "exitCode": "\(exitCode)", "reason": "\(reason)"])
    }

    /// Text of the container's message file, or its last output if the policy says so; nil if there is none.
    private func terminationMessage(_ name: String, _ process: ContainerProcess, exitCode: Int64) -> String? {
        let text = ProcessTable.read(process.terminationMessage, limit: 4096)
        if let text, !text.isEmpty { return String(decoding: text.utf8.prefix(4096), as: UTF8.self) }
        guard exitCode != 0, state.container(name)?.terminationMessagePolicy == "FallbackToLogsOnError" else {
            return nil
        }
        return LogReader(log: process.log).tail(lines: 80, bytes: 2048)
    }

    /// Enforces memory limits and the size limits of emptyDir volumes.
    func enforceLimits() {
        for (name, record) in state.records where record.isRunning {
            let process = folder.process(name, attempt: record.attempt)
            timelines[name]?.note(now: nowMilliseconds, limit: context.configuration.maximumLogBytes)
            guard let limit = state.container(name)?.resources?.limits?["memory"],
                process.memory > limit.units
            else {
                continue
            }
            try? Data().write(to: URL(filePath: "\(process.folder)/oom"))
            process.killAll()
        }
        for volume in state.spec.volumes ?? [] {
            guard let limit = volume.emptyDir?.sizeLimit, state.stop == nil,
                DiskUsage.bytes(below: folder.volume(volume.name)) > limit.units
            else { continue }
            state.stop = .evicted(
                "Usage of EmptyDir volume \"\(volume.name)\" exceeds the limit \"\(limit)\". ")
        }
    }

    /// Shows changes of Secrets, ConfigMaps and fields, and renews tokens before they expire, as a kubelet does; one
    /// that fails is repeated a little later, and the files stay as they are until then.
    func refreshVolumes() async {
        guard isPrepared, !state.isFinished, state.stop == nil, nowMilliseconds >= volumesRefreshAt else {
            return
        }
        do {
            try await writeObjectVolumes(try await fetchObjects())
        } catch {
            volumesRefreshAt = nowMilliseconds + 10_000
            logger.warning("volumes could not be renewed; it is tried again", metadata: ["error": "\(error)"])
        }
    }

    /// Rewrites `/etc/hosts` when services change.
    func refreshHosts() {
        guard isPrepared, !state.isFinished else { return }
        let aliases = context.cluster.hostAliases(namespace: state.pod.namespace)
        guard aliases != hostAliases else { return }
        hostAliases = aliases
        try? PodFiles(folder: folder).writeHosts(hostsText)
    }

    var hostsText: String {
        let subdomain = state.spec.subdomain.flatMap { $0.isEmpty ? nil : ($0, state.pod.namespace) }
        return HostsFile.text(
            hostname: hostname, subdomain: subdomain, address: state.address, aliases: hostAliases)
    }

    /// Tells the log server the paths of each container's output.
    func publishLogs() {
        var logs: [String: ContainerLogs] = [:]
        for (name, record) in state.records where record.isRunning || record.termination != nil {
            let previous = record.attempt > 0 ? folder.process(name, attempt: record.attempt - 1).log : nil
            logs[name] = ContainerLogs(
                current: folder.process(name, attempt: record.attempt).log, previous: previous,
                isRunning: record.isRunning)
        }
        context.logs.set(logs, of: state.pod, containers: state.containers.map(\.name))
    }
}
