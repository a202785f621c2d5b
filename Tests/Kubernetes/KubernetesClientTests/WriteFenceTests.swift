import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import TestSupport
import Testing

@testable import KubernetesClient

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Requests of a process that no longer leads.
@Suite(.timeLimit(.minutes(1)))
struct WriteFenceTests {
    private static let configMap = #"{"metadata":{"name":"a","namespace":"n","resourceVersion":"7"}}"#
    private let key = ObjectKey(namespace: "n", name: "a")

    private func client(_ server: ScriptedServer, _ fence: WriteFence, connections: Int = 0)
        -> KubernetesClient
    {
        KubernetesClient(
            configuration: ClusterConfiguration(server: server.url),
            transport: HTTPTransport(configuration: .init(maxConnectionsPerHost: connections))
        ).fenced(by: fence)
    }

    private func window(_ send: Duration, _ finish: Duration = .seconds(30)) -> WriteFence.Window {
        .init(sendBefore: .now + send, finishBefore: .now + finish)
    }

    /// The transport's code for the error of a write; nil if there was none.
    private func codeOfWrite(_ client: KubernetesClient) async -> TransportError.Code? {
        do throws(KubernetesError) {
            try await client.create(ConfigMap(metadata: ObjectMeta(name: "a", namespace: "n")))
            return nil
        } catch {
            guard case .transport(let transport) = error else { return nil }
            return transport.code
        }
    }

    @Test func `a closed fence lets reads pass and no write`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200, Self.configMap) }
        let client = client(server, WriteFence())
        #expect(await codeOfWrite(client) == .deadlinePassed)
        await #expect(throws: KubernetesError.self) { try await client.delete(ConfigMap.self, key) }
        await #expect(throws: KubernetesError.self) {
            try await client.patch(ConfigMap.self, key, .merge([:]))
        }
        _ = try await client.get(ConfigMap.self, key)
        #expect(server.requests.map(\.method) == ["GET"])
    }

    @Test func `an open fence lets writes pass until its time has come`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200, Self.configMap) }
        let fence = WriteFence()
        let client = client(server, fence)
        fence.open(window(.seconds(10)))
        #expect(fence.isOpen)
        #expect(await codeOfWrite(client) == nil)
        fence.open(window(.milliseconds(-1)))
        #expect(!fence.isOpen)
        #expect(await codeOfWrite(client) == .deadlinePassed)
        #expect(server.requests.count == 1)
    }

    @Test func `a write that has waited for a connection beyond its time is not sent`() async throws {
        // The only connection is busy for longer than the second write may wait.
        let server = try ScriptedServer { connection, request in
            if request.method == "GET" { usleep(400_000) }
            connection.respond(200, Self.configMap)
        }
        let fence = WriteFence()
        let client = client(server, fence, connections: 1)
        _ = try await client.get(ConfigMap.self, key)
        async let slow = client.get(ConfigMap.self, key)
        while server.requests.count < 2 { await Task.yield() }
        fence.open(window(.milliseconds(100)))
        #expect(await codeOfWrite(client) == .deadlinePassed)
        _ = try await slow
        #expect(server.requests.map(\.method) == ["GET", "GET"])
    }

    @Test func `a write without an answer is given up when the lease is over`() async throws {
        let server = try ScriptedServer { connection, _ in connection.waitForClose() }
        let fence = WriteFence()
        let client = client(server, fence)
        fence.open(window(.milliseconds(100), .milliseconds(200)))
        let start = ContinuousClock.now
        #expect(await codeOfWrite(client) == .timedOut)
        #expect(start.duration(to: .now) < .seconds(10))
    }

    #if os(Linux)
    @Test func `the clock of the fence counts the time that the machine sleeps`() {
        var boot = timespec()
        clock_gettime(CLOCK_BOOTTIME, &boot)
        let continuous = "\(ContinuousClock.now)"
        // The clock's description begins with the seconds of the clock that it reads.
        let seconds = Duration.seconds(boot.tv_sec).components.seconds
        #expect(continuous.contains("\(seconds)") || continuous.contains("\(seconds + 1)"))
    }
    #endif
}
