import Dispatch
import Foundation
import Synchronization

/// Ends the started programs on Ctrl-C, which reaches the test runner alone, as each of them has a process
/// group of its own.
enum Interruption {
    private struct State {
        var programs: Set<pid_t> = []
        var sources: [any DispatchSourceSignal] = []
    }

    private static let state = Mutex(State())

    static func take(_ program: pid_t) {
        state.withLock { state in
            state.programs.insert(program)
            guard state.sources.isEmpty else { return }
            state.sources = [SIGINT, SIGTERM].map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { end(number) }
                source.resume()
                return source
            }
        }
    }

    static func forget(_ program: pid_t) { state.withLock { _ = $0.programs.remove(program) } }

    private static func end(_ number: Int32) {
        let programs = state.withLock(\.programs)
        for program in programs { kill(program, SIGTERM) }
        // A cluster ends its pods first.
        let deadline = Date().addingTimeInterval(10)
        while Date() < deadline, programs.contains(where: { kill($0, 0) == 0 }) { usleep(100_000) }
        for program in programs { kill(-program, SIGKILL) }
        exit(128 + number)
    }
}
