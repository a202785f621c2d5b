import KubernetesAPI
import StructuralSchema

/// A kind that only comes as the body of a subresource, and is never stored.
struct SubresourceBody: Sendable {
    fileprivate let resource: ServedResource
    /// Versions of its group in which it may come.
    fileprivate let versions: Set<String>
    /// Reads what has types that the server depends on.
    fileprivate let check: @Sendable (GoStruct) throws(GoStruct.Mismatch) -> Void

    private init(
        _ type: ResourceType, versions: Set<String> = ["v1"], _ properties: [String: Schema],
        check: @escaping @Sendable (GoStruct) throws(GoStruct.Mismatch) -> Void = { _ in }
    ) {
        let common: [String: Schema] = [
            "apiVersion": .string("Group and version."), "kind": .string("Kind."),
            "metadata": Schema.objectMeta,
        ]
        resource = ServedResource(
            ResourceDefinition(
                type: type,
                schema: .object("A request.", common.merging(properties) { own, _ in own })))
        self.versions = versions
        self.check = check
    }

    static let binding = SubresourceBody(
        ResourceType(version: "v1", kind: "Binding", plural: "bindings"),
        [
            "target": .object(
                "The node.",
                Dictionary(
                    uniqueKeysWithValues: [
                        "apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid",
                    ].map { ($0, .string("As in a reference.")) }))
        ])

    static let eviction = SubresourceBody(
        ResourceType(group: "policy", version: "v1", kind: "Eviction", plural: "evictions"),
        versions: ["v1", "v1beta1"],
        [
            "deleteOptions": .object(
                "Options of the deletion.",
                [
                    "apiVersion": .string("Group and version."), "kind": .string("Kind."),
                    "dryRun": .array("All, or nothing.", of: .string("All.")),
                    "gracePeriodSeconds": .integer("Seconds until the pod is killed."),
                    "ignoreStoreReadErrorWithClusterBreakingPotential": .boolean("Without effect here."),
                    "orphanDependents": .boolean("Whether dependents stay."),
                    "preconditions": .object(
                        "What the pod must be.",
                        ["uid": .string("UID."), "resourceVersion": .string("Version.")]),
                    "propagationPolicy": .string("Treatment of dependents."),
                ])
        ]
    ) { eviction throws(GoStruct.Mismatch) in _ = try DeleteOptions(ofEviction: eviction) }
}

extension RequestContext {
    /// The body of a subresource, which is of the named kind and about the object of the URL.
    func decodeSubresource(_ body: SubresourceBody) throws(APIError) -> JSONValue {
        var own = self
        own.resource = body.resource
        var value = try own.parseBody()
        let type = own.type
        if let version = value["apiVersion"]?.stringValue,
            body.versions.contains(where: { version == (type.group.isEmpty ? $0 : "\(type.group)/\($0)") })
        {
            value["apiVersion"] = .string(type.apiVersion)
        }
        try own.check(value, body)
        let object = try own.accept(value)
        guard object.objectName == key.name else {
            throw .badRequest("name in URL does not match name in \(type.kind) object")
        }
        guard object.objectNamespace.isEmpty || object.objectNamespace == key.namespace else {
            throw .badRequest(
                "the namespace of the provided object does not match the namespace sent on the request")
        }
        return object
    }

    private func check(_ value: JSONValue, _ body: SubresourceBody) throws(APIError) {
        let fields = GoStruct(type.kind, value)
        do throws(GoStruct.Mismatch) {
            let metadata = try fields.structure("metadata", type: "v1.ObjectMeta", "ObjectMeta")
            for field in ["name", "namespace", "resourceVersion"] { _ = try metadata?.text(field) }
            _ = try metadata?.text("uid", type: "types.UID")
            try body.check(fields)
        } catch {
            throw .badRequest(
                "\(type.kind) in version \"\(type.version)\" cannot be handled as a \(type.kind): "
                    + error.message)
        }
    }
}
