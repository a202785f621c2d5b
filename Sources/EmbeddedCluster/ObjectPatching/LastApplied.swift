import KubernetesAPI

/// The annotation in which `kubectl apply` without `--server-side` keeps what it applied, so that its
/// users can change over.
private let lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

extension FieldManager {
    /// The field manager of `kubectl apply --server-side`.
    static let kubectl = "kubectl"

    /// What client-side apply last applied and is still so: server-side apply by the same tool may take
    /// these fields over without a conflict.
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
    /// Keeps the annotation of client-side apply up to date, where there is one.
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
