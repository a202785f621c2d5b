import KubernetesAPI
import Testing

@testable import APIServer

@Suite struct WatchTests {
    private let path = "/api/v1/namespaces/default/configmaps"

    private func create(_ server: TestServer, _ name: String, labels: JSONValue = [:]) async -> Int64 {
        let response = await server.send(
            "POST", path,
            body: [
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": ["name": .string(name), "labels": labels],
            ])
        #expect(response.status == 201)
        return response.json[metadata: "resourceVersion"]?.stringValue.flatMap { Int64($0) } ?? 0
    }

    private func events(
        _ server: TestServer, _ query: String, headers: [String: String] = [:], limit: Int
    ) async -> [JSONValue] {
        let response = await server.send(
            "GET", "\(path)?watch=1&timeoutSeconds=20&\(query)", headers: headers)
        #expect(response.status == 200)
        return await LineCollector.collect(response, limit: limit)
    }

    private func summary(_ events: [JSONValue]) -> [String] {
        events.map { event in
            "\(event["type"]?.stringValue ?? "") \(event["object"]?.objectName ?? "")"
        }
    }

    private static func token(_ page: JSONValue) -> String? {
        page["metadata"]?["continue"]?.stringValue
    }

    @Test func `a watch goes on from a version`() async throws {
        let server = try await TestServer()
        let first = await create(server, "a")
        _ = await create(server, "b")
        _ = await server.send("DELETE", "\(path)/a")
        #expect(
            summary(await events(server, "resourceVersion=\(first)", limit: 2)) == ["ADDED b", "DELETED a"])
    }

    @Test func `a watch sees the changes of its time`() async throws {
        let server = try await TestServer()
        let response = await server.send("GET", "\(path)?watch=1&timeoutSeconds=20")
        async let collected = LineCollector.collect(response, limit: 3)
        _ = await create(server, "a")
        _ = await create(server, "b")
        _ = await server.send("DELETE", "\(path)/a")
        #expect(summary(await collected) == ["ADDED a", "ADDED b", "DELETED a"])
    }

    @Test func `an object of another namespace is not seen`() async throws {
        let server = try await TestServer()
        let start = server.core.store.revision
        _ = await server.send(
            "POST", "/api/v1/namespaces/kube-system/configmaps",
            body: ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "elsewhere"]])
        _ = await create(server, "here")
        #expect(summary(await events(server, "resourceVersion=\(start)", limit: 1)) == ["ADDED here"])
    }

    @Test func `a watch from a compacted version ends in an Expired error`() async throws {
        let server = try await TestServer()
        let first = await create(server, "a")
        for index in 0..<5 { _ = await create(server, "b\(index)") }
        try await server.core.store.compact(upTo: first + 3)
        let events = await events(server, "resourceVersion=\(first)", limit: 2)
        #expect(events.count == 1)
        #expect(events[0]["type"] == "ERROR")
        #expect(events[0][path: ["object", "code"]] == 410)
        #expect(events[0][path: ["object", "reason"]] == "Expired")
        let list = await server.send("GET", "\(path)?resourceVersion=\(first)&resourceVersionMatch=Exact")
        #expect(list.status == 410)
    }

    @Test func `bookmarks come behind the changes that they cover`() async throws {
        let server = try await TestServer()
        let revision = await create(server, "a")
        let events = await events(
            server, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
            limit: 2)
        #expect(events[1]["type"] == "BOOKMARK")
        #expect(events[1]["object"]?[metadata: "resourceVersion"] == .string(String(revision)))
        #expect(
            events[1]["object"]?[metadata: "annotations"] == ["k8s.io/initial-events-end": "true"])
    }

    @Test func `a watch of tables sends its columns once`() async throws {
        let server = try await TestServer()
        _ = await create(server, "a")
        _ = await create(server, "b")
        let events = await events(
            server, "resourceVersion=0",
            headers: ["Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"], limit: 2)
        #expect(events[0][path: ["object", "columnDefinitions"]]?.arrayValue?.isEmpty == false)
        #expect(events[1][path: ["object", "columnDefinitions"]] == .null)
        #expect(events[1][path: ["object", "rows"]]?[0]?["cells"]?[0] == "b")
    }

    @Test func `pages show one moment whatever happens between them`() async throws {
        let server = try await TestServer()
        for name in ["a", "b", "c", "d", "e"] { _ = await create(server, name) }
        var names: [String] = []
        var query = "limit=2"
        while true {
            let page: JSONValue = await server.send("GET", "\(path)?\(query)").json
            names += (page["items"]?.arrayValue ?? []).map(\.objectName)
            guard let token = Self.token(page) else { break }
            query = "limit=2&continue=\(URLEscapes.encode(token))"
            _ = await server.send("DELETE", "\(path)/d")
            _ = await create(server, "z\(names.count)")
        }
        #expect(names == ["a", "b", "c", "d", "e"])
    }

    @Test func `a continue token that is too old is Gone`() async throws {
        let server = try await TestServer()
        for name in ["a", "b", "c"] { _ = await create(server, name) }
        let page: JSONValue = await server.send("GET", "\(path)?limit=1").json
        let token = try #require(Self.token(page))
        for index in 0..<3 { _ = await create(server, "x\(index)") }
        try await server.core.store.compact(upTo: server.core.store.revision)
        let next = await server.send("GET", "\(path)?limit=1&continue=\(URLEscapes.encode(token))")
        #expect(next.status == 410)
        #expect(next.json["reason"] == "Expired")
    }
}
