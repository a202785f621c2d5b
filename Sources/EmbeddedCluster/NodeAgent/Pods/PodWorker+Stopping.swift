import Glibc
import KubernetesAPI

/// Progress in ending one container.
enum ContainerStop: Sendable {
    case preStop(ContainerCommand, deadline: Int64)
    case terminate(deadline: Int64)
    case signalled(deadline: Int64)

    var deadline: Int64 {
        switch self {
        case .preStop(_, let deadline), .terminate(let deadline), .signalled(let deadline): deadline
        }
    }
}

extension PodWorker {
    /// Takes one step of ending a container: preStop hook, SIGTERM to the program, SIGKILL to all.
    func stop(_ name: String) {
        guard let record = state.records[name], record.isRunning else { return }
        let process = folder.process(name, attempt: record.attempt)
        let time = nowMilliseconds
        var progress = stops[name] ?? beginStop(name, process)
        if case .preStop(let hook, let deadline) = progress {
            let isOver = hook.poll() != nil
            if !isOver, time < min(deadline, stopDeadline ?? .max) {
                stops[name] = progress
                return
            }
            if !isOver { hook.kill() }
            progress = .terminate(deadline: deadline)
        }
        if case .terminate(let deadline) = progress, process.signal(SIGTERM) {
            progress = .signalled(deadline: deadline)
        }
        stops[name] = progress
        // A later, shorter grace period moves the deadline forward.
        let isSidecar = (state.spec.initContainers ?? []).contains { $0.name == name && $0.isSidecar }
        let deadline = isSidecar ? progress.deadline : min(progress.deadline, stopDeadline ?? .max)
        if time >= deadline { process.killAll() }
    }

    private func beginStop(_ name: String, _ process: ContainerProcess) -> ContainerStop {
        let container = state.container(name)
        let grace = min(max(0, state.spec.terminationGracePeriodSeconds ?? 30), 86_400)
        if stopDeadline == nil, !restartsDemanded.contains(name) {
            stopDeadline = nowMilliseconds + 1000 * grace
        }
        var deadline =
            restartsDemanded.contains(name)
            ? nowMilliseconds + 1000 * grace : stopDeadline ?? nowMilliseconds
        // Sidecars end after the others; they get two seconds even if these took all the time.
        if container?.isSidecar == true { deadline = max(deadline, nowMilliseconds + 2000) }
        if let command = container?.lifecycle?.preStop?.exec?.command, !command.isEmpty,
            let hook = try? run(command, in: name, process, output: "\(process.folder)/prestop.log")
        {
            return .preStop(hook, deadline: deadline)
        }
        return .terminate(deadline: deadline)
    }

    /// Starts a command inside a running container, with the container's folder and plain variables.
    func run(
        _ command: [String], in name: String, _ process: ContainerProcess, output: String
    ) throws -> ContainerCommand? {
        guard let container = state.container(name) else { return nil }
        let image = context.configuration.images.resolve(container.image ?? "") ?? ContainerImage()
        var environment = image.env ?? [:]
        environment["PATH"] =
            environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        for variable in container.env ?? [] where variable.valueFrom == nil {
            environment[variable.name] = VariableExpansion.expand(variable.value ?? "") { environment[$0] }
        }
        return try ContainerCommand.start(
            command, in: process, environment: environment,
            directory: container.workingDir ?? image.workingDir ?? "/", output: output)
    }
}
