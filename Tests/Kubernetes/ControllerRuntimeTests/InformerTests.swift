import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Synchronization
import TestSupport
import Testing

@testable import ControllerRuntime

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(1)))
struct InformerTests {
    private let transport = HTTPTransport()
    private let quick = JitteredBackoff(initial: .milliseconds(1), maximum: .milliseconds(5))

    private func client(_ server: ScriptedServer) -> KubernetesClient {
        KubernetesClient(
            configuration: ClusterConfiguration(server: server.url), transport: transport)
    }

    /// Runs an informer in a task until `body` returns, and collects the changes that its handler is told.
    private func withInformer(
        _ server: ScriptedServer, options: Informer<ConfigMap>.Options,
        transform: (@Sendable (ConfigMap) -> ConfigMap)? = nil,
        onMalformed: (@Sendable (MalformedObject) -> Void)? = nil,
        _ body: (Informer<ConfigMap>, inout AsyncStream<String>.Iterator) async throws -> Void
    ) async throws {
        let informer = Informer<ConfigMap>(
            client: client(server), namespace: "n", options: options, transform: transform,
            onMalformed: onMalformed)
        let (changes, change) = AsyncStream.makeStream(of: String.self)
        informer.addHandler { change.yield(describe($0)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await informer.run() }
            var iterator = changes.makeAsyncIterator()
            try await body(informer, &iterator)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func event(_ type: String, _ name: String, _ version: Int) -> String {
        #"{"type":"\#(type)","object":{"metadata":{"name":"\#(name)","namespace":"n","uid":"u","resourceVersion":"\#(version)"}}}"#
            + "\n"
    }

    /// Bookmark that closes the initial list of a streaming watch.
    private static func endOfList(_ version: Int) -> String {
        #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"\#(version)","annotations":{"k8s.io/initial-events-end":"true"}}}}"#
            + "\n"
    }

    @Test func `a server without streaming lists is followed through an expiry in the stream`() async throws {
        let lists = Atomic<Int>(0)
        let server = try ScriptedServer { connection, request in
            if request.query("sendInitialEvents") != nil {
                return connection.respond(422, #"{"kind":"Status","reason":"Invalid","code":422}"#)
            }
            guard request.query("watch") != nil else {
                let isFirst = lists.wrappingAdd(1, ordering: .relaxed).oldValue == 0
                let names = isFirst ? ["a", "b"] : ["b", "c"]
                let items = names.map {
                    #"{"metadata":{"name":"\#($0)","namespace":"n","uid":"u","resourceVersion":"5"}}"#
                }
                return connection.respond(
                    200,
                    #"{"metadata":{"resourceVersion":"\#(isFirst ? 10 : 30)"},"items":[\#(items.joined(separator: ","))]}"#
                )
            }
            connection.beginChunks()
            if request.query("resourceVersion") == "10" {
                connection.sendChunk(event("MODIFIED", "a", 11))
                connection.sendChunk(
                    #"{"type":"ERROR","object":{"kind":"Status","message":"too old","reason":"Expired","code":410}}"#
                        + "\n")
                connection.endChunks()
            } else {
                connection.waitForClose()
            }
        }
        try await withInformer(server, options: .init(backoff: quick, seed: 1)) { informer, changes in
            try await informer.waitUntilSynced()
            var seen: [String] = []
            while seen.count < 5, let change = await changes.next() { seen.append(change) }
            #expect(Set(seen.prefix(2)) == ["added a", "added b"])
            #expect(seen.dropFirst(2).first == "updated a")
            #expect(seen.suffix(2) == ["deleted a", "added c"])
            #expect(informer.store.list().map(\.name).sorted() == ["b", "c"])
        }
    }

    @Test func `a streaming list fills the store at once and goes on as a watch`() async throws {
        let server = try ScriptedServer { connection, request in
            guard request.query("sendInitialEvents") == "true" else { return connection.respond(500) }
            connection.beginChunks()
            for index in 0..<50 { connection.sendChunk(event("ADDED", "o\(index)", 10 + index)) }
            connection.sendChunk(Self.endOfList(99))
            connection.sendChunk(event("ADDED", "late", 100))
            connection.waitForClose()
        }
        try await withInformer(server, options: .init(seed: 1)) { informer, changes in
            try await informer.waitUntilSynced()
            #expect(informer.store.count >= 50)
            while let change = await changes.next(), change != "added late" {}
            #expect(informer.store.count == 51)
        }
        #expect(server.requests.first?.query("resourceVersionMatch") == "NotOlderThan")
    }

    @Test func `objects of a streaming list are reduced as they come and not at its end`() async throws {
        let (reductions, reduce) = AsyncStream.makeStream(of: String.self)
        let mayEnd = Atomic<Bool>(false)
        let server = try ScriptedServer { connection, request in
            guard request.query("sendInitialEvents") == "true" else { return connection.respond(500) }
            connection.beginChunks()
            connection.sendChunk(event("ADDED", "a", 10))
            connection.sendChunk(event("ADDED", "b", 11))
            while !mayEnd.load(ordering: .relaxed) { usleep(1_000) }
            connection.sendChunk(Self.endOfList(12))
            connection.waitForClose()
        }
        try await withInformer(
            server, options: .init(backoff: quick, seed: 1),
            transform: { object in
                reduce.yield(object.name)
                var object = object
                object.data = ["reduced": "yes"]
                return object
            }
        ) { informer, _ in
            var seen: [String] = []
            for await name in reductions {
                seen.append(name)
                if seen.count == 2 { break }
            }
            #expect(seen == ["a", "b"] && !informer.store.hasSynced)
            mayEnd.store(true, ordering: .relaxed)
            try await informer.waitUntilSynced()
            #expect(informer.store.list().allSatisfy { $0.data == ["reduced": "yes"] })
            #expect(informer.store.count == 2)
        }
    }

    @Test func `an object that does not decode is reported and leaves the store, while its neighbours go on`()
        async throws
    {
        let server = try ScriptedServer { connection, _ in
            connection.beginChunks()
            connection.sendChunk(event("ADDED", "a", 1) + event("ADDED", "b", 2))
            connection.sendChunk(
                #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"2","annotations":{"k8s.io/initial-events-end":"true"}}}}"#
                    + "\n")
            connection.sendChunk(
                #"{"type":"MODIFIED","object":{"metadata":{"name":"a","namespace":"n","resourceVersion":"3"},"data":1}}"#
                    + "\n" + event("MODIFIED", "b", 4))
            connection.waitForClose()
        }
        let malformed = Mutex<[MalformedObject]>([])
        try await withInformer(
            server, options: .init(seed: 1),
            transform: { object in
                var object = object
                object.data = ["transformed": "yes"]
                return object
            }, onMalformed: { object in malformed.withLock { $0.append(object) } }
        ) { informer, changes in
            var seen: [String] = []
            while seen.count < 4, let change = await changes.next() { seen.append(change) }
            #expect(seen.suffix(2) == ["deleted a", "updated b"])
            #expect(informer.store.list().map(\.data) == [["transformed": "yes"]])
        }
        #expect(malformed.withLock { $0.map(\.key.name) } == ["a"])
        #expect(malformed.withLock { $0.first?.reason.hasPrefix("data") } == true)
    }

    @Test func `a silent watch is replaced`() async throws {
        let watches = Atomic<Int>(0)
        let server = try ScriptedServer { connection, request in
            guard request.query("watch") != nil else {
                return connection.respond(200, #"{"metadata":{"resourceVersion":"10"},"items":[]}"#)
            }
            connection.beginChunks()
            if watches.wrappingAdd(1, ordering: .relaxed).oldValue > 0 {
                connection.sendChunk(event("ADDED", "a", 11))
            }
            connection.waitForClose()
        }
        let options = Informer<ConfigMap>.Options(
            watchSeconds: 1, idleMargin: .milliseconds(-900), usesStreamingLists: false, backoff: quick,
            seed: 1)
        try await withInformer(server, options: options) { _, changes in
            #expect(await changes.next() == "added a")
        }
    }

    @Test func `waiting for an informer ends when the informer does`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(503) }
        let informer = Informer<ConfigMap>(client: client(server), options: .init(seed: 1))
        let waiting = Task { try await informer.waitUntilSynced() }
        let running = Task { try await informer.run() }
        running.cancel()
        _ = try await running.value
        await #expect(throws: CancellationError.self) { try await waiting.value }
        await #expect(throws: CancellationError.self) { try await informer.waitUntilSynced() }
    }
}
