import APIServer
import KubernetesAPI
import StructuralSchema

/// `PersistentVolumeClaim`
enum ClaimSchema {
    static let accessModes = Schema.listAtomic(
        "How the volume may be mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod.",
        of: .string("A mode."))

    static let spec = Schema.object(
        "What the claim asks for.",
        [
            "accessModes": accessModes,
            "resources": .object(
                "How much it asks for.",
                [
                    "requests": .resourceList("At least this much."),
                    "limits": .resourceList("At most this much."),
                ]
            ).default([:]),
            "storageClassName": .string("The StorageClass; empty for none."),
            "volumeName": .string("The volume that the claim is bound to."),
            "volumeMode": .string("Filesystem or Block.").oneOf("Block", "Filesystem").default("Filesystem"),
            "volumeAttributesClassName": .string("The VolumeAttributesClass."),
            "selector": .labelSelector.description("Volumes that come into question."),
            "dataSource": .typedLocalObjectReference.description("What to fill the volume with."),
            "dataSourceRef": .object(
                "What to fill the volume with.",
                [
                    "apiGroup": .string("Group of the object."), "kind": .string("Kind of the object."),
                    "name": .string("Name of the object."), "namespace": .string("Namespace of the object."),
                ], required: ["kind", "name"]),
        ])

    static let claim = Schema.resource(
        "A request for a volume.", ["spec": spec, "status": status])

    private static let status = Schema.object(
        "What the claim has; set by the system.",
        [
            "phase": .string("Pending, Bound or Lost."), "accessModes": accessModes,
            "capacity": .resourceList("How much the volume holds."),
            "conditions": .conditions(["lastProbeTime": .timeOrNull("When it was last looked at.")]),
            "allocatedResources": .resourceList("How much was set aside."),
            "allocatedResourceStatuses": .stringMap("State of a change of size.").mapType(.granular),
            "currentVolumeAttributesClassName": .string("The class that the volume has."),
            "modifyVolumeStatus": .object(
                "State of a change of class.",
                [
                    "targetVolumeAttributesClassName": .string("The class to come."),
                    "status": .string("Pending, InProgress or Infeasible."),
                ], required: ["status"]),
        ])
}

enum ClaimKind {
    static let definition = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims"),
        shortNames: ["pvc"], schema: ClaimSchema.claim,
        columns: [
            PrinterColumn(
                "Status", description: "Phase of the claim.",
                source: .computed { claim, _ in
                    if claim[path: ["metadata", "deletionTimestamp"]] != nil { return "Terminating" }
                    return claim[path: ["status", "phase"]] ?? ""
                }),
            PrinterColumn(
                "Volume", description: "The volume that the claim is bound to.",
                source: Cells.text(["spec", "volumeName"], default: "")),
            PrinterColumn(
                "Capacity", description: "Actual resources of the volume.",
                source: .computed { claim, _ in
                    guard claim[path: ["spec", "volumeName"]] != nil else { return "" }
                    return claim[path: ["status", "capacity", "storage"]] ?? ""
                }),
            PrinterColumn(
                "Access Modes", description: "Access modes of the volume.",
                source: .computed { claim, _ in
                    guard claim[path: ["spec", "volumeName"]] != nil else { return "" }
                    return .string(AccessModes.short(claim[path: ["status", "accessModes"]]))
                }),
            PrinterColumn(
                "StorageClass", description: "StorageClass of the claim.",
                source: Cells.text(["spec", "storageClassName"], default: "")),
            PrinterColumn(
                "VolumeAttributesClass", description: "VolumeAttributesClass of the claim.",
                source: Cells.text(["spec", "volumeAttributesClassName"], default: "<unset>")),
            .age,
            PrinterColumn(
                "VolumeMode", description: "Mode of the volume.", priority: 1,
                source: Cells.text(["spec", "volumeMode"], default: "<unset>")),
        ], subresources: [.status], strategy: ClaimStrategy())
}

/// `RWO`, `ROX`, `RWX`, `RWOP`.
enum AccessModes {
    private static let names: [(long: String, short: String)] = [
        ("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ]

    static func short(_ modes: JSONValue?) -> String {
        let given = (modes?.arrayValue ?? []).compactMap(\.stringValue)
        return names.filter { given.contains($0.long) }.map(\.short).joined(separator: ",")
    }

    static func validate(_ modes: JSONValue?, at path: String) -> [FieldError] {
        let supported = names.map(\.long).sorted()
        return (modes?.arrayValue ?? []).compactMap { mode in
            guard let text = mode.stringValue, !supported.contains(text) else { return nil }
            return .notSupported(path, mode, supported: supported)
        }
    }
}

struct ClaimStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout JSONValue) {
        QuantityNormalization.apply(ClaimSchema.claim, to: &object)
    }

    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) {
        object["status"] = ["phase": "Pending"]
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        if spec["accessModes"]?.arrayValue?.isEmpty ?? true {
            errors.append(.required("spec.accessModes", "at least 1 access mode is required"))
        }
        errors += AccessModes.validate(spec["accessModes"], at: "spec.accessModes")
        let requests = spec[path: ["resources", "requests"]]
        guard let storage = requests?["storage"] else {
            return errors + [.required("spec.resources[storage]")]
        }
        errors += FieldChecks.quantities(requests, at: "spec.resources.requests")
        if let quantity = storage.stringValue.flatMap({ Quantity($0) }), quantity.milliunits == 0 {
            errors.append(.invalid("spec.resources[storage]", storage, "must be greater than zero"))
        }
        if let name = spec["storageClassName"]?.stringValue, !name.isEmpty {
            errors += FieldChecks.subdomain(name, at: "spec.storageClassName")
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        var errors = validateCreate(object, context)
        if fixed(object["spec"]) != fixed(old["spec"], binding: object["spec"]) {
            errors.append(
                .forbidden(
                    "spec",
                    "spec is immutable after creation except resources.requests and volumeAttributesClassName"
                        + " for bound claims"))
        }
        let size = { (claim: JSONValue) in
            claim[path: ["spec", "resources", "requests", "storage"]]?.stringValue.flatMap { Quantity($0) }
        }
        if let new = size(object), let former = size(old), new.milliunits < former.milliunits {
            errors.append(
                .forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"))
        }
        return errors
    }

    /// The spec without what may change. A volume, and a class, may still be set where there is none.
    private func fixed(_ spec: JSONValue?, binding: JSONValue? = nil) -> JSONValue? {
        var rest = spec
        rest?["resources"] = nil
        rest?["volumeAttributesClassName"] = nil
        for field in ["volumeName", "storageClassName"] where rest?[field] == nil {
            if let value = binding?[field] { rest?[field] = value }
        }
        return rest
    }
}
