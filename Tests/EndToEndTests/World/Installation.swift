import Foundation

/// Paths of the programs that the tests use: Anneal's beside the test bundle, the others where `hack/setup`
/// puts them.
struct Installation: Sendable {
    struct Missing: Error, CustomStringConvertible {
        var path: String
        var remedy: String
        var description: String { "\(path) is missing: \(remedy)" }
    }

    let repository: URL
    let binaries: URL
    let cache: URL

    init() throws {
        let environment = ProcessInfo.processInfo.environment
        repository = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        binaries =
            environment["ANNEAL_BINARIES"].map { URL(fileURLWithPath: $0) }
            ?? URL(fileURLWithPath: bundle).deletingLastPathComponent()
        let caches = environment["XDG_CACHE_HOME"] ?? "\(environment["HOME"] ?? "/root")/.cache"
        cache = URL(fileURLWithPath: environment["ANNEAL_CACHE"] ?? "\(caches)/anneal")
    }

    /// One of Anneal's own programs.
    func own(_ name: String) throws -> Program {
        try program(binaries.appendingPathComponent(name), remedy: "swift build --product \(name)")
    }

    /// A program of the folder that `hack/setup` fills.
    func tool(_ path: String) throws -> Program {
        try program(cache.appendingPathComponent(path), remedy: "hack/setup")
    }

    /// A file of the tests.
    func fixture(_ name: String) -> URL {
        repository.appendingPathComponent("Tests/EndToEndTests/Fixtures").appendingPathComponent(name)
    }

    /// The image map of the tests: the runtimes of `examples/`, and fixtures that need nothing but Python.
    /// They are mounted where no volume of a pod can cover them, as `/tmp` would where the clone or the cache is there.
    func imageMap() async throws -> String {
        let runtimes = repository.appendingPathComponent("examples/runtimes").path
        let fixtures = repository.appendingPathComponent("Tests/EndToEndTests/Fixtures").path
        let trainers = cache.appendingPathComponent("trainers").path
        // The interpreter from which the virtual environment was made.
        let python = try await tool("trainers/bin/python")("-c", "import sys; print(sys.base_prefix, end='')")
        func runtime(_ image: String, _ script: String) -> String {
            """
            anneal/\(image):
              entrypoint: [/opt/anneal/trainers/bin/python, /opt/anneal/runtimes/\(script)]
              readOnlyBinds:
                - {host: "\(python)", path: "\(python)"}
                - {host: "\(trainers)", path: /opt/anneal/trainers}
                - {host: "\(runtimes)", path: /opt/anneal/runtimes}
              env: {HF_HUB_OFFLINE: "1", PYTHONDONTWRITEBYTECODE: "1"}

            """
        }
        func fixture(_ name: String) -> String {
            """
            fixture/\(name):
              entrypoint: [/usr/bin/python3, /opt/anneal/fixtures/\(name).py]
              readOnlyBinds: [{host: "\(fixtures)", path: /opt/anneal/fixtures}]
              env: {PYTHONDONTWRITEBYTECODE: "1"}

            """
        }
        let libraries = try await swiftRuntime().map { "\n    - {host: \"\($0)\", path: \"\($0)\"}" }.joined()
        let agent = """
            anneal/agent:
              entrypoint: [/opt/anneal/bin/anneal-agent]
              env: {PATH: "/opt/anneal/bin:/usr/bin:/bin"}
              readOnlyBinds:
                - {host: "\(binaries.path)", path: /opt/anneal/bin}\(libraries)

            """
        let images =
            agent + runtime("sft", "sft/train.py") + runtime("evaluate", "evaluate/evaluate.py")
            + fixture("trainer") + fixture("evaluator")
        return "images:\n" + images.split(separator: "\n").map { "  \($0)\n" }.joined()
    }

    /// The folder of Swift's shared libraries, as `ldd` finds it; empty for a program without them.
    private func swiftRuntime() async throws -> [String] {
        let agent = binaries.appendingPathComponent("anneal-agent").path
        let libraries = try await Program(path: "/usr/bin/ldd")(agent).split(separator: "\n")
        guard let core = libraries.first(where: { $0.contains("libswiftCore.so") }) else { return [] }
        return core.split(separator: " ").filter { $0.hasPrefix("/") }.map {
            URL(fileURLWithPath: String($0)).deletingLastPathComponent().path
        }
    }

    private func program(_ url: URL, remedy: String) throws -> Program {
        guard FileManager.default.isExecutableFile(atPath: url.path) else {
            throw Missing(path: url.path, remedy: "run \(remedy)")
        }
        return Program(path: url.path)
    }
}
