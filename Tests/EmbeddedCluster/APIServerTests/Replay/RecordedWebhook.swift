import AdmissionPlugins
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Synchronization

/// Plays the webhook of the recording: expects the recorded reviews in order, and gives the recorded
/// answers. Refuses the connection where nothing was recorded.
final class RecordedWebhook: WebhookTransport {
    private struct State {
        var expected: [RecordedExchange] = []
        var reviews: [(recorded: RecordedExchange, ours: JSONValue)] = []
    }

    private let state = Mutex(State())

    func expect(_ exchange: RecordedExchange) { state.withLock { $0.expected.append(exchange) } }

    /// The reviews that came since the last call, beside the recorded ones.
    func takeReviews() -> [(recorded: RecordedExchange, ours: JSONValue)] {
        state.withLock { state in
            defer { state.reviews = [] }
            return state.reviews
        }
    }

    /// Recorded reviews that have not come.
    var missing: [String] { state.withLock { $0.expected.map(\.name) } }

    func exchange(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
        let body = request.body.bytes.flatMap { try? JSONValue(parsing: $0) } ?? .null
        let recorded = state.withLock { state -> RecordedExchange? in
            guard !state.expected.isEmpty else { return nil }
            let next = state.expected.removeFirst()
            state.reviews.append((next, body))
            return next
        }
        guard let recorded else {
            throw TransportError(code: .cannotConnect, message: "connect: connection refused")
        }
        var answer = recorded.responseBody
        answer[path: ["response", "uid"]] = body[path: ["request", "uid"]]
        return HTTPResponse(status: recorded.status, body: answer.serialized())
    }
}

extension HTTPBody {
    fileprivate var bytes: Data? {
        if case .data(let data) = self { data } else { nil }
    }
}
