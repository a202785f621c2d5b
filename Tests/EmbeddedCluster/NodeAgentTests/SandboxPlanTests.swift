import KubernetesAPI
import NodeAgent
import Testing

@Suite struct SandboxPlanTests {
    private func request(_ container: Container, mounts: [SandboxMount] = []) -> SandboxRequest {
        SandboxRequest(
            container: container, image: ContainerImage(entrypoint: ["/bin/run"], workingDir: "/work"),
            hostname: "pod-a", environment: ["A": "1"], mounts: mounts, etcFolder: "/s/etc",
            temporaryFolder: "/s/tmp", terminationMessageFile: "/s/termination",
            layout: HostLayout(entries: [.folder("/usr"), .link("/bin", target: "usr/bin")]))
    }

    private func contains(_ plan: SandboxPlan, _ words: String...) -> Bool {
        plan.options.indices.contains { Array(plan.options[$0...].prefix(words.count)) == words }
    }

    @Test
    func `a sandbox isolates everything but the network`() throws {
        let plan = try SandboxPlan(request(Container(name: "c", image: "i")))
        for option in ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--clearenv"] {
            #expect(plan.options.contains(option))
        }
        #expect(!plan.options.contains("--unshare-net"))
        #expect(contains(plan, "--cap-drop", "ALL"))
        #expect(contains(plan, "--hostname", "pod-a"))
        #expect(contains(plan, "--ro-bind", "/usr", "/usr"))
        #expect(contains(plan, "--symlink", "usr/bin", "/bin"))
        #expect(contains(plan, "--bind", "/s/tmp", "/tmp"))
        #expect(contains(plan, "--bind", "/s/termination", "/dev/termination-log"))
        #expect(contains(plan, "--chdir", "/work"))
        #expect(plan.program == ["/bin/run"])
    }

    @Test
    func `parents are mounted before their children`() throws {
        let plan = try SandboxPlan(
            request(
                Container(name: "c"),
                mounts: [
                    SandboxMount(host: "/v/b", path: "/workspace/data", isReadOnly: true),
                    SandboxMount(host: "/v/a", path: "/workspace", isReadOnly: false),
                ]))
        let outer = try #require(plan.options.firstIndex(of: "/v/a"))
        let inner = try #require(plan.options.firstIndex(of: "/v/b"))
        #expect(outer < inner)
        #expect(contains(plan, "--ro-bind", "/v/b", "/workspace/data"))
        #expect(contains(plan, "--bind", "/v/a", "/workspace"))
    }

    @Test
    func `a read-only root leaves no writable tmp folder`() throws {
        var container = Container(name: "c")
        container.securityContext = SecurityContext()
        container.securityContext?.readOnlyRootFilesystem = true
        let plan = try SandboxPlan(request(container))
        #expect(contains(plan, "--remount-ro", "/"))
        #expect(!contains(plan, "--bind", "/s/tmp", "/tmp"))
    }

    @Test(
        arguments: [
            (nil, nil, "0"), (nil, true, "65532"), (1000, true, "1000"), (1000, nil, "1000"),
        ] as [(Int64?, Bool?, String)])
    func `a container runs as the requested user`(uid: Int64?, nonRoot: Bool?, expected: String)
        throws
    {
        var container = Container(name: "c")
        container.securityContext = SecurityContext()
        container.securityContext?.runAsUser = uid
        container.securityContext?.runAsNonRoot = nonRoot
        #expect(contains(try SandboxPlan(request(container)), "--uid", expected))
    }

    @Test
    func `variables in command and arguments are expanded`() throws {
        let plan = try SandboxPlan(
            request(Container(name: "c", command: ["echo", "$(A)"], args: ["$(B)", "$$(A)"])))
        #expect(plan.program == ["echo", "1", "$(B)", "$(A)"])
    }

    @Test(arguments: ["/", "relative", "/a/../etc", "/../x"])
    func `paths that could leave the sandbox are refused`(path: String) {
        #expect(throws: ConfigurationError.self) {
            try SandboxPlan(
                request(
                    Container(name: "c"),
                    mounts: [SandboxMount(host: "/v", path: path, isReadOnly: false)]))
        }
    }

    @Test
    func `privileged containers are refused, and root where it is forbidden`() {
        var privileged = Container(name: "c")
        privileged.securityContext = SecurityContext()
        privileged.securityContext?.privileged = true
        #expect(throws: ConfigurationError.self) { try SandboxPlan(request(privileged)) }
        var root = Container(name: "c")
        root.securityContext = SecurityContext()
        root.securityContext?.runAsNonRoot = true
        root.securityContext?.runAsUser = 0
        #expect(throws: ConfigurationError.self) { try SandboxPlan(request(root)) }
    }
}
