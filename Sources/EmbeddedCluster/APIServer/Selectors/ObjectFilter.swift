import KubernetesAPI

/// Selection of the objects that a list, a watch or a `deletecollection` is about.
struct ObjectFilter: Sendable {
    var namespace: String?
    var labels: LabelQuery?
    var fields: FieldSelector

    /// Reads `labelSelector` and `fieldSelector`.
    init(_ query: QueryParameters, namespace: String, definition: ResourceDefinition) throws(APIError) {
        self.namespace = namespace.isEmpty ? nil : namespace
        if let text = query["labelSelector"] {
            do {
                labels = try LabelQuery(text)
            } catch {
                throw .badRequest(error.message)
            }
        }
        fields = try FieldSelector(query["fieldSelector"] ?? "", for: definition)
    }

    var selectsAll: Bool { (labels?.isEmpty ?? true) && fields.isEmpty }

    func matches(_ key: ObjectKey, _ object: JSONValue) -> Bool {
        if let namespace, key.namespace != namespace { return false }
        if let labels, !labels.matches(object["metadata"]?["labels"]?.objectValue) { return false }
        return fields.matches(object)
    }
}
