import KubernetesAPI
import Synchronization
import Testing

@testable import APIServer

/// Fate of a write when another one comes between its reading and its storing.
@Suite struct WriteRaceTests {
    private let maps = "/api/v1/namespaces/default/configmaps"
    private let apply = ["Content-Type": "application/apply-patch+yaml"]
    private let merge = ["Content-Type": "application/merge-patch+json"]

    private func map(_ data: JSONValue, version: JSONValue? = nil) -> JSONValue {
        var map: JSONValue = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "m"], "data": data,
        ]
        map[path: ["metadata", "resourceVersion"]] = version
        return map
    }

    /// A server with the map `m`, to which `interloper` writes as soon as the next write is admitted.
    private func server(
        _ interloper: Interloper, _ body: @escaping @Sendable (TestServer) async -> Void
    ) async throws -> (TestServer, version: JSONValue?) {
        let server = try await TestServer(plugins: [interloper])
        let made = await server.send("POST", maps, body: map(["a": "1"]))
        interloper.interrupt { await body(server) }
        return (server, made.json[path: ["metadata", "resourceVersion"]])
    }

    private func patchOther(_ server: TestServer) async {
        _ = await server.send("PATCH", "\(maps)/m", headers: merge, body: ["data": ["other": "2"]])
    }

    @Test func `a patch is made of what the other write left`() async throws {
        let (server, _) = try await server(Interloper()) { await patchOther($0) }
        let answer = await server.send("PATCH", "\(maps)/m", headers: merge, body: ["data": ["mine": "3"]])
        #expect(answer.status == 200)
        #expect(answer.json["data"] == ["a": "1", "other": "2", "mine": "3"])
    }

    @Test func `an update of a version is refused, and one of none replaces what is there`() async throws {
        let (pinned, version) = try await server(Interloper()) { await patchOther($0) }
        let refused = await pinned.send("PUT", "\(maps)/m", body: map(["mine": "3"], version: version))
        #expect(refused.status == 409)
        #expect(refused.json["reason"] == "Conflict")
        let (free, _) = try await server(Interloper()) { await patchOther($0) }
        let replaced = await free.send("PUT", "\(maps)/m", body: map(["mine": "3"]))
        #expect(replaced.status == 200)
        #expect(replaced.json["data"] == ["mine": "3"])
    }

    @Test func `an update of what goes meanwhile finds nothing`() async throws {
        let (server, _) = try await server(Interloper()) { server in
            _ = await server.send("DELETE", "\(maps)/m")
        }
        #expect(await server.send("PUT", "\(maps)/m", body: map(["mine": "3"])).status == 404)
    }

    @Test func `a creation is refused, and an apply goes on, where somebody else creates`() async throws {
        for isApply in [false, true] {
            let interloper = Interloper()
            let (server, _) = try await server(interloper) { server in
                _ = await server.send("POST", maps, body: map(["other": "2"]))
            }
            // The deletion is admitted before the interloper has its turn at what comes next.
            let between = interloper.take()
            _ = await server.send("DELETE", "\(maps)/m")
            if let between { interloper.interrupt(between) }
            let answer =
                isApply
                ? await server.send(
                    "PATCH", "\(maps)/m?fieldManager=me", headers: apply, body: map(["mine": "3"]))
                : await server.send("POST", maps, body: map(["mine": "3"]))
            #expect(answer.status == (isApply ? 200 : 409))
            #expect(
                (isApply ? answer.json["data"] : answer.json["reason"])
                    == (isApply ? ["other": "2", "mine": "3"] : "AlreadyExists"))
        }
    }

    @Test func `plugins see the options of what a write comes to, and the end of each creation`() async throws
    {
        let interloper = Interloper()
        let server = try await TestServer(plugins: [interloper])
        let path = "\(maps)/m?fieldManager=me"
        _ = await server.send("POST", maps, body: map(["a": "1"]))
        _ = await server.send("POST", maps, body: map(["a": "1"]))
        _ = await server.send("PUT", "\(maps)/m", body: map(["a": "2"]))
        _ = await server.send("PATCH", "\(maps)/m", headers: merge, body: ["data": ["a": "3"]])
        _ = await server.send("PATCH", path, headers: apply, body: map(["b": "4"]))
        _ = await server.send("DELETE", "\(maps)/m")
        _ = await server.send("PATCH", path, headers: apply, body: map(["b": "4"]))
        #expect(
            interloper.seen == [
                "CreateOptions", "completed", "CreateOptions", "UpdateOptions", "UpdateOptions",
                "UpdateOptions", "DeleteOptions", "CreateOptions", "completed",
            ])
    }
}

/// A plugin that does something while a write is on its way, once, and notes what it is asked.
private final class Interloper: AdmissionPlugin {
    private let action = Mutex<(@Sendable () async -> Void)?>(nil)
    private let noted = Mutex<[String]>([])

    var seen: [String] { noted.withLock { $0 } }

    func interrupt(_ action: @escaping @Sendable () async -> Void) { self.action.withLock { $0 = action } }

    func take() -> (@Sendable () async -> Void)? {
        action.withLock { action in
            defer { action = nil }
            return action
        }
    }

    func admit(_ request: inout AdmissionRequest, _ cluster: any AdmissionCluster) async throws(APIError) {
        let kind = request.options["kind"]?.stringValue ?? ""
        noted.withLock { $0.append(kind) }
        await take()?()
    }

    func completed(_ request: AdmissionRequest) { noted.withLock { $0.append("completed") } }
}
