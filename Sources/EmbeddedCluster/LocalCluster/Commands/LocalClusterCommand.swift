import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import ServiceLifecycle

/// The program `anneal-local`: a cluster in one process, or one part of it beside another API server.
public struct LocalClusterCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "anneal-local", abstract: "A Kubernetes cluster in one process.",
        subcommands: [Up.self, JoinNode.self, JoinControllers.self])

    /// A command that waits for its arguments.
    public init() {}
}

struct LogFlags: ParsableArguments {
    @Option(help: "What is logged to standard error: debug, info, warning or error.")
    var logLevel = "warning"

    func logger(_ label: String) throws -> Logger {
        guard let level = Logger.Level(rawValue: logLevel) else {
            throw ValidationError("--log-level \(logLevel): no such level; use debug, info, warning or error")
        }
        var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = level
        return logger
    }
}

/// Writes a line at once, also where the output is a file.
func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}

/// Runs services until SIGINT or SIGTERM, then ends them in order.
func serve(_ services: [any Service], logger: Logger) async throws {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .error)
    var configuration = ServiceGroupConfiguration(
        services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigint, .sigterm],
        logger: quiet)
    configuration.maximumGracefulShutdownDuration = .seconds(60)
    try await ServiceGroup(configuration: configuration).run()
}

/// Turns an error of ours into one that ArgumentParser prints without its usage.
func explaining<T>(_ body: () async throws -> T) async throws -> T {
    do {
        return try await body()
    } catch let error as LocalClusterError {
        throw ValidationError(error.message)
    }
}
