import KubernetesAPI
import Testing

@testable import APIServer

/// Events chosen by their fields, in both forms, as upstream's conversions of field labels allow it.
@Suite struct EventSelectionTests {
    private let core = "/api/v1/namespaces/default/events"
    private let newer = "/apis/events.k8s.io/v1/namespaces/default/events"

    /// Writes an event as a kubelet does, by `v1`.
    private func report(
        _ server: TestServer, _ name: String, about uid: String, type: String = "Warning"
    ) async {
        let response = await server.send(
            "POST", core,
            body: [
                "apiVersion": "v1", "kind": "Event", "metadata": ["name": .string(name)],
                "involvedObject": [
                    "apiVersion": "v1", "kind": "Pod", "namespace": "default", "name": "demo",
                    "uid": .string(uid),
                ],
                "reason": "FailedMount", "message": "no such volume", "type": .string(type),
                "source": ["component": "kubelet", "host": "n1"], "count": 2,
                "firstTimestamp": "2026-03-01T10:00:00Z", "lastTimestamp": "2026-03-01T10:01:00Z",
            ])
        #expect(response.status == 201)
    }

    private func names(_ server: TestServer, _ path: String, _ selector: String) async -> [String] {
        let response = await server.send("GET", "\(path)?fieldSelector=\(selector)")
        #expect(response.status == 200, "\(response.json)")
        return (response.json["items"]?.arrayValue ?? []).map(\.objectName)
    }

    @Test func `an object's events are found by its UID, in either form`() async throws {
        let server = try await TestServer()
        await report(server, "a", about: "uid-1")
        await report(server, "b", about: "uid-2")
        await report(server, "c", about: "uid-1", type: "Normal")
        #expect(await names(server, core, "involvedObject.uid=uid-1") == ["a", "c"])
        #expect(await names(server, newer, "regarding.uid=uid-1") == ["a", "c"])
        #expect(await names(server, newer, "regarding.uid=uid-1,type=Warning") == ["a"])
        #expect(await names(server, newer, "regarding.uid=uid-3") == [])
        #expect(await names(server, core, "source=kubelet,involvedObject.uid!=uid-1") == ["b"])
    }

    @Test func `the times of a kubelet's event are those that its form has`() async throws {
        let server = try await TestServer()
        await report(server, "a", about: "uid-1")
        let event = await server.send("GET", "\(newer)/a").json
        #expect(event["deprecatedFirstTimestamp"] == "2026-03-01T10:00:00Z")
        #expect(event["deprecatedLastTimestamp"] == "2026-03-01T10:01:00Z")
        #expect(event["deprecatedCount"] == 2)
        #expect(event["eventTime"]?.isNull != false)
    }

    @Test(arguments: [
        ("/apis/events.k8s.io/v1/namespaces/default/events", "involvedObject.uid"),
        ("/apis/events.k8s.io/v1/namespaces/default/events", "source"),
        ("/api/v1/namespaces/default/events", "regarding.uid"),
        ("/api/v1/namespaces/default/events", "note"),
    ])
    func `a field of the other form is refused`(path: String, field: String) async throws {
        let server = try await TestServer()
        let response = await server.send("GET", "\(path)?fieldSelector=\(field)%3Dx")
        #expect(response.status == 400)
        #expect(
            response.json["message"]?.stringValue?.contains("field label not supported: \(field)") == true)
    }
}
