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

    /// The user who asks, as the server has authenticated it.
    public struct User: Hashable, Sendable {
        /// Name; empty if the server did not say.
        public var name: String
        /// UID; empty if there is none.
        public var uid: String
        /// Groups of the user, in the server's order.
        public var groups: [String]
        /// Further properties of the user, for authorizers that read them.
        public var extra: [String: [String]]

        /// A user as the server describes it.
        public init(
            name: String, uid: String = "", groups: [String] = [], extra: [String: [String]] = [:]
        ) {
            self.name = name
            self.uid = uid
            self.groups = groups
            self.extra = extra
        }
    }

    /// UID of the request, repeated in the answer.
    public var uid: String
    public var group: String
    public var version: String
    public var kind: String
    /// The plural; empty if the server did not say.
    public var resource: String
    /// Part of the object that is written, such as `status`; nil for the object itself.
    public var subresource: String?
    /// Name of the object; empty if the server has yet to make it.
    public var name: String
    /// Namespace of the object; empty if it has none.
    public var namespace: String
    public var operation: Operation
    /// The user who asks.
    public var user: User
    /// The new object; nil for a deletion.
    public var object: JSONValue?
    /// The object before the request; nil for a creation.
    public var oldObject: JSONValue?
    /// Whether nothing will be stored.
    public var isDryRun: Bool
    /// `CreateOptions`, `UpdateOptions` or the like, as the server sent them; nil if it did not.
    public var options: JSONValue?
}

/// Error of a body that is no review. An answer with HTTP status 400 carries the message.
public struct MalformedReview: Error, Hashable, Sendable {
    public var message: String
}

extension AdmissionRequest {
    static let reviewVersion = "admission.k8s.io/v1"
    /// Levels of arrays and objects, at most: more than those of any object that an API server accepts.
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
        subresource = request["subResource"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
        name = request["name"]?.stringValue ?? ""
        namespace = request["namespace"]?.stringValue ?? ""
        user = User(request["userInfo"])
        isDryRun = request["dryRun"]?.boolValue ?? false
        options = try Self.object(request, "options")
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

extension AdmissionRequest.User {
    /// Reads an `authentication.k8s.io/v1` `UserInfo`, any part of which may be missing.
    init(_ value: JSONValue?) {
        func texts(_ value: JSONValue?) -> [String] { (value?.arrayValue ?? []).compactMap(\.stringValue) }
        self.init(
            name: value?["username"]?.stringValue ?? "", uid: value?["uid"]?.stringValue ?? "",
            groups: texts(value?["groups"]), extra: (value?["extra"]?.objectValue ?? [:]).mapValues(texts))
    }
}
