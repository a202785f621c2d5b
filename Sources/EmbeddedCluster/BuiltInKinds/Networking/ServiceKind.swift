import APIServer
import KubernetesAPI
import StructuralSchema

/// `Service`. Addresses are not given out here: a service without an address of its own is headless.
enum ServiceKind {
    static let definition = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "Service", plural: "services"), shortNames: ["svc"],
        categories: ["all"], schema: schema, columns: columns, subresources: [.status],
        unsupportedSubresources: [
            "proxy":
                "pods listen on this machine, on the addresses in the service's Endpoints; connect to those"
        ],
        selectableFields: [SelectableField("spec.clusterIP"), SelectableField("spec.type")],
        nameRule: .dns1035Label, strategy: ServiceStrategy())

    private static let schema = Schema.resource(
        "A name for a set of pods.", ["spec": spec, "status": status.default(["loadBalancer": [:]])])

    private static let port = Schema.object(
        "A port of the service.",
        [
            "name": .string("Name of the port; needed where there are several."),
            "protocol": .string("TCP, UDP or SCTP.").oneOf("SCTP", "TCP", "UDP").default("TCP"),
            "appProtocol": .string("What is spoken, as kubernetes.io/h2c."), "port": .int32("The port."),
            "targetPort": .intOrString("Number or name of the pods' port; by default the same."),
            "nodePort": .int32("Port of every node."),
        ], required: ["port"])

    private static let spec = Schema.object(
        "What the service should be.",
        [
            "type": .string("ClusterIP, NodePort, LoadBalancer or ExternalName.")
                .oneOf("ClusterIP", "ExternalName", "LoadBalancer", "NodePort").default("ClusterIP"),
            "selector": .stringMap("Labels of the pods.").mapType(.atomic),
            "ports": .listMap("Ports of the service.", keys: ["port", "protocol"], of: port),
            "clusterIP": .string("Address of the service; None for a headless one."),
            "clusterIPs": .listAtomic("Addresses of the service.", of: .string("An address.")),
            "externalIPs": .listAtomic("Further addresses.", of: .string("An address.")),
            "externalName": .string("Name that the service is an alias of."),
            "sessionAffinity": .string("ClientIP or None.").oneOf("ClientIP", "None").default("None"),
            "sessionAffinityConfig": .object(
                "How long a client stays with a pod.",
                ["clientIP": .object("By address.", ["timeoutSeconds": .int32("Seconds.")])]),
            "ipFamilies": .listAtomic("IPv4, IPv6.", of: .string("A family.")),
            "ipFamilyPolicy": .string("SingleStack, PreferDualStack or RequireDualStack."),
            "internalTrafficPolicy": .string("Cluster or Local."),
            "externalTrafficPolicy": .string("Cluster or Local."),
            "trafficDistribution": .string("Which endpoints are preferred."),
            "publishNotReadyAddresses": .boolean("Whether pods that are not ready have names too."),
            "loadBalancerIP": .string("Address of the balancer."),
            "loadBalancerClass": .string("Which balancer."),
            "loadBalancerSourceRanges": .listAtomic("Who may connect.", of: .string("A CIDR.")),
            "allocateLoadBalancerNodePorts": .boolean("Whether the balancer needs ports of nodes."),
            "healthCheckNodePort": .int32("Port of the nodes' health check."),
        ])

    private static let status = Schema.object(
        "What the service is; set by the system.",
        [
            "loadBalancer": .object(
                "The balancer.",
                [
                    "ingress": .listAtomic(
                        "Where it listens.",
                        of: .object(
                            "A point.",
                            [
                                "ip": .string("Address."), "hostname": .string("Name."),
                                "ipMode": .string("VIP or Proxy."),
                                "ports": .listAtomic("Ports.", of: .anything("A port.")),
                            ]))
                ]),
            "conditions": .listMap("Observations.", keys: ["type"], of: .metaCondition),
        ])

    private static let columns: [PrinterColumn] = [
        PrinterColumn("Type", description: "Type of the service.", source: Cells.text(["spec", "type"])),
        PrinterColumn(
            "Cluster-IP", description: "Address of the service.", source: Cells.text(["spec", "clusterIP"])),
        PrinterColumn(
            "External-IP", description: "Further addresses of the service.",
            source: .computed { service, _ in
                let name = service[path: ["spec", "externalName"]]?.stringValue
                let addresses = (service[path: ["spec", "externalIPs"]]?.arrayValue ?? []).compactMap(
                    \.stringValue)
                return .string(name ?? (addresses.isEmpty ? "<none>" : addresses.joined(separator: ",")))
            }),
        PrinterColumn(
            "Port(s)", description: "Ports of the service.",
            source: .computed { service, _ in .string(ports(service)) }),
        .age,
        PrinterColumn(
            "Selector", description: "Labels of the pods.", priority: 1,
            source: .computed { service, _ in .string(Cells.labels(service[path: ["spec", "selector"]])) }),
    ]

    private static func ports(_ service: JSONValue) -> String {
        let texts = (service[path: ["spec", "ports"]]?.arrayValue ?? []).map { port in
            let number = port["port"]?.integerValue ?? 0
            let node = port["nodePort"]?.integerValue.map { ":\($0)" } ?? ""
            return "\(number)\(node)/\(port["protocol"]?.stringValue ?? "TCP")"
        }
        return texts.isEmpty ? "<none>" : texts.joined(separator: ",")
    }
}

