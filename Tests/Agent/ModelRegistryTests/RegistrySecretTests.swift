import Foundation
import HTTPTransport
import MountedSecrets
import TestSupport
import Testing

@testable import ModelRegistry

/// A registry's credentials from a mounted Secret.
struct RegistrySecretTests {
    private func client(_ server: ScriptedServer, _ folder: SecretFolder) throws -> MLflowClient {
        try MLflowClient(
            address: server.url,
            source: RegistrySecret(folder: folder.path, namespace: "team", name: "mlflow"),
            transport: HTTPTransport())
    }

    private static let found = #"{"experiment":{"experiment_id":"7"}}"#

    @Test(arguments: [401, 403])
    func `a token that was rotated is read again before a refusal counts`(status: Int) async throws {
        let folder = try SecretFolder(["token": "former", "allowedHosts": "127.0.0.1"])
        let server = try ScriptedServer { connection, request in
            guard request.headers["authorization"] == "Bearer later" else {
                try? folder.rotate(["token": "later", "allowedHosts": "127.0.0.1"])
                return connection.respond(status, "{}")
            }
            connection.respond(200, Self.found)
        }
        defer { server.stop() }
        #expect(try await client(server, folder).experiment(named: "e") == "7")
        #expect(server.requests.count == 2)
    }

    @Test func `one that did not change is refused at once`() async throws {
        let folder = try SecretFolder(["username": "u", "password": "p", "allowedHosts": "*"])
        let server = try ScriptedServer { connection, _ in connection.respond(401, "{}") }
        defer { server.stop() }
        let error = await #expect(throws: RegistryError.self) {
            try await client(server, folder).experiment(named: "e")
        }
        #expect(error?.code == .unauthorised)
        #expect(server.requests.map { $0.headers["authorization"] } == ["Basic dTpw"])
    }

    /// What a run's author could do: an address of his own for a Secret of others.
    @Test(arguments: [nil, "mlflow.ml:5000", "https://127.0.0.1"])
    func `a Secret that does not list the host is sent nowhere`(hosts: String?) async throws {
        var values = ["token": "geheim"]
        values["allowedHosts"] = hosts
        let folder = try SecretFolder(values)
        let server = try ScriptedServer { connection, _ in connection.respond(200, Self.found) }
        defer { server.stop() }
        let error = await #expect(throws: RegistryError.self) {
            try await client(server, folder).experiment(named: "e")
        }
        #expect(error?.reason == "SecretNotAllowed" && error?.isRetryable == false)
        #expect(error?.message.contains("registration.trackingUri") == true)
        #expect(error?.message.contains("kubectl -n team patch secret mlflow") == true)
        #expect(error?.message.contains("geheim") == false)
        #expect(server.requests.isEmpty)
    }

    @Test func `whether it may be sent is known from its list alone`() throws {
        let folder = try SecretFolder(["allowedHosts": "mlflow.ml"])
        let secret = RegistrySecret(folder: folder.path, namespace: "team", name: "mlflow")
        try secret.check("http://mlflow.ml:5000/prefix")
        let error = #expect(throws: SecretError.self) { try secret.check("http://evil.example") }
        #expect(error?.code == .notAllowed)
        try FileManager.default.removeItem(atPath: "\(folder.path)/allowedHosts")
        #expect(#expect(throws: SecretError.self) { try secret.check("http://mlflow.ml") }?.code == .missing)
    }

    @Test func `half of a name and password is named`() async throws {
        let folder = try SecretFolder(["username": "u", "allowedHosts": "*"])
        let secret = RegistrySecret(folder: folder.path, namespace: "team", name: "mlflow")
        let error = #expect(throws: RegistryError.self) { try secret.credentials(for: "http://m") }
        #expect(error?.message.contains("has no key password") == true && error?.isRetryable == true)
    }
}
