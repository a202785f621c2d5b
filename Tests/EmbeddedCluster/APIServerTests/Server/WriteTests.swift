import KubernetesAPI
import Testing

@testable import APIServer

@Suite struct WriteTests {
    private let maps = "/api/v1/namespaces/default/configmaps"
    private let merge = ["Content-Type": "application/merge-patch+json"]

    private func map(_ metadata: JSONValue, data: JSONValue = [:]) -> JSONValue {
        ["apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data]
    }

    @Test func `the patches of many writers all land`() async throws {
        let server = try await TestServer()
        _ = await server.send("POST", maps, body: map(["name": "x"]))
        await withTaskGroup(of: Int.self) { group in
            for index in 0..<8 {
                group.addTask {
                    await server.send(
                        "PATCH", "\(maps)/x", headers: merge,
                        body: ["data": ["k\(index)": .string(String(index))]]
                    ).status
                }
            }
            for await status in group { #expect(status == 200) }
        }
        let data = await server.send("GET", "\(maps)/x").json["data"]?.objectValue ?? [:]
        #expect(data.count == 8)
    }

    @Test func `one of many creations of one name succeeds`() async throws {
        let server = try await TestServer()
        let statuses = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { await server.send("POST", maps, body: map(["name": "x"])).status }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.sorted() == [201] + Array(repeating: 409, count: 7))
    }

    @Test func `an object with finalizers goes with the last one`() async throws {
        let server = try await TestServer()
        _ = await server.send("POST", maps, body: map(["name": "x", "finalizers": ["a.dev/f", "b.dev/f"]]))
        _ = await server.send("DELETE", "\(maps)/x")
        let revision = server.core.store.revision
        // A second deletion changes nothing.
        #expect(await server.send("DELETE", "\(maps)/x").status == 200)
        #expect(server.core.store.revision == revision)
        _ = await server.send(
            "PATCH", "\(maps)/x", headers: merge, body: ["metadata": ["finalizers": ["b.dev/f"]]])
        #expect(await server.send("GET", "\(maps)/x").status == 200)
        _ = await server.send("PATCH", "\(maps)/x", headers: merge, body: ["metadata": ["finalizers": .null]])
        #expect(await server.send("GET", "\(maps)/x").status == 404)
    }

    @Test(arguments: [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
    func `a propagation policy leaves its finalizer`(policy: String, finalizer: String) async throws {
        let server = try await TestServer()
        _ = await server.send("POST", maps, body: map(["name": "x"]))
        let response = await server.send("DELETE", "\(maps)/x", body: ["propagationPolicy": .string(policy)])
        #expect(response.json.finalizers == [finalizer])
        #expect(response.json.isBeingDeleted)
    }

    @Test func `a dry run stores nothing`() async throws {
        let server = try await TestServer()
        _ = await server.send("POST", maps, body: map(["name": "x"], data: ["a": "1"]))
        let revision = server.core.store.revision
        #expect(await server.send("POST", "\(maps)?dryRun=All", body: map(["name": "y"])).status == 201)
        let patched = await server.send(
            "PATCH", "\(maps)/x?dryRun=All", headers: merge, body: ["data": ["a": "2"]])
        #expect(patched.json["data"] == ["a": "2"])
        #expect(await server.send("DELETE", "\(maps)/x?dryRun=All").status == 200)
        #expect(server.core.store.revision == revision)
        #expect(await server.send("POST", "\(maps)?dryRun=Some", body: map(["name": "y"])).status == 422)
    }

    @Test func `a deletion heeds the options in its body, of one object and of a collection`() async throws {
        let server = try await TestServer()
        _ = await server.send("POST", maps, body: map(["name": "x"]))
        let revision = server.core.store.revision
        let dryRun: JSONValue = ["kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]]
        for target in ["\(maps)/x", maps] {
            #expect(await server.send("DELETE", target, body: dryRun).status == 200)
            #expect(await server.send("DELETE", target, body: ["dryRun": ["Some"]]).status == 422)
            #expect(await server.send("DELETE", target, body: ["dryRun": "All"]).status == 400)
            let another: JSONValue = ["preconditions": ["uid": "another"]]
            #expect(await server.send("DELETE", target, body: another).status == 409)
            // The query of a request with a body is not looked at.
            #expect(await server.send("DELETE", "\(target)?dryRun=Some", body: dryRun).status == 200)
            #expect(await server.send("DELETE", "\(target)?uid=another").status == 409)
        }
        #expect(server.core.store.revision == revision)
        #expect(await server.send("DELETE", "/api/v1/configmaps", body: dryRun).status == 405)
    }

    @Test(arguments: ["exec", "attach", "portforward", "proxy/path", "ephemeralcontainers", "resize"])
    func `what a pod cannot do here is said, and what to do instead`(subresource: String) async throws {
        let server = try await TestServer()
        let pods = "/api/v1/namespaces/default/pods"
        for (method, target) in [("GET", "x/\(subresource)?command=ls"), ("POST", "x/\(subresource)")] {
            #expect(await server.send(method, "\(pods)/\(target)").status == 404, "there is no pod")
        }
        let pod: JSONValue = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "x"],
            "spec": ["containers": [["name": "main", "image": "example:1"]]],
        ]
        #expect(await server.send("POST", pods, body: pod).status == 201)
        for (method, target) in [("GET", "x/\(subresource)?command=ls"), ("POST", "x/\(subresource)")] {
            let answer = await server.send(method, "\(pods)/\(target)")
            #expect(answer.status == 501)
            #expect(answer.json["kind"] == "Status")
            let name = subresource.prefix { $0 != "/" }
            let message = answer.json["message"]?.stringValue ?? ""
            #expect(message.hasPrefix("pods/\(name) is not supported by the embedded cluster: "))
        }
    }

    @Test func `nothing is written where the answer could not be sent`() async throws {
        let server = try await TestServer()
        let revision = server.core.store.revision
        let answer = await server.send(
            "POST", maps, headers: ["Accept": "text/html"], body: map(["name": "x"]))
        #expect(answer.status == 406)
        #expect(server.core.store.revision == revision)
    }

    @Test func `a custom resource goes with its definition`() async throws {
        let server = try await TestServer()
        try await server.run { server in
            let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
            let schema: JSONValue = ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
            _ = await server.send(
                "POST", definitions,
                body: [
                    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                    "metadata": ["name": "things.g.dev"],
                    "spec": [
                        "group": "g.dev", "scope": "Cluster", "names": ["plural": "things", "kind": "Thing"],
                        "versions": [
                            [
                                "name": "v1", "served": true, "storage": true,
                                "schema": ["openAPIV3Schema": schema],
                            ]
                        ],
                    ],
                ])
            let things = GroupResource(group: "g.dev", plural: "things")
            try await server.until { _ in server.core.registry.find(group: "g.dev", plural: "things") != nil }
            let created = await server.send(
                "POST", "/apis/g.dev/v1/things",
                body: ["apiVersion": "g.dev/v1", "kind": "Thing", "metadata": ["name": "t"], "x": [1]])
            #expect(created.status == 201)
            #expect(created.json["x"] == [1])
            #expect(await server.send("DELETE", "\(definitions)/things.g.dev").status == 200)
            try await server.until { store in
                store.list(CustomResourceDefinition.resource).objects.isEmpty
                    && store.list(things).objects.isEmpty
            }
            try await server.until { _ in server.core.registry.find(group: "g.dev", plural: "things") == nil }
            #expect(await server.send("GET", "/apis/g.dev/v1/things").status == 404)
        }
    }

    @Test func `a namespace goes when its finalizers do`() async throws {
        let server = try await TestServer()
        let path = "/api/v1/namespaces/team"
        _ = await server.send(
            "POST", "/api/v1/namespaces",
            body: ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "team"]])
        var namespace = await server.send("DELETE", path).json
        #expect(namespace[path: ["status", "phase"]] == "Terminating")
        namespace[path: ["spec", "finalizers"]] = []
        #expect(await server.send("PUT", "\(path)/finalize", body: namespace).status == 200)
        #expect(await server.send("GET", path).status == 404)
    }

