import Foundation
import Synchronization

/// Finds and runs programs for tests.
public enum Executable {
    public struct Failure: Error, CustomStringConvertible { public var description: String }

    /// The path in an environment variable or, without one, that of a program on the `PATH`; nil if there is
    /// none.
    public static func find(_ name: String, variable: String) -> String? {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment[variable], !path.isEmpty { return path }
        return (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    public static func freePort() throws -> UInt16 { try Loopback.freePort() }

    /// Runs a program and returns its output.
    ///
    /// - Throws: `Failure` with its errors.
    public static func output(of path: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        let errors = Pipe()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        let problems = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: String(decoding: problems, as: UTF8.self))
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A program, such as a server, that ends with the test process at the latest.
public final class RunningProgram: Sendable {
    private static let running = Mutex<[Int32]>([])
    private static let killAtExit: Void = {
        atexit {
            for process in RunningProgram.running.withLock({ $0 }) {
                // Each program leads a group of its own: MLflow's web server and workers end with it.
                kill(-process, SIGKILL)
                kill(process, SIGKILL)
            }
        }
    }()

    private let identifier: Int32

    public init(_ path: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        _ = Self.killAtExit
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        identifier = process.processIdentifier
        Self.running.withLock { $0.append(identifier) }
    }

    public func waitUntilListening(on port: UInt16, seconds: Int = 60) throws {
        for _ in 0..<(seconds * 20) {
            if let descriptor = Loopback.connect(port) {
                close(descriptor)
                return
            }
            guard kill(identifier, 0) == 0 else { break }
            usleep(50_000)
        }
        throw Executable.Failure(description: "nothing listens on port \(port)")
    }
}
