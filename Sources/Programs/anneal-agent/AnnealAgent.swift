import Agent
import ArgumentParser
import FoundationEssentials
import HTTPTransport
import Logging

@main
struct AnnealAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anneal-agent",
        abstract: "What runs inside the pods of Anneal's runs.",
        discussion: """
            Each command reads its configuration from the JSON file that ANNEAL_CONFIG names, writes its report \
            to the file that ANNEAL_RESULT names, and ends with 0 (done), 1 (try again) or 2 (bad input).
            """,
        subcommands: [
            Validate.self, Preprocess.self, Prepare.self, Sync.self, Upload.self, Register.self,
        ])

    struct Validate: AgentSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the dataset and the base model in S3.")
        static let command = AgentCommand.validate
        @OptionGroup var options: AgentOptions
    }

    struct Preprocess: AgentSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove duplicates, filter and split the dataset, and publish the result.")
        static let command = AgentCommand.preprocess
        @OptionGroup var options: AgentOptions
    }

    struct Prepare: AgentSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Download data, model and the newest checkpoint into the workspace.")
        static let command = AgentCommand.prepare
        @OptionGroup var options: AgentOptions
    }

    struct Sync: AgentSubcommand {
        static let configuration = CommandConfiguration(
            abstract: "Upload checkpoints and report progress while a trainer runs (sidecar).")
        static let command = AgentCommand.sync
        @OptionGroup var options: AgentOptions
    }

    struct Upload: AgentSubcommand {
        static let configuration = CommandConfiguration(abstract: "Upload the final model.")
        static let command = AgentCommand.upload
        @OptionGroup var options: AgentOptions
    }

    struct Register: AgentSubcommand {
        static let configuration = CommandConfiguration(abstract: "Register the model in MLflow.")
        static let command = AgentCommand.register
        @OptionGroup var options: AgentOptions
    }
}

struct AgentOptions: ParsableArguments {
    @Option(help: "The configuration file; default: $ANNEAL_CONFIG, or /etc/anneal/agent.json.")
    var config: String?

    @Option(help: "How log lines look: json or text.")
    var logFormat: AgentLogFormat = .json

    @Flag(help: "Log more.")
    var verbose = false
}

extension AgentLogFormat: ExpressibleByArgument {}

protocol AgentSubcommand: AsyncParsableCommand {
    static var command: AgentCommand { get }
    var options: AgentOptions { get }
}

extension AgentSubcommand {
    func run() async throws {
        let signals = TerminationSignals.stream()
        let level: Logger.Level = options.verbose ? .debug : .info
        let logger = Logger(label: "anneal-agent") { options.logFormat.handler(label: $0, level: level) }
        let context = CommandContext(
            environment: ProcessInfo.processInfo.environment,
            transport: HTTPTransport(configuration: .transfers, logger: logger),
            logger: logger)
        let code = await AgentProgram(Self.command, configurationPath: options.config, context: context)
            .run(until: signals)
        throw ArgumentParser.ExitCode(Int32(truncatingIfNeeded: code))
    }
}
