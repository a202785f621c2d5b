import APIServer
import KubernetesAPI
import StructuralSchema

/// `Node`
enum NodeKind {
    static let schema = Schema.resource(
        "A machine that runs pods.", ["spec": spec.default([:]), "status": status.default([:])])

    private static let spec = Schema.object(
        "What the node should be.",
        [
            "podCIDR": .string("Addresses of its pods."),
            "podCIDRs": .listSet("Addresses of its pods.", of: .string("A CIDR.")),
            "providerID": .string("Its name at the cloud provider."),
            "unschedulable": .boolean("Whether no new pods are placed on it."),
            "taints": .listAtomic(
                "What keeps pods away that do not tolerate it.",
                of: .object(
                    "A taint.",
                    [
                        "key": .string("Key."), "value": .string("Value."),
                        "effect": .string("NoSchedule, PreferNoSchedule or NoExecute."),
                        "timeAdded": .timestamp("Since when."),
                    ], required: ["key", "effect"])),
            "configSource": .anything("No longer used."), "externalID": .string("No longer used."),
        ])

    private static let status = Schema.object(
        "What the node is; set by its agent.",
        [
            "capacity": .resourceList("What the machine has."),
            "allocatable": .resourceList("What is left for pods."),
            "phase": .string("No longer used."),
            "conditions": .conditions(["lastHeartbeatTime": .timeOrNull("When the agent last said so.")]),
            "addresses": .listMap(
                "How the node is reached.", keys: ["type"],
                of: .object(
                    "An address.",
                    [
                        "type": .string("Hostname, InternalIP or ExternalIP."),
                        "address": .string("The address."),
                    ],
                    required: ["type", "address"])),
            "daemonEndpoints": .object(
                "Ports of the agents.",
                [
                    "kubeletEndpoint": .object(
                        "The node agent's.", ["Port": .int32("The port.").default(0)], required: ["Port"]
                    ).default([:])
                ]
            ).default([:]),
            "nodeInfo": nodeInfo,
            "images": .listAtomic(
                "Images on the node.",
                of: .object(
                    "An image.", ["names": .strings("Its names."), "sizeBytes": .int64("Its size.")])),
            "volumesInUse": .listAtomic("Volumes in use.", of: .string("A volume.")),
            "volumesAttached": .listAtomic(
                "Volumes that are attached.",
                of: .object(
                    "A volume.", ["name": .string("Name."), "devicePath": .string("Path of the device.")],
                    required: ["name", "devicePath"])),
            "runtimeHandlers": .listAtomic("Runtimes.", of: .anything("A runtime.")),
            "features": .anything("What the agent can do."), "config": .anything("No longer used."),
            "declaredFeatures": .listAtomic("Features by name.", of: .string("A feature.")),
        ])

    private static let nodeInfo: Schema = {
        let fields: [(String, String)] = [
            ("machineID", "ID of the machine."), ("systemUUID", "UUID of the machine."),
            ("bootID", "ID of the boot."), ("kernelVersion", "Version of the kernel."),
            ("osImage", "The operating system."), ("containerRuntimeVersion", "The runtime and its version."),
            ("kubeletVersion", "Version of the node agent."), ("kubeProxyVersion", "No longer used."),
            ("operatingSystem", "linux or windows."), ("architecture", "As amd64."),
        ]
        let members = fields.map { ($0.0, Schema.string($0.1).default("")) }
        return Schema.object("Software of the node.", Dictionary(members) { first, _ in first })
            .adding(["swap": .anything("Swap space.")])
            .default([:])
    }()

