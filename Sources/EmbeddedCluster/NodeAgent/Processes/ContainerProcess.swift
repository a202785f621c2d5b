import FoundationEssentials
import Glibc
import KubernetesAPI

/// A container's processes, kept in a folder so that they outlive the node agent.
///
/// A small shell script, the shim, starts bubblewrap and writes the exit code to the folder: whoever
/// comes later finds the shim by its number and start time, and the exit code in a file. Nothing here
/// waits. The folder holds:
///
/// | file | content |
/// | --- | --- |
/// | `args` | bubblewrap's options, removed when the container ends |
/// | `shim` | the shim's `/proc/PID/stat`: number and start time |
/// | `info.json` | bubblewrap's report: the number of the namespace's first process |
/// | `exit` | the exit code, once there is one |
/// | `log`, `termination`, `tmp/` | output, termination message, private `/tmp` |
struct ContainerProcess: Sendable {
    enum Observation: Equatable, Sendable {
        case running
        case exited(Int64)
        /// The process never existed, or nobody saw its end.
        case lost
    }

    let folder: String

    var log: String { "\(folder)/log" }
    var terminationMessage: String { "\(folder)/termination" }
    var temporaryFolder: String { "\(folder)/tmp" }

    private static let shim = """
        dir=$1 bwrap=$2
        shift 2
        read -r stat < /proc/$$/stat
        printf '%s\\n' "$stat" > "$dir/shim.new" && mv "$dir/shim.new" "$dir/shim"
        "$bwrap" --args 4 --info-fd 3 -- "$@" 3> "$dir/info.json" 4< "$dir/args"
        code=$?
        rm -f "$dir/args"
        printf '%s\\n' "$code" > "$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
        """

    /// Makes the folder, empty.
    func prepare() throws {
        let manager = FileManager.default
        try? manager.removeItem(atPath: folder)
        try manager.createDirectory(atPath: temporaryFolder, withIntermediateDirectories: true)
        try manager.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
        try Data().write(to: URL(filePath: terminationMessage))
        try Data().write(to: URL(filePath: log))
    }

    /// Starts the sandboxed program and returns the shim's number.
    func start(_ plan: SandboxPlan, bubblewrap: String) throws -> pid_t {
        let options = plan.options.reduce(into: Data()) { data, option in
            data += option.utf8
            data.append(0)
        }
        try options.write(to: URL(filePath: "\(folder)/args"))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(folder)/args")
        return try ChildProcess.spawn(
            "/bin/sh", ["-c", Self.shim, "container", folder, bubblewrap] + plan.program,
            environment: ["PATH": "/usr/bin:/bin"], output: log)
    }

    /// Makes sure that an interrupted start never happens later: the shim finds no options.
    func abandonStart() {
        unlink("\(folder)/args")
    }

    func observe() -> Observation {
        if let code = exitCode { return ended(code) }
        if let shim = liveShim, !shim.isZombie { return .running }
        // The shim writes the file before it ends.
        return exitCode.map(ended) ?? .lost
    }

    /// Sends a signal to the program itself; false if it does not run yet, or no longer.
    @discardableResult
    func signal(_ number: Int32) -> Bool {
        guard let program else { return false }
        return kill(program, number) == 0
    }

    /// Kills every process of the container. Repeat it until the container has ended.
    func killAll() {
        guard let shim = liveShim else { return }
        if let first = firstProcess {
            kill(first, SIGKILL)
            return
        }
        for child in ProcessTable.children(of: shim.pid) { kill(child, SIGKILL) }
    }

    /// Bytes of memory held by the container's processes.
    var memory: Int64 { liveShim.map { ProcessTable.memory(ofTreeAt: $0.pid) } ?? 0 }

    /// The container's own program: number 2 in its process namespace, after bubblewrap.
    var program: pid_t? {
        guard let first = firstProcess else { return nil }
        return ProcessTable.children(of: first).first { ProcessTable.innermostNumber(of: $0) == 2 }
    }

    /// The namespace's first process, if it still belongs to this container.
    private var firstProcess: pid_t? {
        guard let shim = liveShim, let text = ProcessTable.read("\(folder)/info.json"),
            let info = try? JSONValue(parsing: text), let number = info["child-pid"]?.integerValue,
            let pid = pid_t(exactly: number), let entry = ProcessTable.entry(pid),
            let parent = ProcessTable.entry(entry.parent), parent.parent == shim.pid
        else { return nil }
        return pid
    }

    private var liveShim: ProcessTable.Entry? {
        guard let recorded = ProcessTable.read("\(folder)/shim").flatMap(ProcessTable.parse),
            let current = ProcessTable.entry(recorded.pid), current.startTicks == recorded.startTicks
        else { return nil }
        return current
    }

    private var exitCode: Int64? {
        ProcessTable.read("\(folder)/exit").flatMap { Int64(Substring($0).trimmingSpaces) }
    }

    /// The end for an exit code; 128, with a message, if the program could not be started at all.
    private func ended(_ code: Int64) -> Observation { .exited(startFailure == nil ? code : 128) }

    /// Message of bubblewrap if it could not start the program; nil if it could.
    var startFailure: String? {
        guard exitCode == 1, let text = ProcessTable.read(log, limit: 4096), text.hasPrefix("bwrap: "),
            text.split(separator: "\n").count == 1
        else { return nil }
        return String(Substring(text.dropFirst("bwrap: ".count)).trimmingSpaces)
    }
}
