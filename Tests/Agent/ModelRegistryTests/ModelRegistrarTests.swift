import Foundation
import HTTPTransport
import KubernetesAPI
import Logging
import TestSupport
import Testing

@testable import ModelRegistry

/// The registrar against a real MLflow server.
@Suite(.enabled(if: MLflowServer.executable != nil, MLflowServer.isMissing))
struct ModelRegistrarTests {
    private let name = "model-" + UUID().uuidString.prefix(8).lowercased()

    private func client(_ address: String) throws -> MLflowClient {
        try MLflowClient(address: address, credentials: .none, transport: HTTPTransport())
    }

    private func registrar(_ client: MLflowClient) -> ModelRegistrar {
        ModelRegistrar(
            client: client, now: { Date(timeIntervalSince1970: 1_800_000_000) }, sleep: { _ in },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func model(_ uid: String = "uid-1") -> ModelRegistration {
        var model = ModelRegistration(
            experiment: "experiment \(name)", modelName: name, runUID: uid, runName: "team/demo",
            source: "s3://bucket/\(uid)/model", alias: "dev")
        model.params = Dictionary(uniqueKeysWithValues: (0..<130).map { ("param\($0)", "value \($0)") })
        model.metrics = ["evalLoss": 1.25, "exact match @1": 0.5, "broken": .nan]
        model.runTags = ["lineage": "abc"]
        model.versionTags = ["anneal.dev/dataset-sha256": "abc"]
        return model
    }

    private func versions(_ client: MLflowClient) async throws -> [JSONValue] {
        try await client.get("model-versions/search", [("filter", "name = '\(name)'")])["model_versions"]?
            .arrayValue ?? []
    }

    private func runs(_ client: MLflowClient) async throws -> [JSONValue] {
        let experiment = try await client.experiment(named: "experiment \(name)")
        let found = try await client.post(
            "runs/search", ["experiment_ids": [.string(experiment)], "max_results": 50])
        return found["runs"]?.arrayValue ?? []
    }

    @Test func `a model has its run, its version and its alias`() async throws {
        let client = try client(MLflowServer.shared.get().endpoint)
        let result = try await registrar(client).register(model())
        #expect(result.version == "1")
        let version = try #require(try await versions(client).first)
        #expect(version["source"] == "s3://bucket/uid-1/model")
        #expect(version["run_id"]?.stringValue == result.runID)
        #expect(
            version["tags"]?.arrayValue?.contains(["key": "anneal.dev/dataset-sha256", "value": "abc"])
                == true)
        #expect(try await client.version(of: name, alias: "dev") == "1")
        let run = try await client.get("runs/get", [("run_id", result.runID)])["run"]
        #expect(run?[path: ["info", "status"]] == "FINISHED")
        #expect(run?[path: ["data", "params"]]?.arrayValue?.count == 130)
        let metrics = run?[path: ["data", "metrics"]]?.arrayValue ?? []
        #expect(Set(metrics.compactMap { $0["key"]?.stringValue }) == ["evalLoss", "exact match _1"])
    }

    @Test func `another run is another version and takes the alias`() async throws {
        let client = try client(MLflowServer.shared.get().endpoint)
        #expect(try await registrar(client).register(model("uid-1")).version == "1")
        #expect(try await registrar(client).register(model("uid-2")).version == "2")
        #expect(try await client.version(of: name, alias: "dev") == "2")
        #expect(try await registrar(client).register(model("uid-1")).version == "1")
        #expect(try await client.version(of: name, alias: "dev") == "2", "a late retry does not take it back")
    }

    /// The registrar is killed before each request in turn, or before its answer: there is one run and one
    /// version in any case.
    @Test(arguments: 0..<11, [true, false])
    func `a kill between any two requests makes nothing twice`(request killed: Int, reply: Bool) async throws
    {
        let server = try MLflowServer.shared.get()
        let proxy = try FaultProxy(upstream: server.port) { request in
            guard request.index >= killed else { return .pass }
            return request.index == killed && reply ? .loseReply : .dropRequest
        }
        defer { proxy.stop() }
        let direct = try client(server.endpoint)
        let first = try? await registrar(try client(proxy.endpoint)).register(model(), attempts: 1)
        #expect(first == nil || proxy.requests.count <= killed)
        let result = try await registrar(direct).register(model())
        #expect(try await versions(direct).count == 1)
        #expect(try await runs(direct).count == 1)
        #expect(try await direct.version(of: name, alias: "dev") == result.version)
    }

    @Test func `an outage is waited for`() async throws {
        let server = try MLflowServer.shared.get()
        let proxy = try FaultProxy(upstream: server.port) { $0.index < 3 ? .status(503) : .pass }
        defer { proxy.stop() }
        #expect(try await registrar(try client(proxy.endpoint)).register(model()).version == "1")
    }

    @Test func `names with quotes are registered once, and found again`() async throws {
        let client = try client(MLflowServer.shared.get().endpoint)
        var model = model()
        model.experiment = "Ann's \"tests\" \(name)"
        model.modelName = "Ann's \"model\" \(name)"
        let first = try await registrar(client).register(model)
        #expect(try await registrar(client).register(model) == first)
        #expect(try await client.version(of: model.modelName, alias: "dev") == first.version)
    }

    @Test func `a refusal by MLflow is passed on`() async throws {
        let client = try client(MLflowServer.shared.get().endpoint)
        var bad = model()
        bad.modelName = "a/b"
        let error = await #expect(throws: RegistryError.self) { try await registrar(client).register(bad) }
        #expect(error?.message.contains("registration.modelName") == true)
        #expect(error?.isRetryable == false)
    }
}

@Suite struct MLflowClientTests {
    @Test(arguments: ["", "mlflow:5000", "ftp://host", "http://", "http://a b"])
    func `a malformed address is refused`(address: String) {
        let error = #expect(throws: RegistryError.self) {
            try MLflowClient(address: address, credentials: .none, transport: HTTPTransport())
        }
        #expect(error?.code == .invalidAddress)
        #expect(error?.message.contains("registration.trackingUri") == true)
    }

    @Test func `a missing server is unavailable`() async throws {
        let client = try MLflowClient(
            address: "http://127.0.0.1:9", credentials: .bearer("t"), transport: HTTPTransport())
        let error = await #expect(throws: RegistryError.self) { try await client.experiment(named: "e") }
        #expect(error?.code == .unavailable)
        #expect(error?.isRetryable == true)
    }

    @Test(arguments: [(401, false), (403, false), (500, true), (429, true), (400, false)])
    func `each status has its meaning`(status: Int, retryable: Bool) async throws {
        let proxy = try FaultProxy(upstream: 9) { _ in .status(status) }
        defer { proxy.stop() }
        let client = try MLflowClient(
            address: proxy.endpoint, credentials: .basic(username: "u", password: "p"),
            transport: HTTPTransport())
        let error = await #expect(throws: RegistryError.self) { try await client.experiment(named: "e") }
        #expect(error?.isRetryable == retryable)
        #expect((error?.code == .unauthorised) == (status == 401 || status == 403))
    }
}
