import AdmissionPlugins
import BuiltInKinds
import FoundationEssentials
import KubernetesAPI
import Logging
import Synchronization

@testable import APIServer

/// An API server in this process, without a socket: requests go to its router.
final class TestServer: Sendable {
    let core: ServerCore
    let router: RequestRouter
    let folder: String
    let clock: TestClock
    let adminToken: String
    private let server: APIServer

    /// - Parameter folder: a state folder to go on with; nil for a new one.
    init(
        folder: String? = nil, resources: [ResourceDefinition] = BuiltInResources.definitions,
        plugins: [any AdmissionPlugin] = [NamespaceLifecycle()], auditLogPath: String? = nil
    ) async throws {
        let clock = TestClock()
        self.clock = clock
        self.folder = folder ?? TemporaryFolder.make()
        let identifiers = Mutex(0)
        let environment = ServerEnvironment(
            now: { clock.now },
            makeUID: {
                let number = identifiers.withLock { count in
                    count += 1
                    return count
                }
                let text = String(number)
                let padding = String(repeating: "0", count: 12 - text.count)
                return "00000000-0000-4000-8000-\(padding)\(text)"
            },
            randomSuffix: ServerEnvironment.live.randomSuffix, sleep: ServerEnvironment.live.sleep)
        server = try await APIServer(
            configuration: APIServerConfiguration(
                stateDirectory: self.folder, resources: resources, admissionPlugins: plugins,
                auditLogPath: auditLogPath, environment: environment,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        core = server.core
        adminToken = server.adminToken
        router = try server.makeRouter(port: 6443)
    }

    /// Runs the server's own controllers while `body` runs.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (TestServer) async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { [core] in
                await CustomResourceController(core: core).run()
                return nil
            }
            defer { core.store.closeFeeds() }
            return try await body(self)
        }
    }

    /// Sends a request as the administrator.
    func send(
        _ method: String, _ target: String, headers: [String: String] = [:], body: JSONValue? = nil,
        isAnonymous: Bool = false
    ) async -> APIResponse {
        await send(
            method, target, headers: headers, data: body?.serialized() ?? Data(), isAnonymous: isAnonymous)
    }

    func send(
        _ method: String, _ target: String, headers: [String: String], data: Data, isAnonymous: Bool = false
    ) async -> APIResponse {
        var headers = headers
        if !isAnonymous, headers["Authorization"] == nil { headers["Authorization"] = "Bearer \(adminToken)" }
        if !data.isEmpty, headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
        return await router.respond(
            to: IncomingRequest(method: method, target: target, headers: headers, body: data))
    }

    /// Waits until `condition` holds for the store.
    func until(_ condition: @Sendable (ObjectStore) -> Bool) async throws {
        for _ in 0..<2000 {
            if condition(core.store) { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw TimedOut()
    }

    struct TimedOut: Error {}
}

extension APIResponse {
    var data: Data {
        if case .data(let data) = body { data } else { Data() }
    }

    /// The body as JSON, or as a text if it is none.
    var json: JSONValue {
        (try? JSONValue(parsing: data)) ?? .string(String(decoding: data, as: UTF8.self))
    }

    func header(_ name: String) -> String? { headers.last { $0.name == name }?.value }
}

/// A clock that stands still until it is set.
final class TestClock: Sendable {
    private let time = Mutex(Timestamp(seconds: 1_795_221_735))

    var now: Timestamp {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }
}

enum TemporaryFolder {
    static func make() -> String {
        let path = FileManager.default.temporaryDirectory.path + "/apiserver-\(UUID().uuidString)"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }
}

/// Collects a stream, and cuts it off after a number of lines.
actor LineCollector {
    private var bytes = Data()

    struct Enough: Error {}

    var lines: [JSONValue] {
        bytes.split(separator: 0x0A).compactMap { try? JSONValue(parsing: $0) }
    }

    func append(_ data: Data, limit: Int) throws {
        bytes += data
        if lines.count >= limit { throw Enough() }
    }

    /// The first `limit` events of a watch; fewer if it ends before.
    static func collect(_ response: APIResponse, limit: Int) async -> [JSONValue] {
        guard case .stream(let stream) = response.body else { return [response.json] }
        let collector = LineCollector()
        var sink: any ByteSink = CollectingSink(collector: collector, limit: limit)
        try? await stream.run(&sink)
        return Array(await collector.lines.prefix(limit))
    }
}

private struct CollectingSink: ByteSink {
    let collector: LineCollector
    let limit: Int

    mutating func write(_ data: Data) async throws { try await collector.append(data, limit: limit) }
}

enum AuditedRequests {
    static func read(_ path: String) throws -> [JSONValue] {
        try Data(contentsOf: URL(filePath: path)).split(separator: 0x0A).map { try JSONValue(parsing: $0) }
    }
}
