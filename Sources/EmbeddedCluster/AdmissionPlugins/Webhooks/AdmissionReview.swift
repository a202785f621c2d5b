import APIServer
import FoundationEssentials
import KubernetesAPI
import ObjectPatching

/// The question put to an admission webhook: `admission.k8s.io/v1` `AdmissionReview`.
enum AdmissionReview {
    static let apiVersion = "admission.k8s.io/v1"

    /// - Parameter uid: tells this call from all others.
    static func body(of request: AdmissionRequest, uid: String) -> JSONValue {
        [
            "kind": "AdmissionReview", "apiVersion": .string(apiVersion),
            "request": attributes(of: request, uid: uid),
        ]
    }

    /// The `request` of a review; also what conditions in CEL see.
    static func attributes(of request: AdmissionRequest, uid: String) -> JSONValue {
        let type = request.definition.type
        let kind: JSONValue = [
            "group": .string(type.group), "version": .string(type.version), "kind": .string(type.kind),
        ]
        let resource: JSONValue = [
            "group": .string(type.group), "version": .string(type.version),
            "resource": .string(type.plural),
        ]
        var attributes: [String: JSONValue] = [
            "uid": .string(uid), "kind": kind, "resource": resource, "requestKind": kind,
            "requestResource": resource, "operation": .string(request.operation.rawValue),
            "userInfo": userInfo(request.user), "object": request.object ?? .null,
            "oldObject": request.oldObject ?? .null, "dryRun": .bool(request.isDryRun),
            "options": request.options,
        ]
        if let subresource = request.subresource {
            attributes["subResource"] = .string(subresource)
            attributes["requestSubResource"] = .string(subresource)
        }
        if !request.name.isEmpty { attributes["name"] = .string(request.name) }
        if !request.namespace.isEmpty { attributes["namespace"] = .string(request.namespace) }
        return .object(attributes)
    }

    private static func userInfo(_ user: UserInfo) -> JSONValue {
        var info: [String: JSONValue] = ["username": .string(user.name)]
        if !user.uid.isEmpty { info["uid"] = .string(user.uid) }
        if !user.groups.isEmpty { info["groups"] = .array(user.groups.map(JSONValue.string)) }
        if !user.extra.isEmpty {
            info["extra"] = .object(user.extra.mapValues { .array($0.map(JSONValue.string)) })
        }
        return .object(info)
    }

}

/// Answer of a webhook.
struct WebhookAnswer: Sendable {
    var isAllowed: Bool
    /// Cause of a refusal; nil if the webhook gives none.
    var status: Status?
    /// A JSON patch; nil if the webhook changes nothing.
    var patch: JSONValue?
    var warnings: [String]

    /// Cause for which a text is no answer.
    struct Malformed: Error {
        var message: String
    }

    init(decoding body: Data, uid: String, for kind: Webhook.Kind) throws(Malformed) {
        let review: JSONValue
        do {
            review = try JSONValue(parsing: body)
        } catch {
            throw Malformed(message: "couldn't get object from the response: \(error)")
        }
        guard review["apiVersion"]?.stringValue == AdmissionReview.apiVersion,
            review["kind"] == "AdmissionReview"
        else {
            let version = review["apiVersion"]?.stringValue ?? ""
            throw Malformed(
                message: "expected webhook response of \(AdmissionReview.apiVersion), Kind=AdmissionReview, "
                    + "got \(version), Kind=\(review["kind"]?.stringValue ?? "")")
        }
        guard let response = review["response"], response.objectValue != nil else {
            throw Malformed(message: "webhook response was absent")
        }
        let answered = response["uid"]?.stringValue ?? ""
        guard answered == uid else {
            throw Malformed(message: "expected response.uid=\"\(uid)\", got \"\(answered)\"")
        }
        isAllowed = response["allowed"]?.boolValue ?? false
        warnings = (response["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
        status = response["status"].flatMap { $0.isNull ? nil : Self.status($0) }
        patch = try Self.patch(in: response, for: kind)
    }

    private static func patch(
        in response: JSONValue, for kind: Webhook.Kind
    ) throws(Malformed) -> JSONValue? {
        let type = response["patchType"]?.stringValue
        let encoded = response["patch"]?.stringValue ?? ""
        guard kind == .mutating else {
            guard type == nil, encoded.isEmpty else {
                throw Malformed(message: "validating webhook response must not have a patch")
            }
            return nil
        }
        guard !encoded.isEmpty else {
            guard type == nil else {
                throw Malformed(message: "webhook returned response.patchType but not response.patch")
            }
            return nil
        }
        guard type == "JSONPatch" else {
            throw Malformed(message: "invalid response.patchType \"\(type ?? "")\", must be \"JSONPatch\"")
        }
        guard let bytes = Data(base64Encoded: encoded), let patch = try? JSONValue(parsing: bytes) else {
            throw Malformed(message: "response.patch is no JSON in base64")
        }
        return patch
    }

    /// Reads the status leniently: a fault in it is not worth failing for.
    private static func status(_ value: JSONValue) -> Status {
        if let status: Status = try? value.decoded() { return status }
        return Status(
            message: value["message"]?.stringValue, reason: value["reason"]?.stringValue,
            code: value["code"]?.integerValue.flatMap { Int(exactly: $0) })
    }

    /// The refusal as the client sees it.
    func refusal(by name: String) -> APIError {
        var status = status ?? Status()
        (status.kind, status.apiVersion) = ("Status", "v1")
        // A refusal never looks like a success.
        status.code = max(status.code ?? 400, 400)
        status.status = "Failure"
        let prefix = "admission webhook \"\(name)\" denied the request"
        let why = [status.message, status.reason].compactMap { $0 }.first { !$0.isEmpty }
        status.message = why.map { "\(prefix): \($0)" } ?? "\(prefix) without explanation"
        return APIError(status)
    }
}