    static let definition = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "Node", plural: "nodes", isNamespaced: false),
        shortNames: ["no"],
        schema: schema,
        columns: [
            PrinterColumn(
                "Status", description: "The status of the node",
                source: .computed { node, _ in .string(state(node)) }),
            PrinterColumn(
                "Roles", description: "The roles of the node",
                source: .computed { node, _ in .string(roles(node)) }),
            .age,
            PrinterColumn(
                "Version", description: "Kubelet Version reported by the node.",
                source: Cells.text(["status", "nodeInfo", "kubeletVersion"], default: "")),
            address("Internal-IP", "InternalIP"), address("External-IP", "ExternalIP"),
            info("OS-Image", "osImage", "OS Image reported by the node."),
            info("Kernel-Version", "kernelVersion", "Kernel Version reported by the node."),
            info(
                "Container-Runtime", "containerRuntimeVersion",
                "ContainerRuntime Version reported by the node."),
        ], subresources: [.status],
        unsupportedSubresources: ["proxy": "the agent of a node serves logs alone, by kubectl logs"],
        selectableFields: [SelectableField("spec.unschedulable", default: "false")],
        strategy: NodeStrategy())

    private static func info(_ name: String, _ field: String, _ description: String) -> PrinterColumn {
        PrinterColumn(
            name, description: description, priority: 1,
            source: Cells.text(["status", "nodeInfo", field], default: "<unknown>"))
    }

    private static func address(_ name: String, _ type: String) -> PrinterColumn {
        PrinterColumn(
            name, description: "Address of the node.", priority: 1,
            source: .computed { node, _ in
                let addresses = node[path: ["status", "addresses"]]?.arrayValue ?? []
                return addresses.first { $0["type"]?.stringValue == type }?["address"] ?? "<none>"
            })
    }

    private static func state(_ node: JSONValue) -> String {
        let conditions = node[path: ["status", "conditions"]]?.arrayValue ?? []
        let ready = conditions.first { $0["type"] == "Ready" }?["status"]?.stringValue
        let word = ready.map { $0 == "True" ? "Ready" : "NotReady" } ?? "Unknown"
        return node[path: ["spec", "unschedulable"]] == true ? word + ",SchedulingDisabled" : word
    }

    private static func roles(_ node: JSONValue) -> String {
        let prefix = "node-role.kubernetes.io/"
        var roles: Set<String> = []
        for (key, value) in node[path: ["metadata", "labels"]]?.objectValue ?? [:] {
            if key.hasPrefix(prefix), key != prefix { roles.insert(String(key.dropFirst(prefix.count))) }
            if key == "kubernetes.io/role", let role = value.stringValue, !role.isEmpty { roles.insert(role) }
        }
        return roles.isEmpty ? "<none>" : roles.sorted().joined(separator: ",")
    }
}

struct NodeStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout JSONValue) {
        QuantityNormalization.apply(NodeKind.schema, to: &object)
        // Capacity that is not reserved is allocatable by pods: all of it, unless the client says otherwise.
        if object[path: ["status", "allocatable"]] == nil,
            let capacity = object[path: ["status", "capacity"]]
        {
            object[path: ["status", "allocatable"]] = capacity
        }
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var errors = FieldChecks.quantities(object[path: ["status", "capacity"]], at: "status.capacity")
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
        for (index, taint) in (object[path: ["spec", "taints"]]?.arrayValue ?? []).enumerated() {
            let path = "spec.taints[\(index)]"
            let key = taint["key"]?.stringValue ?? ""
            errors += NameValidation.qualifiedNameProblems(key).map {
                .invalid("\(path).key", .string(key), $0)
            }
            let effect = taint["effect"]?.stringValue ?? ""
            if effect.isEmpty {
                errors.append(.required("\(path).effect"))
            } else if !effects.contains(effect) {
                errors.append(.notSupported("\(path).effect", .string(effect), supported: effects))
            }
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        var errors = validateCreate(object, context)
        for field in ["podCIDR", "providerID"] {
            let former = old[path: ["spec", field]]
            guard let former, former != "", former != object[path: ["spec", field]] else { continue }
            errors.append(
                .forbidden("spec.\(field)", "node updates may not change \(field) except from \"\" to valid"))
        }
        return errors
    }

    func validateStatusUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        FieldChecks.quantities(object[path: ["status", "capacity"]], at: "status.capacity")
            + FieldChecks.quantities(object[path: ["status", "allocatable"]], at: "status.allocatable")
    }
}