struct ServiceStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout JSONValue) {
        guard var spec = object["spec"], spec.objectValue != nil else { return }
        if var ports = spec["ports"]?.arrayValue {
            for index in ports.indices
            where ports[index]["targetPort"] == nil && ports[index].objectValue != nil {
                ports[index]["targetPort"] = ports[index]["port"]
            }
            spec["ports"] = .array(ports)
        }
        if spec["type"] != "ExternalName", spec["internalTrafficPolicy"] == nil {
            spec["internalTrafficPolicy"] = "Cluster"
        }
        object["spec"] = spec
    }

    /// There is no network of services here: what has no address stays without one.
    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) {
        guard object[path: ["spec", "type"]] != "ExternalName" else { return }
        let address = object[path: ["spec", "clusterIP"]] ?? "None"
        object[path: ["spec", "clusterIP"]] = address
        object[path: ["spec", "clusterIPs"]] = [address]
        object[path: ["spec", "ipFamilies"]] = object[path: ["spec", "ipFamilies"]] ?? ["IPv4"]
        object[path: ["spec", "ipFamilyPolicy"]] =
            object[path: ["spec", "ipFamilyPolicy"]] ?? "SingleStack"
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        let ports = spec["ports"]?.arrayValue ?? []
        var errors: [FieldError] = []
        if ports.isEmpty, spec["clusterIP"] != "None", spec["type"] != "ExternalName" {
            errors.append(.required("spec.ports"))
        }
        var names: Set<String> = []
        for (index, port) in ports.enumerated() {
            let path = "spec.ports[\(index)]"
            errors += FieldChecks.port(port["port"], at: "\(path).port")
            let name = port["name"]?.stringValue ?? ""
            if name.isEmpty {
                if ports.count > 1 { errors.append(.required("\(path).name")) }
            } else if !names.insert(name).inserted {
                errors.append(.duplicate("\(path).name", .string(name)))
            } else {
                errors += FieldChecks.label(name, at: "\(path).name")
            }
            if port["targetPort"]?.integerValue != nil {
                errors += FieldChecks.port(port["targetPort"], at: "\(path).targetPort")
            }
        }
        return errors + MetadataValidation.labels(spec["selector"], at: "spec.selector")
    }

    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, _ context: StrategyContext) {
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]
        where object[path: ["spec", field]] == nil {
            object[path: ["spec", field]] = old[path: ["spec", field]]
        }
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        validateCreate(object, context)
            + FieldChecks.immutable(
                object, old: old, [["spec", "clusterIP"]], detail: "may not change once set")
    }
}
