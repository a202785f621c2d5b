import KubernetesAPI

/// A folder or file that a container sees at a path.
public struct SandboxMount: Hashable, Sendable {
    /// Absolute path on the host.
    public var host: String
    /// Absolute path in the container.
    public var path: String
    public var isReadOnly: Bool

    public init(host: String, path: String, isReadOnly: Bool) {
        self.host = host
        self.path = path
        self.isReadOnly = isReadOnly
    }
}

/// Input of a container's sandbox plan.
public struct SandboxRequest: Sendable {
    public var container: Container
    public var podSecurity: PodSecurityContext?
    public var image: ContainerImage
    public var hostname: String
    public var environment: [String: String]
    /// The volumes, in any order.
    public var mounts: [SandboxMount]
    /// Folder with the `hosts`, `hostname`, `passwd` and `group` that were made for the pod; seen in `/etc`.
    public var etcFolder: String
    /// The container's private `/tmp`, on the host.
    public var temporaryFolder: String
    /// The file behind `terminationMessagePath`, on the host.
    public var terminationMessageFile: String
    public var layout: HostLayout

    public init(
        container: Container, podSecurity: PodSecurityContext? = nil, image: ContainerImage, hostname: String,
        environment: [String: String], mounts: [SandboxMount], etcFolder: String, temporaryFolder: String,
        terminationMessageFile: String, layout: HostLayout
    ) {
        self.container = container
        self.podSecurity = podSecurity
        self.image = image
        self.hostname = hostname
        self.environment = environment
        self.mounts = mounts
        self.etcFolder = etcFolder
        self.temporaryFolder = temporaryFolder
        self.terminationMessageFile = terminationMessageFile
        self.layout = layout
    }
}

/// The command line of bubblewrap for one container: a pure function of the request.
///
/// The network is the host's: containers reach the loopback interface, and each other there.
public struct SandboxPlan: Hashable, Sendable {
    /// Options of bubblewrap, handed over in a file, so that no secret stands in a process list.
    public var options: [String]
    /// The program and its arguments.
    public var program: [String]

    /// User of containers with `runAsNonRoot` but no `runAsUser`.
    public static let nonRootUser: Int64 = 65532

    public init(_ request: SandboxRequest) throws(ConfigurationError) {
        let container = request.container
        let environment = try Self.environment(request)
        let user = try Self.user(request)
        program = request.image.program(command: container.command, args: container.args)
            .map { VariableExpansion.expand($0) { environment[$0] } }
        guard !program.isEmpty else {
            throw ConfigurationError(
                "no command specified: image \"\(container.image ?? "")\" has no entrypoint "
                    + "in the image map; "
                    + "set the container's command")
        }
        var options = [
            "--unshare-user", "--uid", String(user.uid), "--gid", String(user.gid), "--unshare-pid",
            "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", request.hostname,
            "--cap-drop", "ALL", "--clearenv",
        ]
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
            options += ["--setenv", name, value]
        }
        options += Self.rootFileSystem(request)
        options += try Self.volumes(request)
        let directory = container.workingDir ?? request.image.workingDir ?? "/"
        if directory != "/" { options += ["--dir", directory] }
        if container.securityContext?.readOnlyRootFilesystem == true { options += ["--remount-ro", "/"] }
        options += ["--chdir", directory]
        guard !options.contains(where: { $0.utf8.contains(0) }),
            !program.contains(where: { $0.utf8.contains(0) })
        else { throw ConfigurationError("a command, variable or path contains a NUL byte; remove it") }
        self.options = options
    }

    private static func environment(_ request: SandboxRequest) throws(ConfigurationError) -> [String: String]
    {
        var environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/",
        ]
        environment.merge(request.environment) { _, given in given }
        environment["HOSTNAME"] = environment["HOSTNAME"] ?? request.hostname
        for name in environment.keys where name.isEmpty || name.utf8.contains(UInt8(ascii: "=")) {
            throw ConfigurationError(
                "environment variable name \"\(name)\" is empty or contains '='; rename it")
        }
        return environment
    }

    private static func user(_ request: SandboxRequest) throws(ConfigurationError) -> (uid: Int64, gid: Int64)
    {
        let own = request.container.securityContext
        let nonRoot = own?.runAsNonRoot ?? request.podSecurity?.runAsNonRoot ?? false
        let uid = own?.runAsUser ?? request.podSecurity?.runAsUser ?? (nonRoot ? nonRootUser : 0)
        if nonRoot, uid == 0 {
            throw ConfigurationError(
                "container's runAsUser breaks non-root policy: runAsNonRoot is true and runAsUser is 0")
        }
        if own?.privileged == true {
            throw ConfigurationError("privileged containers are not offered by this node; unset privileged")
        }
        return (uid, own?.runAsGroup ?? request.podSecurity?.runAsGroup ?? uid)
    }

    private static func rootFileSystem(_ request: SandboxRequest) -> [String] {
        var options: [String] = []
        for entry in request.layout.entries {
            switch entry {
            case .folder(let path), .file(let path): options += ["--ro-bind", path, path]
            case .link(let path, let target): options += ["--symlink", target, path]
            }
        }
        for name in ["hosts", "hostname", "passwd", "group"] {
            options += ["--ro-bind", "\(request.etcFolder)/\(name)", "/etc/\(name)"]
        }
        options += ["--proc", "/proc", "--dev", "/dev"]
        if request.container.securityContext?.readOnlyRootFilesystem == true {
            options += ["--dir", "/tmp"]
        } else {
            options += ["--bind", request.temporaryFolder, "/tmp"]
        }
        let message = request.container.terminationMessagePath ?? "/dev/termination-log"
        for bind in (request.image.readOnlyBinds ?? []).sorted(by: { $0.path < $1.path }) {
            options += ["--ro-bind", bind.host, bind.path]
        }
        return options + ["--bind", request.terminationMessageFile, message]
    }

    /// Options for the volumes: parents come before volumes mounted inside them.
    private static func volumes(_ request: SandboxRequest) throws(ConfigurationError) -> [String] {
        var options: [String] = []
        for mount in request.mounts.sorted(by: { $0.path < $1.path }) {
            guard mount.path.hasPrefix("/"), mount.path != "/",
                !mount.path.split(separator: "/").contains("..")
            else {
                throw ConfigurationError(
                    "mountPath \"\(mount.path)\" must be absolute, below / and without '..'")
            }
            options += [mount.isReadOnly ? "--ro-bind" : "--bind", mount.host, mount.path]
        }
        return options
    }
}
