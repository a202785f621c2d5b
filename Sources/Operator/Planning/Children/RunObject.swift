import AnnealAPI
import KubernetesAPI

/// The owner of children: what their metadata says about it.
struct RunObject: Hashable, Sendable {
    var namespace: String
    var name: String
    var uid: String
    var kind: String
    var owner: OwnerReference?
    /// User who created the run; nil on a run that is older than the webhook, or without one.
    var createdBy: String?

    init(_ object: some KubernetesResource) {
        namespace = object.namespace
        name = object.name
        uid = object.metadata.uid ?? ""
        kind = type(of: object).resourceType.kind
        owner = object.controllerReference
        createdBy = object.metadata.annotations?[Anneal.Annotation.createdBy]
    }

    func identity(attempt: Int) -> RunIdentity {
        RunIdentity(namespace: namespace, name: name, uid: uid, attempt: attempt)
    }

    /// Labels of all children; `stage` and `attempt` are for people and selectors, never read back.
    func labels(stage: String? = nil, attempt: Int? = nil) -> [String: String] {
        var labels = [
            Anneal.Label.run: ChildName.labelValue(name),
            Anneal.Label.runUID: uid,
            Anneal.Label.kind: kind.lowercased(),
            Anneal.Label.managedBy: Anneal.Label.managedByValue,
        ]
        labels[Anneal.Label.stage] = stage
        labels[Anneal.Label.attempt] = attempt.map(String.init)
        return labels
    }

    func metadata(
        name: String, stage: String? = nil, attempt: Int? = nil, annotations: [String: String]? = nil
    ) -> ObjectMeta {
        ObjectMeta(
            name: name, namespace: namespace, labels: labels(stage: stage, attempt: attempt),
            annotations: annotations, ownerReferences: owner.map { [$0] })
    }

    /// Whether the run controls the object.
    func controls(_ metadata: ObjectMeta) -> Bool { metadata.controller?.uid == uid && !uid.isEmpty }
}

extension String? {
    /// Configuration as the JSON text of an annotation; nil if a number in it is not finite.
    static func annotation(_ configuration: some Encodable) -> String? {
        (try? JSONValue(encoding: configuration))?.text
    }
}
