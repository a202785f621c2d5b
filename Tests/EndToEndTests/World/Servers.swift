import Foundation
import Testing

/// Servers that all suites share: an S3 server with the inputs of the fixture runs, and an MLflow server.
struct Servers: Sendable {
    @TaskLocal static var current: Servers?

    let installation: Installation
    /// Folder of all logs, kept until the next run of the tests.
    let logs: URL
    let folder: TemporaryFolder
    let store: S3Server
    let registry: Registry
    private let programs: [BackgroundProgram]

    static func start() async throws -> Servers {
        let installation = try Installation()
        let logs = installation.cache.appendingPathComponent("end-to-end-logs", isDirectory: true)
        try? FileManager.default.removeItem(at: logs)
        try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
        let folder = try TemporaryFolder()
        let store = try S3Server(port: try freePort(), installation: installation)
        let registry = Registry(port: try freePort())
        let moto = try BackgroundProgram(
            try installation.tool("servers/bin/moto_server"), ["-H", "127.0.0.1", "-p", "\(store.port)"],
            log: logs.appendingPathComponent("s3.log"))
        var tracking = try installation.tool("servers/bin/mlflow")
        // MLflow's own jobs are not used, and cost eight processes.
        tracking.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
        let mlflow = try BackgroundProgram(
            tracking,
            [
                "server", "--host", "127.0.0.1", "--port", "\(registry.port)", "--workers", "1",
                "--backend-store-uri", "sqlite:///\(folder.file("mlflow.db").path)",
                "--artifacts-destination", folder.file("mlflow-artifacts").path,
            ], log: logs.appendingPathComponent("mlflow.log"))
        let servers = Servers(
            installation: installation, logs: logs, folder: folder, store: store, registry: registry,
            programs: [moto, mlflow])
        do {
            _ = try await eventually("the S3 server") { answers(store.port) ? true : nil }
            try await FixtureInputs.put(into: store)
        } catch {
            await servers.stop()
            throw error
        }
        return servers
    }

    func registryReady() async throws {
        _ = try await eventually("MLflow", within: .seconds(120)) { answers(registry.port) ? true : nil }
    }

    func stop() async {
        for program in programs { await program.stop() }
        folder.remove()
    }
}

/// Starts the servers before the first suite and stops them after the last.
struct ServersTrait: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let servers = try await Servers.start()
        do {
            try await Servers.$current.withValue(servers, operation: function)
            try reportUnusedAccess(servers)
        } catch {
            await servers.stop()
            throw error
        }
        await servers.stop()
    }
}

extension ServersTrait {
    /// Writes the unused rights for `hack/e2e`, which prints them. A whole run must have used all that the
    /// chart grants.
    private func reportUnusedAccess(_ servers: Servers) throws {
        let unused = AccessLedger.shared.unused
        let text = unused.map { "\($0)\n" }.joined()
        try Data(text.utf8).write(to: servers.logs.appendingPathComponent("unused-access.txt"))
        if ProcessInfo.processInfo.environment["ANNEAL_E2E_WHOLE"] == "1" {
            #expect(unused == [], "granted and never used")
        }
    }
}

/// Real programs, real servers, an ordinary kubectl. Suites take turns; the tests of one run side by side,
/// each in a namespace of its own.
@Suite(ServersTrait()) enum EndToEnd {}
