import APIServer
import KubernetesAPI

extension AdmissionRequest {
    /// A refusal in the words of a real API server: `pods "x" is forbidden: …`.
    func forbidden(_ why: String) -> APIError { .forbidden(definition.type, name: shownName, why) }

    /// The name; before there is one, what it will begin with.
    private var shownName: String {
        if !name.isEmpty { return name }
        let metadata = (object ?? oldObject)?["metadata"]
        for field in ["name", "generateName"] {
            if let text = metadata?[field]?.stringValue, !text.isEmpty { return text }
        }
        return "Unknown"
    }

    /// Whether this writes the objects of a core resource themselves, not a subresource of theirs.
    func isCore(_ plural: String) -> Bool {
        definition.type.group.isEmpty && definition.type.plural == plural && subresource == nil
    }
}
