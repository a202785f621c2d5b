import FoundationEssentials
import Glibc

/// A command run inside a running container: a probe or a preStop hook.
struct ContainerCommand: Sendable {
    let pid: pid_t
    /// - Parameter pid: leader of a session of its own, whose process group is killed as a whole.
    private init(pid: pid_t) { self.pid = pid }

    /// Starts a command in the namespaces of the container's program; nil if the program does not run.
    static func start(
        _ command: [String], in container: ContainerProcess, environment: [String: String],
        directory: String, output: String
    ) throws -> ContainerCommand? {
        guard let program = container.program else { return nil }
        // Variables that change how the host's own nsenter is loaded are left out.
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

    /// The exit code; nil while the command runs.
    func poll() -> Int64? { ChildProcess.reap(pid) }

    func kill() { _ = Glibc.kill(-pid, SIGKILL) }
}
