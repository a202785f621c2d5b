import KubernetesAPI

/// A field that an apply would change and that another manager owns.
struct Conflict {
    var manager: ManagedFields.Manager
    var path: [PathElement]

    private var field: String { path.map(\.readable).joined() }

    /// The manager's name in quotes, with the properties that differ between managers of one name.
    private var who: String {
        var text = JSONValue.string(manager.name).text
        if !manager.subresource.isEmpty {
            text += " with subresource \(JSONValue.string(manager.subresource).text)"
        }
        if manager.operation == .update { text += " using \(manager.apiVersion)" }
        return text
    }

    /// The answer 409 with a cause for each conflict.
    static func error(_ conflicts: [Conflict]) -> PatchError {
        let ordered = conflicts.map { ($0.who, $0) }.enumerated()
            .sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }.map(\.element)
        let causes = ordered.map { who, conflict in
            StatusCause(
                reason: "FieldManagerConflict", message: "conflict with \(who)", field: conflict.field)
        }
        return PatchError(
            .conflict,
            status: Status(
                message: message(ordered), reason: "Conflict", details: StatusDetails(causes: causes),
                code: 409))
    }

    private static func message(_ ordered: [(String, Conflict)]) -> String {
        if ordered.count == 1, let (who, conflict) = ordered.first {
            return "Apply failed with 1 conflict: conflict with \(who): \(conflict.field)"
        }
        var lines: [String] = []
        var current: String?
        for (who, conflict) in ordered {
            if who != current { lines.append("conflicts with \(who):") }
            current = who
            lines.append("- \(conflict.field)")
        }
        return "Apply failed with \(ordered.count) conflicts: \(lines.joined(separator: "\n"))"
    }
}
