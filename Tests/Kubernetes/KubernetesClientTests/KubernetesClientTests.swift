import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Synchronization
import TestSupport
import Testing

@testable import KubernetesClient

@Suite(.timeLimit(.minutes(1)))
struct KubernetesClientTests {
    private let transport = HTTPTransport()

    private func client(
        _ server: ScriptedServer, credentials: ClusterConfiguration.Credentials = .none,
        requestTimeout: Duration = .seconds(30),
        observer: (@Sendable (RequestObservation) -> Void)? = nil
    ) -> KubernetesClient {
        KubernetesClient(
            configuration: ClusterConfiguration(server: server.url + "/", credentials: credentials),
            transport: transport, userAgent: "anneal-test/1", requestTimeout: requestTimeout,
            observer: observer, clock: { Timestamp(seconds: 0) })
    }

    private static let configMap =
        #"{"metadata":{"name":"a","namespace":"n","resourceVersion":"7"},"data":{"k":"v"}}"#

    @Test func `an object is read with its credentials and user agent`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200, Self.configMap) }
        let object = try await client(server, credentials: .token("t"))
            .get(ConfigMap.self, ObjectKey(namespace: "n", name: "a"))
        #expect(object.data == ["k": "v"])
        let seen = try #require(server.requests.first)
        #expect(seen.target == "/api/v1/namespaces/n/configmaps/a")
        #expect(seen.headers["authorization"] == "Bearer t")
        #expect(seen.headers["user-agent"] == "anneal-test/1")
        #expect(seen.headers["accept"] == "application/json")
    }

    @Test func `an apply sends only fields that it may claim`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200, Self.configMap) }
        var object = ConfigMap(metadata: ObjectMeta(name: "a", namespace: "n", labels: ["l": "1"]))
        object.metadata.resourceVersion = "7"
        object.metadata.uid = "u"
        object.metadata.creationTimestamp = Timestamp(seconds: 0)
        _ = try await client(server).apply(object, fieldManager: "anneal")
        let seen = try #require(server.requests.first)
        #expect(seen.method == "PATCH")
        #expect(seen.headers["content-type"] == "application/apply-patch+yaml")
        #expect(seen.query("fieldManager") == "anneal" && seen.query("force") == "true")
        let body = try JSONValue(parsing: seen.body)
        #expect(body["apiVersion"] == "v1" && body["kind"] == "ConfigMap")
        #expect(body["metadata"] == ["name": "a", "namespace": "n", "labels": ["l": "1"]])
    }

    @Test func `an apply of a status sends the status alone`() throws {
        var job = Job(metadata: ObjectMeta(name: "j", namespace: "n", labels: ["l": "1"]))
        job.metadata.uid = "u"
        job.status = JobStatus()
        let status = try WireObject.applied(job, isStatus: true)
        #expect(
            Set(status.objectValue?.keys.map { $0 } ?? []) == ["apiVersion", "kind", "metadata", "status"])
        #expect(status["metadata"] == ["name": "j", "namespace": "n"])
        #expect(try WireObject.applied(job, isStatus: false)["status"] == nil)
    }

    @Test func `a delete carries its preconditions`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200, "{}") }
        try await client(server).delete(
            ConfigMap.self, ObjectKey(namespace: "n", name: "a"), options: DeleteOptions(uid: "u1"))
        let seen = try #require(server.requests.first)
        #expect(seen.method == "DELETE")
        #expect(try JSONValue(parsing: seen.body)["preconditions"] == ["uid": "u1"])
    }

    @Test func `only the identity of an object is read from an answer`() async throws {
        let server = try ScriptedServer { connection, request in
            // The wrong type of `data` shows that the rest is not decoded.
            connection.respond(
                201,
                #"{"data":7,"metadata":{"creationTimestamp":"2026-11-21T00:00:00Z","resourceVersion":"12","uid":"u"}}"#
            )
        }
        var object = ConfigMap(metadata: ObjectMeta(name: "a", namespace: "n"))
        object.data = ["k": "v"]
        let created = try await client(server).createIdentified(object)
        #expect(created.metadata.uid == "u" && created.metadata.resourceVersion == "12")
        #expect(created.metadata.creationTimestamp == Timestamp("2026-11-21T00:00:00Z"))
        #expect(created.data == ["k": "v"])
        let version = try await client(server).patchVersion(ConfigMap.self, object.key, .merge([:]))
        #expect(version == "12")
        #expect(server.requests.map(\.method) == ["POST", "PATCH"])
    }

    @Test func `an object that was created without an identity is an error`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(201, "{}") }
        let object = ConfigMap(metadata: ObjectMeta(name: "a", namespace: "n"))
        let error = await error { try await client(server).createIdentified(object) }
        #expect(error?.description.contains("without a UID") == true)
    }

    /// Answers of a kube-apiserver 1.36.
    @Test(arguments: [
        (
            404,
            #"{"kind":"Status","status":"Failure","message":"configmaps \"a\" not found","reason":"NotFound","code":404}"#,
            "notFound"
        ),
        (409, #"{"kind":"Status","reason":"AlreadyExists","code":409}"#, "alreadyExists"),
        (409, #"{"kind":"Status","reason":"Conflict","code":409}"#, "conflict"),
        (410, #"{"kind":"Status","reason":"Expired","code":410}"#, "expired"),
        (422, #"{"kind":"Status","reason":"Invalid","code":422}"#, "invalid"),
        (403, #"{"kind":"Status","reason":"Forbidden","code":403}"#, "forbidden"),
        (404, "404 page not found\n", "notFound"), (502, "<html>bad gateway</html>", "retryable"),
        (503, "", "retryable"), (500, "{", "retryable"), (501, "", ""), (429, "slow down", "retryable"),
    ])
    func `an error is known by its meaning`(code: Int, body: String, meaning: String) async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(code, body) }
        let error = await error {
            try await client(server).get(ConfigMap.self, ObjectKey(namespace: "n", name: "a"))
        }
        let seen = try #require(error)
        let meanings = [
            "notFound": seen.isNotFound, "alreadyExists": seen.isAlreadyExists, "conflict": seen.isConflict,
            "expired": seen.isExpired, "invalid": seen.isInvalid, "forbidden": seen.isForbidden,
            "retryable": seen.isRetryable,
        ]
        #expect(Set(meanings.filter(\.value).keys) == (meaning.isEmpty ? [] : [meaning]))
        #expect(seen.code == code)
        #expect(!seen.description.isEmpty)
    }

    @Test func `the server says how long to wait`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(429, headers: ["Retry-After": "7"], "busy")
        }
        let error = await error { try await client(server).list(ConfigMap.self) }
        #expect(error?.retryAfter == .seconds(7))
    }

    @Test func `a list is fetched page by page, and starts anew when its pages are too old`() async throws {
        let expired = Atomic<Bool>(false)
        let server = try ScriptedServer { connection, request in
            switch request.query("continue") {
            case nil:
                connection.respond(
                    200,
                    #"{"metadata":{"resourceVersion":"5","continue":"p2"},"items":[{"metadata":{"name":"a"}}]}"#
                )
            default:
                if !expired.exchange(true, ordering: .relaxed) { return connection.respond(410, "old") }
                connection.respond(
                    200, #"{"metadata":{"resourceVersion":"6"},"items":[{"metadata":{"name":"b"}}]}"#)
            }
        }
        let list = try await client(server).listAll(ConfigMap.self, namespace: "n", pageSize: 1)
        #expect(list.items.map(\.name) == ["a", "b"])
        #expect(list.metadata.resourceVersion == "6")
        #expect(server.requests.map { $0.query("continue") ?? "-" } == ["-", "p2", "-", "p2"])
        #expect(server.requests.allSatisfy { $0.query("limit") == "1" })
    }

    @Test func `a token is read again when the server refuses it`() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "token-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("old\n".utf8).write(to: URL(filePath: path))
        let server = try ScriptedServer { connection, request in
            let isNew = request.headers["authorization"] == "Bearer new"
            connection.respond(isNew ? 200 : 401, isNew ? Self.configMap : "who?")
        }
        let client = client(server, credentials: .tokenFile(path: path))
        let first = await error { try await client.get(ConfigMap.self, ObjectKey(namespace: "n", name: "a")) }
        #expect(first?.isUnauthorized == true)
        #expect(server.requests.count == 2)
        try Data("new\n".utf8).write(to: URL(filePath: path))
        _ = try await client.get(ConfigMap.self, ObjectKey(namespace: "n", name: "a"))
        _ = try await client.get(ConfigMap.self, ObjectKey(namespace: "n", name: "a"))
        // The old token was refused and the new one accepted; later requests were accepted at once.
        #expect(server.requests.count <= 5)
    }

    @Test func `a fixed token that is refused is not sent again`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(401, "who?") }
        let error = await error { try await client(server, credentials: .token("t")).list(ConfigMap.self) }
        #expect(error?.isUnauthorized == true)
        #expect(server.requests.count == 1)
    }

    @Test func `each request is observed`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(404, "") }
        let seen = Mutex<[RequestObservation]>([])
        _ = await error {
            try await client(server, observer: { one in seen.withLock { $0.append(one) } }).list(
                ConfigMap.self)
        }
        #expect(seen.withLock { $0.map(\.status) } == [404])
        #expect(seen.withLock { $0.map(\.request.path) } == ["/api/v1/configmaps"])
    }

    @Test func `a request ends at its time limit`() async throws {
        let server = try ScriptedServer { connection, _ in connection.waitForClose() }
        let error = await error {
            try await client(server, requestTimeout: .milliseconds(50)).list(ConfigMap.self)
        }
        guard case .transport(let transport) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(transport.code == .timedOut && error?.isRetryable == true && error?.mayHaveActed == true)
    }

    @Test func `a watch passes over an object that does not decode and says so`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.beginChunks()
            connection.sendChunk(WatchDecoderTests.transcript)
            connection.endChunks()
        }
        let malformed = Mutex<[MalformedObject]>([])
        let watch = try await client(server).watch(
            ConfigMap.self, namespace: "n", options: WatchOptions(resourceVersion: "364"),
            onMalformed: { object in malformed.withLock { $0.append(object) } })
        var count = 0
        for try await _ in watch { count += 1 }
        #expect(count == 4)
        #expect(malformed.withLock { $0.map(\.key.name) } == ["b"])
        let seen = try #require(server.requests.first)
        #expect(seen.query("watch") == "true" && seen.query("allowWatchBookmarks") == "true")
        #expect(seen.query("resourceVersion") == "364")
    }

    @Test func `a watch that is refused is an error with its status`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(410, #"{"kind":"Status","reason":"Expired","code":410,"message":"too old"}"#)
        }
        let error = await error { try await client(server).watch(ConfigMap.self) }
        #expect(error?.isExpired == true)
    }

    private func error<T>(_ body: () async throws -> T) async -> KubernetesError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? KubernetesError
        }
    }
}
