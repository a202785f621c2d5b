import FoundationEssentials
import Glibc

/// A command run inside a running container: a probe or a preStop hook.
struct ContainerCommand: Sendable {
    let pid: pid_t
    /// The processes' group is its own session, which is what is killed.
    private init(pid: pid_t) { self.pid = pid }

    /// Enters the namespaces of the container's program. Nil if it does not run.
    static func start(
        _ command: [String], in container: ContainerProcess, environment: [String: String],
        directory: String, output: String
    ) throws -> ContainerCommand? {
        guard let program = container.program else { return nil }
        // What would change how the host's own nsenter is loaded is left out.
        let safe = environment.filter { !$0.key.hasPrefix("LD_") && !$0.key.hasPrefix("GCONV_") }
        let pid = try ChildProcess.spawn(
            "/usr/bin/nsenter",
            [
                "-t", String(program), "-U", "-m", "-p", "-i", "-u", "--preserve-credentials", "--",
                "/bin/sh",
                "-c", "cd \"$0\" && exec \"$@\"", directory,
            ] + command,
            environment: safe, output: output)
        return ContainerCommand(pid: pid)
    }

    /// The exit code; nil while it runs.
    func poll() -> Int64? { ChildProcess.reap(pid) }

    func kill() { _ = Glibc.kill(-pid, SIGKILL) }
}
