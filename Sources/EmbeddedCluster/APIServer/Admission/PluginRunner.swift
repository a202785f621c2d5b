import KubernetesAPI

extension ServerCore {
    /// The request about a write or a deletion, as plugins see it.
    func admissionRequest(
        _ operation: AdmissionRequest.Operation, _ context: RequestContext, object: JSONValue?,
        old: JSONValue?
    ) -> AdmissionRequest {
        AdmissionRequest(
            uid: environment.makeUID(), operation: operation, definition: context.definition,
            subresource: context.path.subresource.isEmpty ? nil : context.path.subresource,
            name: context.path.name, namespace: context.key.namespace, user: context.user, object: object,
            oldObject: old, options: options(operation, context), isDryRun: context.isDryRun,
            warnings: context.warnings)
    }

    /// The request's options; a patch has those of the update, or of the creation, that it comes to.
    private func options(
        _ operation: AdmissionRequest.Operation, _ context: RequestContext
    ) -> JSONValue {
        let kind =
            switch operation {
            case .create: "CreateOptions"
            case .update: "UpdateOptions"
            case .delete: "DeleteOptions"
            case .connect: "ConnectOptions"
            }
        var options: JSONValue = ["kind": .string(kind), "apiVersion": "meta.k8s.io/v1"]
        if context.isDryRun { options["dryRun"] = ["All"] }
        if let manager = context.options.fieldManager { options["fieldManager"] = .string(manager) }
        if let validation = context.request.query["fieldValidation"] {
            options["fieldValidation"] = .string(validation)
        }
        return options
    }

    /// Lets the plugins change the object; what they did is pruned and defaulted like the client's.
    func admit(_ request: inout AdmissionRequest) async throws(APIError) {
        let before = request.object
        for plugin in plugins { try await plugin.admit(&request, self) }
        guard request.object != before, var object = request.object else { return }
        request.definition.schema.prune(&object)
        request.definition.schema.applyDefaults(to: &object)
        request.definition.strategy.applyDefaults(&object)
        request.object = object
    }

    /// Lets the plugins refuse the object that is to be stored.
    func validateAdmission(_ request: AdmissionRequest) async throws(APIError) {
        for plugin in plugins { try await plugin.validate(request, self) }
    }

    /// Tells the plugins that a creation which they have judged is over.
    func completeAdmission(_ request: AdmissionRequest) {
        for plugin in plugins { plugin.completed(request) }
    }
}
