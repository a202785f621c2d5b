import Synchronization

/// The time until which an API server waits for an answer.
public struct ReviewDeadline: Sendable {
    /// Time that an API server waits if it does not say: its own default.
    static let usual = Duration.seconds(10)
    /// Longest time that a webhook configuration may name.
    static let longest = Duration.seconds(30)

    /// Instant by which a judge must have decided, the way back left out.
    let instant: ContinuousClock.Instant
    /// Time that a judge has in all.
    let limit: Duration

    /// - Parameters:
    ///   - timeout: the query parameter `timeout` of the request, a Go duration such as `5s`; nil, or any
    ///     other text, counts as the API server's default.
    ///   - start: time at which the request came.
    public init(timeout: String?, since start: ContinuousClock.Instant = .now) {
        let given = timeout.flatMap(Self.duration) ?? Self.usual
        let bounded = min(max(given, .milliseconds(1)), Self.longest)
        // The way there and back gets a tenth, at least 250 ms, but never more than half.
        let margin = min(max(bounded / 10, .milliseconds(250)), bounded / 2)
        limit = bounded - margin
        instant = start + limit
    }

    /// Reads a Go duration of hours, minutes, seconds and parts of them; nil if the text is none, or is not
    /// above 0.
    static func duration(_ text: String) -> Duration? {
        guard text.utf8.count <= 32 else { return nil }
        let units = ["h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9]
        var rest = text[...]
        var seconds = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            let unit = rest.dropFirst(number.count).prefix { !($0.isASCII && $0.isNumber || $0 == ".") }
            guard let value = Double(number), let factor = units[String(unit)] else { return nil }
            seconds += value * factor
            rest = rest.dropFirst(number.count + unit.count)
        }
        return seconds > 0 && seconds < 86_400 ? .seconds(seconds) : nil
    }

    /// The error of work that was not done in time.
    struct Passed: Error {}

    /// Runs work until the deadline. Late work, or work that nobody waits for any more, is cancelled and not
    /// waited for.
    ///
    /// - Throws: the error of the work, `Passed`, or `CancellationError`.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let race = Race<Value>()
        let worker = Task {
            do { race.finish(.success(try await work())) } catch { race.finish(.failure(error)) }
        }
        let timer = Task {
            do { try await Task.sleep(until: instant, clock: .continuous) } catch { return }
            race.finish(.failure(Passed()))
        }
        defer {
            worker.cancel()
            timer.cancel()
        }
        return try await withTaskCancellationHandler {
            try await race.value().get()
        } onCancel: {
            race.finish(.failure(CancellationError()))
        }
    }
}

/// The first of several results.
private final class Race<Value: Sendable>: Sendable {
    private struct State {
        var result: Result<Value, any Error>?
        var waiting: CheckedContinuation<Result<Value, any Error>, Never>?
    }

    private let state = Mutex(State())

    /// Takes a result, which counts if it is the first.
    func finish(_ result: Result<Value, any Error>) {
        let waiting = state.withLock { state -> CheckedContinuation<Result<Value, any Error>, Never>? in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(returning: result)
    }

    /// Waits for the first result. One caller may wait.
    func value() async -> Result<Value, any Error> {
        await withCheckedContinuation { continuation in
            let result = state.withLock { state -> Result<Value, any Error>? in
                if state.result == nil { state.waiting = continuation }
                return state.result
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}
