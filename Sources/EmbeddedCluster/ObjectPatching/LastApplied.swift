import KubernetesAPI

/// Annotation in which `kubectl apply` without `--server-side` keeps the applied configuration. Reading it
/// lets its users change over to server-side apply.
private let lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

extension FieldManager {
    /// The field manager of `kubectl apply --server-side`.
    static let kubectl = "kubectl"

    /// The fields that client-side apply set last and that still have those values: server-side apply by the
    /// same tool may take them over without a conflict.
    func lastAppliedFields(of live: JSONValue?) -> FieldSet {
        guard let live,
            let text = live[path: ["metadata", "annotations", lastAppliedAnnotation]]?.stringValue,
            let last = try? JSONValue(parsing: text), last.objectValue != nil,
            last["apiVersion"]?.stringValue == apiVersion,
            TypeCheck.firstProblem(in: last, type: type) == nil
        else { return FieldSet() }
        let changes = Comparison(from: last, to: live.withoutManagedFields, type: type)
        return FieldSet(of: last, type: type)
            .subtracting(changes.modified).subtracting(changes.added).subtracting(changes.removed)
    }
}

extension JSONValue {
    /// Updates the annotation of client-side apply, if there is one.
    mutating func refreshLastApplied(_ applied: JSONValue) {
        let path = ["metadata", "annotations", lastAppliedAnnotation]
        guard self[path: path] != nil else { return }
        var configuration = applied.withoutManagedFields
        configuration[path: path] = nil
        if configuration[path: ["metadata", "annotations"]] == [:] {
            configuration[path: ["metadata", "annotations"]] = nil
        }
        self[path: path] = .string(configuration.text + "\n")
    }
}
