import Foundation
import HTTPTransport
import Logging
import TestSupport
import Testing

@testable import ModelRegistry

/// Answers that no MLflow server gives.
@Suite struct ForeignRegistryTests {
    private func error(_ status: Int, _ body: String) async throws -> RegistryError {
        let server = try ScriptedServer { connection, _ in connection.respond(status, body) }
        defer { server.stop() }
        let client = try MLflowClient(address: server.url, credentials: .none, transport: HTTPTransport())
        do { _ = try await client.experiment(named: "e") } catch { return error }
        return RegistryError(.cancelled, "no error")
    }

    @Test(arguments: [200, 302, 404, 405, 401, 503])
    func `a page of a proxy is told as one, and is no experiment that is missing`(status: Int) async throws {
        let error = try await error(status, "<html><title>Gate</title></html>")
        #expect(error.message.contains("an HTML page (\"Gate\")"), "\(error)")
        #expect((error.code == .unauthorised) == (status == 401))
        #expect((error.code == .unavailable) == (status == 503))
        #expect(error.code != .notFound)
    }

    @Test(arguments: ["[]", "5", "\"ok\"", "{\"experiment\": []}", "{"])
    func `JSON that MLflow would not send is refused with the remedy`(body: String) async throws {
        let error = try await error(200, body)
        #expect(error.code == .malformedResponse)
        #expect(error.message.contains("registration.trackingUri"), "\(error)")
    }

    @Test(arguments: ["http://ann:s3cret@host:5000", "http://host/?token=1", "http://ann@host"])
    func `an address with a password or a query is refused`(address: String) {
        let error = #expect(throws: RegistryError.self) {
            try MLflowClient(address: address, credentials: .none, transport: HTTPTransport())
        }
        #expect(error?.code == .invalidAddress)
        #expect(error?.message.contains("s3cret") == false)
        #expect(error?.message.contains("token") == false)
    }
}
