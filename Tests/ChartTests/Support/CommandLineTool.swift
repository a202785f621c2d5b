import Foundation

/// A program that is run to its end.
struct CommandLineTool: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var command: String
        var status: Int32
        var message: String
        var description: String { "\(command) ended with \(status): \(message)" }
    }

    var path: String

    init(path: String) { self.path = path }

    /// The first program of that name on the `PATH`; nil if there is none.
    init?(named name: String) {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        let candidates = folders.map { "\($0)/\(name)" }
        guard let found = candidates.first(where: FileManager.default.isExecutableFile) else { return nil }
        path = found
    }

    /// Runs the program and returns its standard output; throws unless it succeeds.
    @discardableResult
    func callAsFunction(_ arguments: String...) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        // The output goes to files, so that no pipe can fill up.
        let output = folder.appendingPathComponent("output")
        let errors = folder.appendingPathComponent("errors")
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.created(output)
        process.standardError = try Self.created(errors)
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let said = try [errors, output].map { try String(contentsOf: $0, encoding: .utf8) }.joined()
            throw Failure(
                command: ([path] + arguments).joined(separator: " "), status: process.terminationStatus,
                message: said)
        }
        return try String(contentsOf: output, encoding: .utf8)
    }

    private static func created(_ file: URL) throws -> FileHandle {
        try Data().write(to: file)
        return try FileHandle(forWritingTo: file)
    }
}
