import APIServer
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Synchronization
import Testing

@testable import AdmissionPlugins

/// Webhooks that answer by path, and remember what they were asked.
final class FakeWebhooks: WebhookTransport {
    enum Answer: Sendable {
        /// The members of `response`; the uid is added.
        case response(JSONValue)
        case raw(Int, String)
        case failure(TransportError.Code)
    }

    private let asked = Mutex<[HTTPRequest]>([])
    private let answer: @Sendable (_ path: String, _ review: JSONValue) -> Answer

    init(_ answer: @escaping @Sendable (_ path: String, _ review: JSONValue) -> Answer) {
        self.answer = answer
    }

    var requests: [HTTPRequest] { asked.withLock { $0 } }
    /// The paths that were called, without query.
    var paths: [String] { requests.map { Self.path($0) } }
    var reviews: [JSONValue] { requests.map { Self.review($0) } }

    private static func path(_ request: HTTPRequest) -> String {
        let url = request.url.prefix { $0 != "?" }
        return url.split(separator: "/").dropFirst(2).map { "/\($0)" }.joined()
    }

    private static func review(_ request: HTTPRequest) -> JSONValue {
        guard case .data(let data) = request.body else { return .null }
        return (try? JSONValue(parsing: data)) ?? .null
    }

    func exchange(_ request: HTTPRequest) async throws(TransportError) -> HTTPResponse {
        asked.withLock { $0.append(request) }
        let review = Self.review(request)
        switch answer(Self.path(request), review) {
        case .response(var response):
            if response["uid"] == nil { response["uid"] = review[path: ["request", "uid"]] }
            let body: JSONValue = [
                "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response,
            ]
            return HTTPResponse(status: 200, body: body.serialized())
        case .raw(let status, let text): return HTTPResponse(status: status, body: Data(text.utf8))
        case .failure(let code): throw TransportError(code: code, message: "\(code)")
        }
    }

    static let allowed = Answer.response(["allowed": true])

    static func patching(_ patch: JSONValue) -> Answer {
        .response([
            "allowed": true, "patchType": "JSONPatch",
            "patch": .string(patch.serialized().base64EncodedString()),
        ])
    }
}

extension FakeCluster {
    /// Configures a webhook for widgets at `https://127.0.0.1:42567/NAME`.
    func webhook(_ kind: Webhook.Kind, _ name: String, _ extra: String = "{}") {
        var webhook = json(
            #"""
            {"name":"\#(name).example.dev","clientConfig":{"url":"https://127.0.0.1:42567/\#(name)"},
            "rules":[{"apiGroups":["example.dev"],"apiVersions":["v1"],"operations":["CREATE","UPDATE",
            "DELETE"],"resources":["widgets","widgets/status"],"scope":"*"}],"sideEffects":"None",
            "admissionReviewVersions":["v1"],"timeoutSeconds":2,"failurePolicy":"Fail"}
            """#)
        for (key, value) in json(extra).objectValue ?? [:] { webhook[key] = value }
        put(
            kind.plural, group: Webhook.group, namespace: "", name,
            JSONValue.object(["webhooks": [webhook]]).text)
    }
}
