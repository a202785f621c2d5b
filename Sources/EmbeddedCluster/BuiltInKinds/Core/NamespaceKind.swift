import APIServer
import KubernetesAPI
import StructuralSchema

/// `Namespace`
enum NamespaceKind {
    static let definition = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false),
        shortNames: ["ns"],
        schema: .resource(
            "A scope for names.",
            [
                "spec": .object(
                    "What the namespace should be.",
                    [
                        "finalizers": .listAtomic(
                            "What must be done before it is gone.", of: .string("A finalizer."))
                    ]),
                "status": .object(
                    "What the namespace is; set by the system.",
                    ["phase": .string("Active or Terminating."), "conditions": .conditions()]),
            ]),
        columns: [
            PrinterColumn(
                "Status", description: "The status of the namespace",
                source: Cells.text(["status", "phase"])),
            .age,
        ], subresources: [.status, .finalize],
        selectableFields: [
            SelectableField("status.phase"),
            SelectableField("name") { $0[path: ["metadata", "name"]]?.stringValue ?? "" },
        ],
        nameRule: .dnsLabel,
        verbs: ResourceDefinition.allVerbs.filter { $0 != "deletecollection" }, strategy: NamespaceStrategy())
}

struct NamespaceStrategy: ResourceStrategy {
    private static let nameLabel = "kubernetes.io/metadata.name"

    func applyDefaults(_ object: inout JSONValue) { label(&object) }

    /// The label that lets selectors pick a namespace by its name.
    private func label(_ object: inout JSONValue) {
        guard let name = object[path: ["metadata", "name"]]?.stringValue, !name.isEmpty else { return }
        object[path: ["metadata", "labels", Self.nameLabel]] = .string(name)
    }

    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) {
        label(&object)
        object["status"] = ["phase": "Active"]
        var finalizers = object[path: ["spec", "finalizers"]]?.arrayValue ?? []
        if !finalizers.contains("kubernetes") { finalizers.append("kubernetes") }
        object[path: ["spec", "finalizers"]] = .array(finalizers)
    }

    /// Finalizers of the spec change through `finalize` only.
    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, _ context: StrategyContext) {
        object[path: ["spec", "finalizers"]] = old[path: ["spec", "finalizers"]]
    }

    /// A namespace has no grace period: it goes when what is in it is gone.
    func prepareForDeletion(_ object: inout JSONValue) {
        object[path: ["metadata", "deletionGracePeriodSeconds"]] = nil
        object[path: ["status", "phase"]] = "Terminating"
    }

    func holdsBack(_ object: JSONValue) -> Bool {
        !(object[path: ["spec", "finalizers"]]?.arrayValue ?? []).isEmpty
    }

    func prepareForStatusUpdate(_ object: inout JSONValue, old: JSONValue, _ context: StrategyContext) {
        object["spec"] = old["spec"]
    }
}
