import FoundationEssentials
import HTTPTypes
import Hummingbird
import KubernetesAPI
import Logging
import NIOCore

/// Answers an HTTP request.
struct ReviewResponder: Sendable {
    let controller: AdmissionController
    let access: AccessReviewer
    let bodyLimit: Int
    let logger: Logger
    let observer: @Sendable (ReviewObservation) -> Void

    /// An answer that is no review. The API server shows the message to its user.
    private struct Refusal: Error {
        var status: HTTPResponse.Status
        var reason: String
        var message: String
        var allow: String?
    }

    func respond(to request: Request) async -> Response {
        let start = ContinuousClock.now
        let answer: Answer
        do {
            let webhook = try webhook(of: request)
            let deadline = ReviewDeadline(
                timeout: request.uri.queryParameters["timeout"].map(String.init), since: start)
            let body = try await body(of: request)
            answer = try await review(body, by: webhook, until: deadline)
        } catch {
            answer = refuse(error)
        }
        observer(
            ReviewObservation(
                kind: answer.kind, outcome: answer.outcome, duration: start.duration(to: .now)))
        return answer.response
    }

    private struct Answer {
        var response: Response
        var kind = "other"
        var outcome = ReviewObservation.Outcome.error
    }

    private enum Webhook { case mutating, validating }

    private func webhook(of request: Request) throws(Refusal) -> Webhook {
        let webhook: Webhook
        switch request.uri.path {
        case "/mutate": webhook = .mutating
        case "/validate": webhook = .validating
        default:
            throw Refusal(
                status: .notFound, reason: "NotFound",
                message: "there is no such path; the webhook answers at /mutate and /validate")
        }
        guard request.method == .post else {
            throw Refusal(
                status: .methodNotAllowed, reason: "MethodNotAllowed",
                message: "an AdmissionReview is sent by POST", allow: "POST")
        }
        let type = request.headers[.contentType]?.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard type == "application/json" else {
            throw Refusal(
                status: .unsupportedMediaType, reason: "UnsupportedMediaType",
                message: "an AdmissionReview is sent as application/json")
        }
        return webhook
    }

    private func body(of request: Request) async throws(Refusal) -> ByteBuffer {
        let tooLarge = Refusal(
            status: .contentTooLarge, reason: "RequestEntityTooLarge",
            message: "the AdmissionReview is larger than \(bodyLimit) bytes")
        let announced = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        guard announced <= bodyLimit else { throw tooLarge }
        do {
            return try await request.body.collect(upTo: bodyLimit)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        } catch {
            throw Refusal(
                status: .badRequest, reason: "BadRequest", message: "the body could not be read: \(error)")
        }
    }

    private func review(
        _ body: ByteBuffer, by webhook: Webhook, until deadline: ReviewDeadline
    ) async throws(Refusal) -> Answer {
        let request: AdmissionRequest
        do {
            request = try AdmissionRequest(review: body.readableBytesView)
        } catch {
            throw Refusal(status: .badRequest, reason: "BadRequest", message: error.message)
        }
        let decision =
            switch webhook {
            case .mutating: controller.mutate(request)
            case .validating: await controller.validate(request, until: deadline, asking: access)
            }
        if case .refused(let status, _) = decision {
            logger.info(
                "refused",
                metadata: [
                    "kind": "\(request.kind)", "object": "\(request.namespace)/\(request.name)",
                    "operation": "\(request.operation.rawValue)", "user": "\(request.user.name)",
                    "message": "\(status.message ?? "")",
                ])
        }
        return Answer(
            response: json(decision.review(uid: request.uid), status: .ok),
            kind: controller.knows(kind: request.kind) ? request.kind : "other",
            outcome: decision.isAllowed ? .allowed : .denied)
    }

    private func refuse(_ error: any Error) -> Answer {
        let refusal =
            error as? Refusal
            ?? Refusal(status: .internalServerError, reason: "InternalError", message: "\(error)")
        logger.warning(
            "a request is no review", metadata: ["message": "\(refusal.message)"])
        var response = json(
            Status(message: refusal.message, reason: refusal.reason, code: refusal.status.code).json,
            status: refusal.status)
        if let allow = refusal.allow { response.headers[.allow] = allow }
        return Answer(response: response)
    }

    private func json(_ value: JSONValue, status: HTTPResponse.Status) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.serialized())))
    }
}
