import FoundationEssentials
import KubernetesAPI
import Synchronization
import Testing

@testable import KubernetesClient

@Suite(.timeLimit(.minutes(1)))
struct CredentialTests {
    private let clock = ManualTime()

    private func plugin(_ script: String) -> ExecCredentialCache {
        ExecCredentialCache(
            .init(command: "sh", arguments: ["-c", script], environment: ["GREETING": "hello"]),
            clock: { [clock] in clock.now })
    }

    /// Prints a credential whose token counts the runs.
    private func counting(expiry: String, in file: String) -> String {
        """
        echo x >> \(file); n=$(wc -l < \(file))
        echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t'$n'"\(expiry)}}'
        """
    }

    @Test func `a plugin runs once for many requests until its answer expires`() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "runs-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: file) }
        let cache = plugin(counting(expiry: #","expirationTimestamp":"1970-01-01T01:00:00Z""#, in: file))
        try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<8 { group.addTask { try await cache.credential().token } }
            for try await token in group { #expect(token == "t1") }
        }
        clock.now = Timestamp(seconds: 3600 - 5)
        #expect(try await cache.credential().token == "t2")
        await cache.invalidate()
        #expect(try await cache.credential().token == "t3")
    }

    @Test func `a plugin gets its environment, and its output is read`() async throws {
        let child = PluginProcess(
            command: "sh", arguments: ["-c", "printf %s \"$GREETING\""], environment: ["GREETING": "hello"])
        #expect(try await child.output(limit: 100, timeout: .seconds(20)) == Data("hello".utf8))
    }

    @Test(arguments: [
        ("exit 3", "exit status 3"), ("echo nonsense", "not JSON"), ("kill -9 $$", "signal 9"),
        ("echo {}", "no ExecCredential"), ("true", "not JSON"),
        (
            "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\"}'",
            "neither a token"
        ),
    ])
    func `a plugin that fails is named`(script: String, message: String) async throws {
        let error = await #expect(throws: KubernetesError.self) { try await plugin(script).credential() }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `a missing plugin is named with its hint`() async throws {
        let cache = ExecCredentialCache(
            .init(command: "/nowhere/login", installHint: "install it"), clock: { [clock] in clock.now })
        let error = await #expect(throws: KubernetesError.self) { try await cache.credential() }
        #expect(error?.description.contains("/nowhere/login") == true)
        #expect(error?.description.contains("install it") == true)
    }

    @Test func `a program that prints too much or takes too long is ended`() async throws {
        let loud = PluginProcess(
            command: "sh", arguments: ["-c", "yes"], environment: ["PATH": "/usr/bin:/bin"])
        await #expect(throws: PluginProcess.Failure(message: "printed more than 10000 bytes")) {
            try await loud.output(limit: 10_000, timeout: .seconds(20))
        }
        let slow = PluginProcess(command: "sleep", arguments: ["100"], environment: ["PATH": "/usr/bin:/bin"])
        await #expect(throws: PluginProcess.Failure(message: "did not end in time")) {
            try await slow.output(limit: 10, timeout: .milliseconds(50))
        }
    }

    @Test func `a file is read again after a minute and kept while it is away`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "file-\(UUID().uuidString)").path()
        var file = ReloadedFile(path: path)
        #expect(throws: KubernetesError.self) { try file.read(now: Timestamp(seconds: 0)) }
        try Data("1".utf8).write(to: URL(filePath: path))
        #expect(try file.read(now: Timestamp(seconds: 0)) == Data("1".utf8))
        try Data("2".utf8).write(to: URL(filePath: path))
        #expect(try file.read(now: Timestamp(seconds: 59)) == Data("1".utf8))
        #expect(try file.read(now: Timestamp(seconds: 60)) == Data("2".utf8))
        try FileManager.default.removeItem(atPath: path)
        file.invalidate()
        #expect(try file.read(now: Timestamp(seconds: 61)) == Data("2".utf8))
    }
}

/// A time of day that a test sets.
final class ManualTime: Sendable {
    private let instant = Mutex(Timestamp(seconds: 0))

    var now: Timestamp {
        get { instant.withLock { $0 } }
        set { instant.withLock { $0 = newValue } }
    }
}
