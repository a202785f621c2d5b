import APIServer
import KubernetesAPI
import StructuralSchema

/// `PersistentVolume` and `StorageClass`.
enum VolumeKinds {
    private static let volumeSchema = Schema.resource(
        "A piece of storage.",
        [
            "spec": volumeSpec,
            "status": .object(
                "What the volume is; set by the system.",
                [
                    "phase": .string("Pending, Available, Bound, Released or Failed."),
                    "message": .string("Why, for people."), "reason": .string("Why, in one word."),
                    "lastPhaseTransitionTime": .timestamp("When the phase last changed."),
                ]),
        ])

    private static let volumeSpec = Schema.object(
        "What the volume is made of.",
        [
            "capacity": .resourceList("How much it holds."), "accessModes": ClaimSchema.accessModes,
            "persistentVolumeReclaimPolicy": .string("Retain, Delete or Recycle.")
                .oneOf("Delete", "Recycle", "Retain").default("Retain"),
            "storageClassName": .string("Its StorageClass."),
            "volumeAttributesClassName": .string("Its VolumeAttributesClass."),
            "volumeMode": .string("Filesystem or Block.").oneOf("Block", "Filesystem").default("Filesystem"),
            "mountOptions": .listAtomic("Options for mounting.", of: .string("An option.")),
            "claimRef": .objectReference.mapType(.granular).description("The claim it is bound to."),
            "nodeAffinity": .object("Where it can be reached from.", ["required": .nodeSelector]),
            "hostPath": .object(
                "A path of the node.",
                ["path": .string("The path."), "type": .string("What must be there.").default("")],
                required: ["path"]),
            "local": .object(
                "A disk or folder of one node.",
                ["path": .string("The path."), "fsType": .string("File system.")], required: ["path"]),
            "nfs": .object(
                "A share of an NFS server.",
                [
                    "server": .string("Host."), "path": .string("Path."),
                    "readOnly": .boolean("Whether it is read-only."),
                ], required: ["server", "path"]),
            "csi": .anything("A volume of a CSI driver."),
        ])

    static let volume = ResourceDefinition(
        type: ResourceType(
            version: "v1", kind: "PersistentVolume", plural: "persistentvolumes", isNamespaced: false),
        shortNames: ["pv"], schema: volumeSchema,
        columns: [
            PrinterColumn(
                "Capacity", description: "How much it holds.",
                source: Cells.text(["spec", "capacity", "storage"], default: "")),
            PrinterColumn(
                "Access Modes", description: "How it may be mounted.",
                source: .computed { volume, _ in
                    .string(AccessModes.short(volume[path: ["spec", "accessModes"]]))
                }),
            PrinterColumn(
                "Reclaim Policy", description: "What happens after the claim has gone.",
                source: Cells.text(["spec", "persistentVolumeReclaimPolicy"], default: "")),
            PrinterColumn(
                "Status", description: "Phase of the volume.",
                source: .computed { volume, _ in
                    if volume[path: ["metadata", "deletionTimestamp"]] != nil { return "Terminating" }
                    return volume[path: ["status", "phase"]] ?? ""
                }),
            PrinterColumn(
                "Claim", description: "The claim it is bound to.",
                source: .computed { volume, _ in
                    guard let claim = volume[path: ["spec", "claimRef"]] else { return "" }
                    return .string(
                        "\(claim["namespace"]?.stringValue ?? "")/\(claim["name"]?.stringValue ?? "")")
                }),
            PrinterColumn(
                "StorageClass", description: "Its class.",
                source: Cells.text(["spec", "storageClassName"], default: "")),
            PrinterColumn(
                "VolumeAttributesClass", description: "Its attributes.",
                source: Cells.text(["spec", "volumeAttributesClassName"], default: "<unset>")),
            PrinterColumn(
                "Reason", description: "Why it is so.",
                source: Cells.text(["status", "reason"], default: "")),
            .age,
            PrinterColumn(
                "VolumeMode", description: "Mode of the volume.", priority: 1,
                source: Cells.text(["spec", "volumeMode"], default: "<unset>")),
        ], subresources: [.status], strategy: VolumeStrategy(schema: volumeSchema))

    static let storageClass = ResourceDefinition(
        type: ResourceType(
            group: "storage.k8s.io", version: "v1", kind: "StorageClass", plural: "storageclasses",
            isNamespaced: false),
        shortNames: ["sc"],
        schema: .resource(
            "A way to make volumes.",
            [
                "provisioner": .string("Who makes them."),
                "parameters": .stringMap("What the provisioner understands."),
                "reclaimPolicy": .string("Delete or Retain.").oneOf("Delete", "Retain").default("Delete"),
                "volumeBindingMode": .string("Immediate or WaitForFirstConsumer.")
                    .oneOf("Immediate", "WaitForFirstConsumer").default("Immediate"),
                "allowVolumeExpansion": .boolean("Whether claims may grow."),
                "mountOptions": .listAtomic("Options for mounting.", of: .string("An option.")),
                "allowedTopologies": .listAtomic("Where volumes may be.", of: .anything("A place.")),
            ], required: ["provisioner"]),
        columns: [
            PrinterColumn(
                "Provisioner", description: "Who makes volumes.", source: Cells.text(["provisioner"])),
            PrinterColumn(
                "ReclaimPolicy", description: "What happens after the claim has gone.",
                source: Cells.text(["reclaimPolicy"])),
            PrinterColumn(
                "VolumeBindingMode", description: "When volumes are made.",
                source: Cells.text(["volumeBindingMode"])),
            PrinterColumn(
                "AllowVolumeExpansion", description: "Whether claims may grow.",
                source: .computed { object, _ in object["allowVolumeExpansion"] == true ? "true" : "false" }),
            .age,
        ], strategy: StorageClassStrategy())
}

struct VolumeStrategy: ResourceStrategy {
    let schema: Schema

    func applyDefaults(_ object: inout JSONValue) { QuantityNormalization.apply(schema, to: &object) }

    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) {
        object["status"] = ["phase": "Pending", "lastPhaseTransitionTime": .string(context.now.description)]
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        if spec["accessModes"]?.arrayValue?.isEmpty ?? true { errors.append(.required("spec.accessModes")) }
        errors += AccessModes.validate(spec["accessModes"], at: "spec.accessModes")
        if spec["capacity"]?.objectValue?.isEmpty ?? true { errors.append(.required("spec.capacity")) }
        errors += FieldChecks.quantities(spec["capacity"], at: "spec.capacity")
        let sources = ["hostPath", "local", "nfs", "csi"].filter { spec[$0] != nil }
        if sources.isEmpty { errors.append(.required("spec", "must specify a volume type")) }
        for extra in sources.dropFirst() {
            errors.append(.forbidden("spec.\(extra)", "may not specify more than 1 volume type"))
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        let changed = ["hostPath", "local", "nfs", "csi"].contains {
            object[path: ["spec", $0]] != old[path: ["spec", $0]]
        }
        let errors = validateCreate(object, context)
        guard changed else { return errors }
        return errors + [
            .forbidden(
                "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")
        ]
    }
}

struct StorageClassStrategy: ResourceStrategy {
    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"].compactMap { field in
            guard object[field] != old[field] else { return nil }
            return .forbidden(field, "updates to \(field) are forbidden.")
        }
    }
}
