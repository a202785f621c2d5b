import Synchronization

/// Address of the server, for which callers wait until it listens.
final class EndpointPromise: Sendable {
    /// Error of a server that has ended, before it listened or after.
    struct Stopped: Error, CustomStringConvertible {
        var description: String { "the API server has stopped; see its log" }
    }

    private struct State {
        var result: Result<String, any Error>?
        var waiting: [CheckedContinuation<String, any Error>] = []
    }

    private let state = Mutex(State())

    func value() async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state in
                if state.result == nil { state.waiting.append(continuation) }
                return state.result
            }
            if let result { continuation.resume(with: result) }
        }
    }

    func fulfil(_ address: String) { settle(.success(address)) }

    func fail(_ error: any Error) { settle(.failure(error)) }

    private func settle(_ result: Result<String, any Error>) {
        let waiting = state.withLock { state in
            if state.result == nil { state.result = result }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(with: result) }
    }
}
