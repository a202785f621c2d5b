import AnnealAPI
import FoundationEssentials
import HTTPTransport
import Logging

/// The agent's commands, as its main calls them.
public enum AgentCommand: String, Sendable, CaseIterable {
    case validate, preprocess, prepare, sync, upload, register
}

/// Runs one command from its configuration file to its report and exit code.
public struct AgentProgram: Sendable {
    private let command: AgentCommand
    private let configurationPath: String
    private let context: CommandContext

    /// - Parameter configurationPath: nil for the file that `ANNEAL_CONFIG` names or, without one, the file
    ///   that the operator mounts.
    public init(_ command: AgentCommand, configurationPath: String? = nil, context: CommandContext) {
        self.command = command
        self.configurationPath =
            configurationPath ?? context.value(EnvironmentName.configuration)
            ?? WorkspacePath.agentConfiguration
        self.context = context
    }

    /// Runs until the work is done or `signals` yields; returns the process's exit code.
    public func run(until signals: AsyncStream<Int32>) async -> Int64 {
        guard command != .sync else { return await runSidecar(until: signals) }
        let outcome = await firstOf(signals) { try await self.oneShot() }
        let report: StageReport
        let code: Int64
        switch outcome {
        case .success(let done):
            report = done
            code = ExitCode.success
            context.logger.info("\(done.message ?? "done")")
        case .failure(let failure):
            report = StageReport(
                reason: failure.reason, message: failure.message, isRetryable: failure.isRetryable)
            code = failure.exitCode
            context.logger.error("\(failure.message)", metadata: ["reason": "\(failure.reason)"])
        }
        if let path = context.value(EnvironmentName.result) {
            ResultFile(path: path).write(report, logger: context.logger)
        }
        return code
    }

    /// Runs the work and returns its result. A signal cancels it: it is then waited for.
    private func firstOf(
        _ signals: AsyncStream<Int32>, _ work: @escaping @Sendable () async throws -> StageReport
    ) async -> Result<StageReport, AgentFailure> {
        await withTaskGroup(of: Result<StageReport, AgentFailure>?.self) { group in
            group.addTask {
                do { return .success(try await work()) } catch { return .failure(AgentFailure(error)) }
            }
            group.addTask {
                for await _ in signals { return .failure(.cancelled) }
                return nil
            }
            while let result = await group.next() {
                guard let result else { continue }
                group.cancelAll()
                return result
            }
            return .failure(.cancelled)
        }
    }

    private func oneShot() async throws -> StageReport {
        switch command {
        case .validate:
            try await ValidateCommand(configuration: try load(), context: context).run()
        case .preprocess:
            try await PreprocessCommand(configuration: try load(), context: context).run()
        case .prepare:
            try await PrepareCommand(configuration: try load(), context: context).run()
        case .upload:
            try await UploadCommand(configuration: try load(), context: context).run()
        case .register:
            try await RegisterCommand(configuration: try load(), context: context).run()
        case .sync:
            throw AgentFailure(reason: "Error", message: "sync runs until it is stopped and has no report")
        }
    }

    private func load<T: Decodable>() throws(AgentFailure) -> T {
        try ConfigurationFile.load(configurationPath, as: T.self)
    }

    private func runSidecar(until signals: AsyncStream<Int32>) async -> Int64 {
        do {
            let configuration: SyncConfiguration = try load()
            try await SyncCommand(configuration: configuration, context: context).run(until: signals)
            return ExitCode.success
        } catch {
            let failure = AgentFailure(error)
            context.logger.error("\(failure.message)", metadata: ["reason": "\(failure.reason)"])
            return failure.exitCode
        }
    }
}
