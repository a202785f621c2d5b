import ArgumentParser
import JSONLogging
import Logging
import Operator
import Telemetry

enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case json, text
}

/// Options of logs, metrics and health, and of the addresses that serve them.
struct TelemetryOptions: ParsableArguments {
    @Option(
        help: "Address on which metrics and health are served (default: 0.0.0.0 in a pod, else 127.0.0.1).")
    var bindAddress: String?

    @Option(help: "Port of /metrics; 0 for none (default: 8080 in a pod, else 0).")
    var metricsPort: Int?

    @Option(help: "Port of /healthz and /readyz; 0 for none (default: 8081 in a pod, else 0).")
    var healthPort: Int?

    @Option(help: "trace, debug, info, notice, warning or error.")
    var logLevel: Logger.Level = .info

    @Option(help: "json or text (default: json in a pod, else text).")
    var logFormat: LogFormat?

    func validate() throws {
        for (flag, port) in [("--metrics-port", metricsPort), ("--health-port", healthPort)] {
            guard let port, !(0...65_535).contains(port) else { continue }
            throw ValidationError("\(flag) is \(port); it must be from 0 to 65535")
        }
    }

    func logger(isInPod: Bool) -> Logger {
        let format = logFormat ?? (isInPod ? .json : .text)
        var logger = Logger(
            label: "anneal-operator",
            factory: { label in
                switch format {
                case .json: JSONLogHandler(label: label)
                case .text: StreamLogHandler.standardError(label: label)
                }
            })
        logger.logLevel = logLevel
        return logger
    }

    func endpoints(isInPod: Bool) -> OperatorConfiguration.Telemetry {
        func port(_ given: Int?, inPod: Int) -> Int? {
            let port = given ?? (isInPod ? inPod : 0)
            return port == 0 ? nil : port
        }
        return OperatorConfiguration.Telemetry(
            address: bindAddress ?? (isInPod ? "0.0.0.0" : "127.0.0.1"),
            metricsPort: port(metricsPort, inPod: 8080), healthPort: port(healthPort, inPod: 8081))
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
