import KubernetesAPI

/// The question that an API server puts to a webhook: the `request` of an `admission.k8s.io/v1`
/// `AdmissionReview`.
public struct AdmissionRequest: Hashable, Sendable {
    public enum Operation: String, Hashable, Sendable {
        case create = "CREATE"
        case update = "UPDATE"
        case delete = "DELETE"
        case connect = "CONNECT"
    }

    /// Repeated in the answer.
    public var uid: String
    public var group: String
    public var version: String
    public var kind: String
    /// The plural; empty if the server did not say.
    public var resource: String
    /// `status`, say; empty for the object itself.
    public var subresource: String
    /// Empty for an object whose name the server has yet to make.
    public var name: String
    /// Empty for what has no namespace.
    public var namespace: String
    public var operation: Operation
    /// Who asks, as the server has authenticated it.
    public var username: String
    /// Nil where an object is deleted.
    public var object: JSONValue?
    /// What the object replaces, or was; nil where one is created.
    public var oldObject: JSONValue?
    public var isDryRun: Bool
}

/// Why a body is no review. An answer with HTTP status 400 carries the message.
public struct MalformedReview: Error, Hashable, Sendable {
    public var message: String
}

extension AdmissionRequest {
    static let reviewVersion = "admission.k8s.io/v1"
    /// Levels of arrays and objects: more than any object has that an API server accepts.
    static let depthLimit = 64

    /// Reads an `AdmissionReview`.
    public init(review body: some Sequence<UInt8>) throws(MalformedReview) {
        let review: JSONValue
        do {
            review = try JSONValue(parsing: body, depthLimit: Self.depthLimit)
        } catch {
            throw MalformedReview(message: "the body is no JSON: \(error)")
        }
        let found = "\(Self.shown(review["apiVersion"])), kind \(Self.shown(review["kind"]))"
        guard review["apiVersion"]?.stringValue == Self.reviewVersion, review["kind"] == "AdmissionReview"
        else {
            throw MalformedReview(
                message: "expected an AdmissionReview of \(Self.reviewVersion), got apiVersion \(found)")
        }
        guard let request = review["request"], request.objectValue != nil else {
            throw MalformedReview(message: "the AdmissionReview has no request")
        }
        try self.init(request)
    }

    private init(_ request: JSONValue) throws(MalformedReview) {
        uid = try Self.text(request, ["uid"])
        group = try Self.text(request, ["kind", "group"], mayBeEmpty: true)
        version = try Self.text(request, ["kind", "version"])
        kind = try Self.text(request, ["kind", "kind"])
        resource = request[path: ["resource", "resource"]]?.stringValue ?? ""
        subresource = request["subResource"]?.stringValue ?? ""
        name = request["name"]?.stringValue ?? ""
        namespace = request["namespace"]?.stringValue ?? ""
        username = request[path: ["userInfo", "username"]]?.stringValue ?? ""
        isDryRun = request["dryRun"]?.boolValue ?? false
        let operation = try Self.text(request, ["operation"])
        guard let known = Operation(rawValue: operation) else {
            throw MalformedReview(message: "request.operation is '\(Self.bounded(operation))', which is none")
        }
        self.operation = known
        object = try Self.object(request, "object")
        oldObject = try Self.object(request, "oldObject")
        if known == .create || known == .update, object == nil {
            throw MalformedReview(message: "request.object is missing")
        }
        if known == .update, oldObject == nil {
            throw MalformedReview(message: "request.oldObject is missing")
        }
    }

    private static func text(
        _ request: JSONValue, _ path: [String], mayBeEmpty: Bool = false
    ) throws(MalformedReview) -> String {
        guard let text = request[path: path]?.stringValue, mayBeEmpty || !text.isEmpty else {
            throw MalformedReview(message: "request.\(path.joined(separator: ".")) is missing")
        }
        return text
    }

    private static func object(_ request: JSONValue, _ name: String) throws(MalformedReview) -> JSONValue? {
        guard let value = request[name], !value.isNull else { return nil }
        guard value.objectValue != nil else {
            throw MalformedReview(message: "request.\(name) is no object")
        }
        return value
    }

    private static func shown(_ value: JSONValue?) -> String {
        value.map { bounded($0.stringValue ?? "that is no text") } ?? "none"
    }

    private static func bounded(_ text: String) -> String { String(text.prefix(64)) }
}
