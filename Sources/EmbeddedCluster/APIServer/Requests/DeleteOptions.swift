import KubernetesAPI

/// `metav1.DeleteOptions`: from the body, or where there is none from the query.
struct DeleteOptions: Sendable {
    var gracePeriodSeconds: Int64?
    var propagationPolicy: String?
    var orphanDependents: Bool?
    /// UID that the object must have; nil for any.
    var uid: String?
    /// Version that the object must have; nil for any.
    var resourceVersion: String?
    var dryRun: [String] = []

    private static let type = "DeleteOptions"
    /// Kinds that every group of upstream's scheme has, and that are no options of a deletion.
    private static let otherKinds: Set<String> = [
        "APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "CreateOptions", "Status",
        "UpdateOptions",
    ]

    /// Options of a DELETE. Those in a body stand alone: the query's are not looked at then.
    init(_ context: RequestContext) throws(APIError) {
        if context.request.body.isEmpty {
            try self.init(context.request.query)
        } else {
            try self.init(body: try context.parseBody(isObject: false))
        }
        try validate()
    }

    private init(body: JSONValue) throws(APIError) {
        guard body.objectValue != nil || body.isNull else {
            throw .badRequest(
                "couldn't get version/kind; json parse error: json: cannot unmarshal \(body.typeName) into Go "
                    + #"value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; "#
                    + #"Kind string "json:\"kind,omitempty\"" }"#)
        }
        let version = body["apiVersion"]?.stringValue ?? "v1"
        let kind = body["kind"]?.stringValue ?? Self.type
        guard version.split(separator: "/", omittingEmptySubsequences: false).count <= 2 else {
            throw .badRequest("unexpected GroupVersion string: \(version)")
        }
        guard kind.isEmpty || kind == Self.type else {
            throw .badRequest(
                Self.otherKinds.contains(kind)
                    ? "converting (v1.\(kind)) to (v1.DeleteOptions): unknown conversion"
                    : "no kind \"\(kind)\" is registered for version \"\(version)\" in scheme "
                        + "\"pkg/runtime/scheme.go:111\"")
        }
        do {
            try self.init(GoStruct(Self.type, body))
        } catch {
            throw .badRequest(error.message)
        }
    }

    /// Reads the fields of the struct. Values that are none are found by `validate`.
    init(_ fields: GoStruct) throws(GoStruct.Mismatch) {
        gracePeriodSeconds = try fields.integer("gracePeriodSeconds")
        let preconditions = try fields.structure("preconditions", type: "v1.Preconditions", "Preconditions")
        uid = try preconditions?.text("uid", type: "types.UID")
        resourceVersion = try preconditions?.text("resourceVersion")
        orphanDependents = try fields.flag("orphanDependents")
        propagationPolicy = try fields.text("propagationPolicy", type: "v1.DeletionPropagation")
        dryRun = try fields.texts("dryRun")
    }

    /// The options in an eviction; none if it has none.
    init(ofEviction eviction: GoStruct) throws(GoStruct.Mismatch) {
        let options = try eviction.structure("deleteOptions", type: "v1.DeleteOptions", Self.type)
        try self.init(options ?? GoStruct(Self.type, [:]))
    }

    private init(_ query: QueryParameters) throws(APIError) {
        gracePeriodSeconds = try query.integer("gracePeriodSeconds")
        orphanDependents = query.has("orphanDependents") ? query.flag("orphanDependents") : nil
        propagationPolicy = query.all("propagationPolicy").first
        uid = query["uid"]
        resourceVersion = query["resourceVersion"]
        dryRun = query.all("dryRun")
    }

    /// Refuses values that are none, all at once.
    func validate() throws(APIError) {
        var errors: [FieldError] = []
        if let propagationPolicy {
            let value = JSONValue.string(propagationPolicy)
            if orphanDependents != nil {
                errors.append(
                    .invalid(
                        "propagationPolicy", value,
                        "orphanDependents and deletionPropagation cannot be both set"))
            }
            if PropagationPolicy(rawValue: propagationPolicy) == nil {
                errors.append(
                    .notSupported(
                        "propagationPolicy", value,
                        supported: ["Foreground", "Background", "Orphan", "nil"]))
            }
        }
        errors += WriteOptions.problems(ofDryRun: dryRun)
        guard errors.isEmpty else { throw .invalidOptions(Self.type, errors) }
    }

    var isDryRun: Bool { !dryRun.isEmpty }

    /// Treatment of dependents; nil if the request does not say.
    var propagation: PropagationPolicy? {
        if let propagationPolicy { return PropagationPolicy(rawValue: propagationPolicy) }
        return orphanDependents.map { $0 ? .orphan : .background }
    }

    /// The options as admission plugins see them.
    var json: JSONValue {
        var options: JSONValue = ["kind": .string(Self.type), "apiVersion": "meta.k8s.io/v1"]
        options["gracePeriodSeconds"] = gracePeriodSeconds.map(JSONValue.integer)
        var preconditions: JSONValue = [:]
        preconditions["uid"] = uid.map(JSONValue.string)
        preconditions["resourceVersion"] = resourceVersion.map(JSONValue.string)
        if preconditions != [:] { options["preconditions"] = preconditions }
        options["orphanDependents"] = orphanDependents.map(JSONValue.bool)
        options["propagationPolicy"] = propagationPolicy.map(JSONValue.string)
        if isDryRun { options["dryRun"] = .array(dryRun.map(JSONValue.string)) }
        return options
    }
}
