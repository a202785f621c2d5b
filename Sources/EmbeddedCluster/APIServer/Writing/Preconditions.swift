import KubernetesAPI

// Conditions that a body must meet, by the URL and the live object, before it is a write.
extension Write {
    /// A new object with the namespace of the URL, which it must not contradict.
    func adopted(_ body: JSONValue) throws(APIError) -> JSONValue {
        var object = body
        let namespace = context.key.namespace
        guard object.objectNamespace.isEmpty || object.objectNamespace == namespace else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request")
        }
        object[metadata: "namespace"] = namespace.isEmpty ? JSONValue?.none : .string(namespace)
        guard context.isDryRun || (object[metadata: "resourceVersion"] ?? "").isEmptyText else {
            throw APIError(
                Status(message: "resourceVersion should not be set on objects to be created", code: 500))
        }
        return object
    }

    /// Refuses an applied configuration that means an object which is not there.
    func checkAbsence(in configuration: JSONValue) throws(APIError) {
        guard (configuration[metadata: "resourceVersion"] ?? "").isEmptyText else {
            throw .conflict(
                context.type, name: context.key.name,
                "resourceVersion was set, but the object does not exist")
        }
        let uid = configuration.uid
        guard uid.isEmpty else {
            throw .conflict(
                context.type, name: context.key.name,
                "uid mismatch: the provided object specified uid \(uid), and no existing object was found")
        }
    }

    /// Refuses an applied configuration that is pinned to another version than the live one.
    func checkPin(of configuration: JSONValue, over old: JSONValue) throws(APIError) {
        guard let version = configuration[metadata: "resourceVersion"], !version.isEmptyText,
            version != old[metadata: "resourceVersion"]
        else { return }
        throw APIError(.conflict, context.type, name: context.key.name)
    }

    /// Refuses an object of another name or namespace than the URL's, and one made from another version
    /// than the live one.
    func checkVersion(of object: JSONValue, over old: JSONValue) throws(APIError) {
        try checkIdentity(of: object)
        let version = object[metadata: "resourceVersion"] ?? ""
        guard version.isEmptyText else {
            guard version == old[metadata: "resourceVersion"] else {
                throw APIError(.conflict, context.type, name: context.key.name)
            }
            return
        }
        // A custom resource cannot be overwritten blindly.
        guard context.resource.isCustom else { return }
        var error = APIError.invalid(
            context.type, name: context.key.name,
            [.invalid("metadata.resourceVersion", 0, "must be specified for an update")])
        error.status.message = error.status.message?.replacingPrefix(
            "\(context.type.kind).\(context.type.group)", with: context.type.qualifiedName)
        error.status.details?.kind = context.type.plural
        throw error
    }

    private func checkIdentity(of object: JSONValue) throws(APIError) {
        let key = context.key
        let name = object.objectName
        guard name.isEmpty || name == key.name else {
            throw .badRequest(
                "the name of the object (\(name)) does not match the name on the URL (\(key.name))")
        }
        let namespace = object.objectNamespace
        guard namespace.isEmpty || namespace == key.namespace else {
            throw .badRequest(
                "the namespace of the object (\(namespace)) does not match the namespace on the URL (\(key.namespace))"
            )
        }
    }

    /// Refuses an object that means another one of the same name.
    func checkUID(of object: JSONValue, over old: JSONValue) throws(APIError) {
        let uid = object.uid
        guard !uid.isEmpty, uid != old.uid else { return }
        let group = context.resource.isCustom ? "\(context.type.group)/" : ""
        throw .conflict(
            context.type, name: context.key.name,
            "StorageError: invalid object, Code: 4, Key: /registry/\(group)\(context.type.plural)/\(context.key), "
                + "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: "
                + "\(uid), UID in object meta: \(old.uid)")
    }
}

extension String {
    fileprivate func replacingPrefix(_ prefix: String, with replacement: String) -> String {
        hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
    }
}
