import KubernetesAPI

extension ServerCore {
    /// Refuses creations in namespaces that are missing or going away.
    func checkNamespace(for context: RequestContext, name: String) throws(APIError) {
        guard context.type.isNamespaced else { return }
        let namespaces = ResourceType(
            version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)
        let namespace = context.key.namespace
        guard let object = store.get(GroupResource(namespaces), ObjectKey(name: namespace)) else {
            throw .notFound(namespaces, name: namespace)
        }
        guard object.value.isBeingDeleted else { return }
        var error = APIError.forbidden(
            context.type, name: name,
            "unable to create new content in namespace \(namespace) because it is being terminated")
        error.status.details?.causes = [
            StatusCause(
                reason: "NamespaceTerminating", message: "namespace \(namespace) is being terminated",
                field: "metadata.namespace")
        ]
        throw error
    }
}
