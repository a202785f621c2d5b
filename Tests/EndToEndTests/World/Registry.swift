import Foundation
import FoundationNetworking
import KubernetesAPI

/// An MLflow server, seen through its REST API.
struct Registry: Sendable {
    let port: Int

    var address: String { "http://127.0.0.1:\(port)" }

    /// A version of a registered model: tags by key, aliases and the run that it came from.
    func version(_ version: String, of model: String) async throws -> JSONValue? {
        try await get("model-versions/get?name=\(model)&version=\(version)")["model_version"]
    }

    func versions(of model: String) async throws -> [JSONValue] {
        let filter = "name%3D%27\(model)%27"
        return try await get("model-versions/search?filter=\(filter)")["model_versions"]?.arrayValue ?? []
    }

    /// The metrics and parameters of a run.
    func run(_ id: String) async throws -> JSONValue? {
        try await get("runs/get?run_id=\(id)")[path: ["run", "data"]]
    }

    private func get(_ path: String) async throws -> JSONValue {
        guard let url = URL(string: "\(address)/api/2.0/mlflow/\(path)") else { throw URLError(.badURL) }
        let (data, _) = try await URLSession.shared.data(from: url)
        return try JSONValue(parsing: Array(data))
    }
}
