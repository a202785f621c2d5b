import Foundation
import TestSupport
import Testing

/// An MLflow server of the test process, with a new database. Its program comes from `ANNEAL_MLFLOW`, or from
/// the `PATH`.
final class MLflowServer: Sendable {
    static let executable = Executable.find("mlflow", variable: "ANNEAL_MLFLOW")
    static let isMissing: Comment =
        "NOT RUN: no mlflow; set ANNEAL_MLFLOW to it (pip install mlflow), or run hack/test"

    /// The server, started once; every test has models and experiments of its own.
    static let shared: Result<MLflowServer, any Error> = Result { try MLflowServer() }

    let port: UInt16
    private let program: RunningProgram

    private init() throws {
        let path = try #require(Self.executable)
        port = try Executable.freePort()
        let folder = FileManager.default.temporaryDirectory.appending(path: "mlflow-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        program = try RunningProgram(
            path,
            [
                "server", "--host", "127.0.0.1", "--port", "\(port)", "--workers", "1",
                "--backend-store-uri", "sqlite:///\(folder)/mlflow.db", "--artifacts-destination", folder,
            ],
            environment: [
                "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            ])
        try program.waitUntilListening(on: port, seconds: 120)
    }

    var endpoint: String { "http://127.0.0.1:\(port)" }
}
