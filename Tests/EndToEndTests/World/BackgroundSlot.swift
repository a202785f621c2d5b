import Foundation
import Synchronization

/// A place for a program that is started, killed and started again.
final class BackgroundSlot: Sendable {
    private let process = Mutex<BackgroundProgram?>(nil)
    private let keeper = Mutex<Task<Void, Never>?>(nil)

    var isRunning: Bool { process.withLock { $0?.isRunning == true } }

    /// Process of the program that was started last; nil before the first.
    var identifier: pid_t? { process.withLock { $0?.identifier } }

    /// Does nothing if it runs.
    func start(_ program: Program, _ arguments: [String], log: URL) throws {
        try process.withLock { process in
            guard process?.isRunning != true else { return }
            process = try BackgroundProgram(program, arguments, log: log)
        }
    }

    /// Starts the program, and again whenever it ends, as a kubelet does with a static pod: a controller
    /// manager, for example, gives up if it cannot reach the API server at its start.
    func keep(_ program: Program, _ arguments: [String], log: URL) throws {
        try start(program, arguments, log: log)
        keeper.withLock { keeper in
            guard keeper == nil else { return }
            keeper = Task {
                while (try? await Task.sleep(for: .seconds(1))) != nil {
                    try? start(program, arguments, log: log)
                }
            }
        }
    }

    func kill() async { await process.withLock { $0 }?.kill() }

    func stop(within patience: Duration = .seconds(15)) async {
        let keeper = keeper.withLock { keeper in
            defer { keeper = nil }
            return keeper
        }
        keeper?.cancel()
        await keeper?.value
        await process.withLock { $0 }?.stop(within: patience)
    }
}
