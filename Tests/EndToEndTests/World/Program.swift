import Foundation
import Synchronization

/// Status and output of a program that ended.
struct ProgramResult: Sendable {
    var status: Int32
    var output: Data
    var errors: String

    var text: String { String(decoding: output, as: UTF8.self) }
    var succeeded: Bool { status == 0 }
}

/// Failure of a program that a test expected to succeed.
struct ProgramFailure: Error, CustomStringConvertible {
    var command: String
    var result: ProgramResult
    var description: String {
        "\(command) ended with \(result.status): \(result.errors)\(result.text.prefix(2000))"
    }
}

/// A program that is run to its end.
struct Program: Sendable {
    var path: String
    var environment: [String: String] = ProcessInfo.processInfo.environment

    /// Runs the program and waits. Its output goes to files, so that no pipe can fill up.
    func run(_ arguments: [String], input: Data = Data()) async throws -> ProgramResult {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let stem = folder.url
        try input.write(to: stem.appendingPathComponent("in"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = try FileHandle(forReadingFrom: stem.appendingPathComponent("in"))
        process.standardOutput = try Self.created(stem.appendingPathComponent("out"))
        process.standardError = try Self.created(stem.appendingPathComponent("err"))
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.runWithoutBlockedSignals() } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        return ProgramResult(
            status: status, output: try Data(contentsOf: stem.appendingPathComponent("out")),
            errors: try String(contentsOf: stem.appendingPathComponent("err"), encoding: .utf8))
    }

    /// Runs the program and returns its output.
    ///
    /// - Throws: `ProgramFailure` unless it succeeds.
    @discardableResult
    func callAsFunction(_ arguments: String..., input: Data = Data()) async throws -> String {
        let result = try await run(arguments, input: input)
        guard result.succeeded else {
            let name = URL(fileURLWithPath: path).lastPathComponent
            throw ProgramFailure(command: ([name] + arguments).joined(separator: " "), result: result)
        }
        return result.text
    }

    static func created(_ file: URL) throws -> FileHandle {
        try Data().write(to: file)
        return try FileHandle(forWritingTo: file)
    }
}

/// A program that runs beside the tests, and is stopped by its process id.
final class BackgroundProgram: Sendable {
    let log: URL
    private let process: Mutex<Process>

    /// - Parameter log: file to which its output is appended.
    init(_ program: Program, _ arguments: [String], log: URL) throws {
        self.log = log
        if !FileManager.default.fileExists(atPath: log.path) { _ = try Program.created(log) }
        let handle = try FileHandle(forWritingTo: log)
        try handle.seekToEnd()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program.path)
        process.arguments = arguments
        process.environment = program.environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        try process.runWithoutBlockedSignals()
        Interruption.take(process.processIdentifier)
        self.process = Mutex(process)
    }

    var isRunning: Bool { process.withLock(\.isRunning) }

    var identifier: pid_t { process.withLock(\.processIdentifier) }

    /// Sends a signal and does not wait for what comes of it.
    func signal(_ number: Int32) {
        process.withLock { if $0.isRunning { _ = Glibc.kill($0.processIdentifier, number) } }
    }

    /// Kills the program with SIGKILL.
    func kill() async {
        process.withLock { _ = Glibc.kill($0.processIdentifier, SIGKILL) }
        await ended(within: .seconds(10))
    }

    /// Stops the program with SIGTERM, then kills it if it still runs, and all that it has left behind.
    func stop(within patience: Duration = .seconds(15)) async {
        process.withLock { $0.terminate() }
        await ended(within: patience)
        process.withLock {
            _ = Glibc.kill(-$0.processIdentifier, SIGKILL)
            Interruption.forget($0.processIdentifier)
        }
        await ended(within: .seconds(5))
    }

    private func ended(within patience: Duration) async {
        let end = ContinuousClock.now + patience
        while isRunning, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
    }
}

extension Process {
    /// Runs the program with no signal blocked: a child inherits the blocked signals of the calling thread,
    /// and Dispatch's threads block SIGTERM.
    fileprivate func runWithoutBlockedSignals() throws {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try run()
    }
}

/// A folder of its own in the system's temporary folder.
struct TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory
            .appendingPathComponent("anneal-e2e-\(UUID().uuidString.prefix(13))", isDirectory: true)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> URL { url.appendingPathComponent(name) }
}
