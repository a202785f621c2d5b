import KubernetesAPI

/// Options of a creation, an update or a patch, from the query: `metav1.CreateOptions`, `UpdateOptions` and
/// `PatchOptions`.
struct WriteOptions: Sendable {
    enum Kind: Sendable {
        case create
        case update
        case patch(isApply: Bool)

        fileprivate var name: String {
            switch self {
            case .create: "CreateOptions"
            case .update: "UpdateOptions"
            case .patch: "PatchOptions"
            }
        }
    }

    enum FieldValidation: String, Sendable {
        case ignore = "Ignore"
        case warn = "Warn"
        case strict = "Strict"
    }

    private static let longestManager = 128

    /// Name of the manager that the written fields will belong to; nil if the client gives none.
    var fieldManager: String?
    var isDryRun = false
    var fieldValidation = FieldValidation.warn
    /// Whether an apply takes fields from other managers.
    var isForced = false

    init() {}

    /// Reads the options, and tells all that is wrong with them at once.
    init(_ query: QueryParameters, _ kind: Kind) throws(APIError) {
        var errors: [FieldError] = []
        fieldManager = query["fieldManager"]
        if case .patch(let isApply) = kind {
            if isApply, fieldManager == nil {
                errors.append(.required("fieldManager", "is required for apply patch"))
            }
            if !isApply, query.has("force") {
                errors.append(.forbidden("force", "may not be specified for non-apply patch"))
            }
        }
        isForced = query.flag("force")
        errors += Self.problems(of: fieldManager ?? "")
        let dryRun = query.all("dryRun")
        isDryRun = !dryRun.isEmpty
        errors += Self.problems(ofDryRun: dryRun)
        if let text = query["fieldValidation"] {
            if let validation = FieldValidation(rawValue: text) {
                fieldValidation = validation
            } else {
                errors.append(
                    .notSupported(
                        "fieldValidation", .string(text), supported: ["", "Ignore", "Strict", "Warn"]))
            }
        }
        guard errors.isEmpty else { throw .invalidOptions(kind.name, errors) }
    }

    /// A manager's name is short and can be printed.
    private static func problems(of manager: String) -> [FieldError] {
        var errors: [FieldError] = []
        if manager.utf8.count > longestManager {
            errors.append(.tooLong("fieldManager", limit: longestManager))
        }
        var position = 0
        for scalar in manager.unicodeScalars {
            if !scalar.isPrintableInGo {
                let hex = String(scalar.value, radix: 16, uppercase: true)
                let digits = String(repeating: "0", count: max(0, 4 - hex.count)) + hex
                errors.append(
                    FieldError(
                        code: .invalid, field: "fieldManager",
                        message: "Invalid value: \(manager.quotedInGo): invalid character U+\(digits) "
                            + "(at position \(position))"))
            }
            position += UTF8.width(scalar)
        }
        return errors
    }

    /// Every value of `dryRun` is All.
    static func problems(ofDryRun values: [String]) -> [FieldError] {
        guard values.contains(where: { $0 != "All" }) else { return [] }
        return [.notSupported("dryRun", .array(values.map(JSONValue.string)), supported: ["All"])]
    }
}

extension RequestContext {
    /// The context with the options of its write; a body of an unknown media type is refused before them.
    func writing() throws(APIError) -> RequestContext {
        var context = self
        switch request.method {
        case "POST":
            try checkMediaType()
            context.options = try WriteOptions(request.query, .create)
        case "PUT":
            try checkMediaType()
            context.options = try WriteOptions(request.query, .update)
        case "PATCH":
            var isApply = false
            if case .apply = try Write.Operation(patch: self) { isApply = true }
            context.options = try WriteOptions(request.query, .patch(isApply: isApply))
        default: break
        }
        return context
    }
}

extension APIError {
    /// Error 422 about the options of a request: `kind` is `DeleteOptions` or the like.
    static func invalidOptions(_ kind: String, _ errors: [FieldError]) -> APIError {
        .invalid(
            ResourceType(group: "meta.k8s.io", version: "v1", kind: kind, plural: ""), name: "", errors)
    }
}
