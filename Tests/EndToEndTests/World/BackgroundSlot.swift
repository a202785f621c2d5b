import Foundation
import Synchronization

/// A place for a program that is started, killed and started again.
final class BackgroundSlot: Sendable {
    private let process = Mutex<BackgroundProgram?>(nil)

    var isRunning: Bool { process.withLock { $0?.isRunning == true } }

    /// Does nothing if it runs.
    func start(_ program: Program, _ arguments: [String], log: URL) throws {
        try process.withLock { process in
            guard process?.isRunning != true else { return }
            process = try BackgroundProgram(program, arguments, log: log)
        }
    }

    func kill() async { await process.withLock { $0 }?.kill() }

    func stop(within patience: Duration = .seconds(15)) async {
        await process.withLock { $0 }?.stop(within: patience)
    }
}
