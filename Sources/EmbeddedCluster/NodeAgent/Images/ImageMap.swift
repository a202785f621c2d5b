/// The program of the host that an image reference stands for on this node, and the folders that it needs.
///
/// There are no image layers here. A container sees the host's `/usr`, read-only, and the folders that its
/// image entry binds.
public struct ContainerImage: Codable, Hashable, Sendable {
    /// A folder or file of the host that containers of this image see, read-only.
    public struct Bind: Codable, Hashable, Sendable {
        /// Absolute path on the host.
        public var host: String
        /// Absolute path in the container.
        public var path: String

        public init(host: String, path: String) {
            self.host = host
            self.path = path
        }
    }

    /// Program for a container without `command`.
    public var entrypoint: [String]?
    /// Arguments for a container with neither `command` nor `args`.
    public var cmd: [String]?
    public var env: [String: String]?
    public var readOnlyBinds: [Bind]?
    public var workingDir: String?

    public init(
        entrypoint: [String]? = nil, cmd: [String]? = nil, env: [String: String]? = nil,
        readOnlyBinds: [Bind]? = nil, workingDir: String? = nil
    ) {
        self.entrypoint = entrypoint
        self.cmd = cmd
        self.env = env
        self.readOnlyBinds = readOnlyBinds
        self.workingDir = workingDir
    }

    /// The program and its arguments for a container's `command` and `args`, combined as Kubernetes does.
    public func program(command: [String]?, args: [String]?) -> [String] {
        if let command, !command.isEmpty { return command + (args ?? []) }
        return (entrypoint ?? []) + (args ?? cmd ?? [])
    }
}

/// Image references and their entries.
public struct ImageMap: Hashable, Sendable {
    public var images: [String: ContainerImage]

    public init(_ images: [String: ContainerImage] = [:]) { self.images = images }

    /// The entry for `reference`: the exact one, else the one of its repository without tag and digest,
    /// else the longest entry that is a prefix of the repository at a `/`.
    public func resolve(_ reference: String) -> ContainerImage? {
        if let exact = images[reference] { return exact }
        let repository = Self.repository(of: reference)
        if let image = images[repository] { return image }
        var prefix = Substring(repository)
        while let slash = prefix.lastIndex(of: "/") {
            prefix = prefix[..<slash]
            if let image = images[String(prefix)] ?? images[prefix + "/"] { return image }
        }
        return nil
    }

    /// The repository of a reference: `registry:5000/team/trainer:1.2@sha256:…` →
    /// `registry:5000/team/trainer`
    static func repository(of reference: String) -> String {
        var rest = reference[...]
        if let digest = rest.firstIndex(of: "@") { rest = rest[..<digest] }
        let lastSegment = rest.lastIndex(of: "/").map { rest.index(after: $0) } ?? rest.startIndex
        if let tag = rest[lastSegment...].firstIndex(of: ":") { rest = rest[..<tag] }
        return String(rest)
    }
}