    @Test func `a second start finds the state that the first one left`() async throws {
        let folder = TemporaryFolder.make()
        let token: String
        do {
            let server = try await TestServer(folder: folder)
            token = server.adminToken
            _ = await server.send("POST", maps, body: map(["name": "x"], data: ["a": "1"]))
        }
        let server = try await TestServer(folder: folder)
        #expect(server.adminToken == token)
        #expect(await server.send("GET", "\(maps)/x").json["data"] == ["a": "1"])
    }

    @Test func `every request is audited`() async throws {
        let path = TemporaryFolder.make() + "/audit.jsonl"
        let server = try await TestServer(auditLogPath: path)
        _ = await server.send("POST", maps, body: map(["name": "x"]))
        _ = await server.send("GET", "\(maps)/none")
        let lines = try AuditedRequests.read(path)
        #expect(lines.map { $0["verb"] } == ["create", "get"])
        #expect(lines.map { $0["code"] } == [201, 404])
        #expect(lines[1]["name"] == "none")
        #expect(lines[0]["user"] == "admin")
    }

    @Test func `JSON that nests too deep is refused`() async throws {
        let server = try await TestServer()
        let text = String(repeating: "[", count: 100_000)
        for type in ["application/json", "application/yaml"] {
            let response = await server.send(
                "POST", maps, headers: ["Content-Type": type], data: .init(text.utf8))
            #expect(response.status == 400)
        }
    }
}
