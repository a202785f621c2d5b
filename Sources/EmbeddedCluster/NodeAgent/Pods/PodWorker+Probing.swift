import KubernetesAPI
import Synchronization

/// A probe that is under way.
struct ProbeRun: Sendable {
    var container: String
    var attempt: Int64
    var kind: ContainerProbes.Kind
    var deadline: Int64
    var command: ContainerCommand
}

extension PodWorker {
    /// Starts the probes that are due and takes in the answers of those that ended.
    func runProbes() {
        collectProbeAnswers()
        let time = nowMilliseconds
        for (name, record) in state.records where record.isRunning {
            if probes[name] == nil, let container = state.container(name) {
                probes[name] = ContainerProbes(container, startedAt: time)
            }
            for kind in probes[name]?.due(at: time) ?? [] { beginProbe(kind, of: name, record: record) }
            guard let probes = probes[name] else { continue }
            state.records[name]?.hasStarted = probes.hasStarted
            state.records[name]?.isReady = probes.isReady
            if probes.mustRestart { restartsDemanded.insert(name) }
        }
    }

    private func beginProbe(_ kind: ContainerProbes.Kind, of name: String, record: ContainerRecord) {
        guard let probe = probes[name]?.states[kind] else { return }
        probes[name]?.states[kind]?.begin(at: nowMilliseconds)
        let process = folder.process(name, attempt: record.attempt)
        if let command = probe.probe.exec?.command, !command.isEmpty {
            guard let run = try? run(command, in: name, process, output: "\(process.folder)/probe.log") else {
                probes[name]?.states[kind]?.record(false)
                return
            }
            probeCommands.append(
                ProbeRun(
                    container: name, attempt: record.attempt, kind: kind,
                    deadline: nowMilliseconds + 1000 * probe.timeoutSeconds, command: run))
        } else if let action = probe.probe.httpGet {
            pendingHTTPProbes.append(
                HTTPProbe(
                    container: name, attempt: record.attempt, kind: kind, url: url(of: action, in: name),
                    timeoutSeconds: probe.timeoutSeconds))
        }
    }

    private func collectProbeAnswers() {
        let time = nowMilliseconds
        probeCommands = probeCommands.filter { run in
            if let code = run.command.poll() {
                record(run.container, run.attempt, run.kind, succeeded: code == 0)
                return false
            }
            guard time >= run.deadline else { return true }
            run.command.kill()
            return run.command.poll() == nil
        }
    }

    func record(_ container: String, _ attempt: Int64, _ kind: ContainerProbes.Kind, succeeded: Bool) {
        guard state.records[container]?.attempt == attempt else { return }
        probes[container]?.states[kind]?.record(succeeded)
    }

    private func url(of action: HTTPGetAction, in name: String) -> String {
        let port: Int64
        switch action.port {
        case .int(let number): port = number
        case .string(let text):
            port = state.container(name)?.ports?.first { $0.name == text }?.containerPort ?? 0
        }
        let host = action.host.flatMap { $0.isEmpty ? nil : $0 } ?? state.address
        let path = action.path ?? "/"
        let scheme = (action.scheme ?? "HTTP").lowercased()
        return "\(scheme)://\(host):\(port)\(path.hasPrefix("/") ? path : "/" + path)"
    }
}

/// An HTTP probe that is due.
struct HTTPProbe: Sendable {
    var container: String
    var attempt: Int64
    var kind: ContainerProbes.Kind
    var url: String
    var timeoutSeconds: Int64
}
