import Logging

/// Logs a lasting problem when it begins, when it changes, and at every sixtieth report.
struct RepeatedProblem {
    private static let every = 60

    private var last: String?
    private var times = 0

    mutating func report(_ problem: String, to logger: Logger) {
        times = problem == last ? times + 1 : 0
        last = problem
        if times % Self.every == 0 { logger.error("\(problem); trying on") }
    }

    mutating func clear(_ message: String, to logger: Logger) {
        if last != nil { logger.notice("\(message)") }
        last = nil
    }
}
