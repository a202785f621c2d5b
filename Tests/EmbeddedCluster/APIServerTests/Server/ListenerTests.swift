import BuiltInKinds
import Foundation
import HTTPTransport
import KubernetesAPI
import Logging
import Testing

@testable import APIServer

/// The server behind its socket: TLS, streams, limits, and kubectl.
@Suite(.timeLimit(.minutes(2))) struct ListenerTests {
    /// Runs a server while `body` runs.
    private func withServer(
        _ body: @escaping @Sendable (APIServer, String) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder.make()
        let server = try await APIServer(
            configuration: APIServerConfiguration(
                stateDirectory: folder, resources: BuiltInResources.definitions, admissionPlugins: [],
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            defer { group.cancelAll() }
            try await body(server, folder)
        }
    }

    private func request(
        _ server: APIServer, _ method: String, _ path: String, body: Data = Data()
    ) async throws -> HTTPRequest {
        HTTPRequest(
            method: method, url: try await server.address() + path,
            headers: [
                HTTPHeader("Authorization", "Bearer \(server.adminToken)"),
                HTTPHeader("Content-Type", "application/json"),
            ], body: body.isEmpty ? .none : .data(body),
            tls: TLSOptions(certificateAuthority: Data(server.certificateAuthority.utf8)))
    }

    @Test func `a watch streams and ends with its client`() async throws {
        try await withServer { server, _ in
            let event = try await firstEvent(of: server)
            #expect(event["type"] == "ADDED")
            // The client's connection went with its transport, which the server hears when it writes.
            let transport = HTTPTransport()
            var number = 0
            while server.core.store.listenerCount(of: configMaps) > 0 {
                number += 1
                let object: JSONValue = [
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string("y\(number)")],
                ]
                let path = "/api/v1/namespaces/default/configmaps"
                _ = try await transport.send(
                    try await request(server, "POST", path, body: object.serialized()))
                try await Task.sleep(for: .milliseconds(20))
            }
            transport.shutdown()
        }
    }

    private var configMaps: GroupResource { GroupResource(group: "", plural: "configmaps") }

    /// Opens a watch, makes something happen, and leaves with the watch still open.
    private func firstEvent(of server: APIServer) async throws -> JSONValue {
        let transport = HTTPTransport()
        let path = "/api/v1/namespaces/default/configmaps"
        let stream = try await transport.stream(try await request(server, "GET", "\(path)?watch=1"))
        let object: JSONValue = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "x"]]
        let created = try await transport.send(
            try await request(server, "POST", path, body: object.serialized()))
        #expect(created.status == 201)
        #expect(server.core.store.listenerCount(of: configMaps) == 1)
        var iterator = stream.makeAsyncIterator()
        return try JSONValue(parsing: try #require(try await iterator.next()))
    }

    @Test func `a body that is too large is refused`() async throws {
        try await withServer { server, _ in
            let transport = HTTPTransport()
            let body = Data(repeating: 0x20, count: HTTPListener.bodyLimit + 1)
            let response = try await transport.send(
                try await request(server, "POST", "/api/v1/namespaces", body: body))
            #expect(response.status == 413)
            transport.shutdown()
        }
    }

    @Test(.enabled(if: Kubectl.isInstalled)) func `kubectl creates, reads, changes and deletes`() async throws
    {
        try await withServer { server, folder in
            _ = try await server.address()
            try await server.writeKubeconfig(to: "\(folder)/kubeconfig")
            let kubectl = Kubectl(folder: folder)
            try kubectl.expect(["get", "namespaces", "-o", "name"], "namespace/default")
            let manifest = """
                apiVersion: v1
                kind: ConfigMap
                metadata: {name: a, labels: {app: demo}}
                data: {k: v}
                """
            try manifest.write(toFile: "\(folder)/map.yaml", atomically: true, encoding: .utf8)
            try kubectl.expect(["apply", "-f", "\(folder)/map.yaml"], "configmap/a created")
            try kubectl.expect(["apply", "-f", "\(folder)/map.yaml"], "configmap/a unchanged")
            try kubectl.expect(["apply", "--server-side", "-f", "\(folder)/map.yaml"], "serverside-applied")
            try kubectl.expect(["get", "configmap", "a"], "NAME   DATA   AGE")
            try kubectl.expect(["describe", "configmap", "a"], "app=demo")
            try kubectl.expect(["label", "configmap", "a", "x=1"], "labeled")
            try kubectl.expect(["annotate", "configmap", "a", "x=1"], "annotated")
            try kubectl.expect(["patch", "configmap", "a", "-p", #"{"data":{"k":"w"}}"#], "patched")
            try kubectl.expect(["get", "configmap", "a", "-o", "jsonpath={.data.k}"], "w")
            try kubectl.expect(["explain", "configmap.data"], "map[string]string")
            try kubectl.expect(["api-resources"], "customresourcedefinitions")
            try kubectl.expect(["auth", "can-i", "delete", "pods"], "yes")
            try kubectl.expect(["create", "namespace", "team"], "namespace/team created")
            try kubectl.expect(
                ["wait", "--for=jsonpath={.data.k}=w", "configmap/a", "--timeout=5s"], "condition met")
            try kubectl.expect(["delete", "configmap", "-l", "app=demo"], "deleted")
            try kubectl.expect(["get", "configmaps"], "No resources found")
        }
    }
}

/// Runs the kubectl on the PATH.
private struct Kubectl {
    let folder: String

    static var isInstalled: Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/kubectl") }
    }

    /// Expects success, and a text in the output.
    func expect(_ arguments: [String], _ text: String) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["kubectl", "--kubeconfig", "\(folder)/kubeconfig", "--cache-dir", "\(folder)/cache"] + arguments
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let printed = String(decoding: data, as: UTF8.self)
        #expect(process.terminationStatus == 0, "kubectl \(arguments): \(printed)")
        #expect(printed.contains(text), "kubectl \(arguments): \(printed)")
    }
}
