import APIServer
import KubernetesAPI
import StructuralSchema

/// `Endpoints`, `EndpointSlice` and `NetworkPolicy`.
enum EndpointKinds {
    static let endpoints = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "Endpoints", plural: "endpoints"), singular: "endpoints",
        shortNames: ["ep"], listKind: "EndpointsList",
        schema: .resource(
            "Addresses behind a service.",
            [
                "subsets": .listAtomic(
                    "Groups of addresses with the same ports.",
                    of: .object(
                        "A group.",
                        [
                            "addresses": .listAtomic("Addresses that are ready.", of: address),
                            "notReadyAddresses": .listAtomic("Addresses that are not.", of: address),
                            "ports": .listAtomic("Their ports.", of: port),
                        ]))
            ]),
        columns: [
            PrinterColumn(
                "Endpoints", description: "Addresses.",
                source: .computed { object, _ in
                    let subsets = object["subsets"]?.arrayValue ?? []
                    let addresses = subsets.flatMap { $0["addresses"]?.arrayValue ?? [] }
                    let texts = addresses.compactMap { $0["ip"]?.stringValue }
                    return .string(texts.isEmpty ? "<none>" : texts.joined(separator: ","))
                }),
            .age,
        ])

    static let slices = ResourceDefinition(
        type: ResourceType(
            group: "discovery.k8s.io", version: "v1", kind: "EndpointSlice", plural: "endpointslices"),
        schema: .resource(
            "Some of the addresses behind a service.",
            [
                "addressType": .string("IPv4, IPv6 or FQDN.").oneOf("FQDN", "IPv4", "IPv6"),
                "endpoints": .listAtomic("The endpoints.", of: endpoint),
                "ports": .listAtomic("Ports of each endpoint.", of: port),
            ], required: ["addressType", "endpoints"]),
        columns: [
            PrinterColumn(
                "AddressType", description: "Kind of the addresses.", source: Cells.text(["addressType"])),
            PrinterColumn(
                "Ports", description: "Ports of the endpoints.",
                source: .computed { slice, _ in
                    let ports = (slice["ports"]?.arrayValue ?? []).map { $0["port"]?.text ?? "*" }
                    return .string(ports.isEmpty ? "<unset>" : ports.joined(separator: ","))
                }),
            PrinterColumn(
                "Endpoints", description: "Addresses.",
                source: .computed { slice, _ in
                    let endpoints = slice["endpoints"]?.arrayValue ?? []
                    let texts = endpoints.compactMap { $0["addresses"]?[0]?.stringValue }
                    return .string(texts.isEmpty ? "<unset>" : texts.joined(separator: ","))
                }),
            .age,
        ])

    private static let port = Schema.object(
        "A port.",
        [
            "name": .string("Name."), "port": .int32("The port."),
            "protocol": .string("TCP, UDP or SCTP.").default("TCP"),
            "appProtocol": .string("What is spoken."),
        ]
    ).mapType(.atomic)

    private static let address = Schema.object(
        "An address.",
        [
            "ip": .string("The address."), "hostname": .string("Its name."), "nodeName": .string("Its node."),
            "targetRef": .objectReference,
        ], required: ["ip"]
    ).mapType(.atomic)

    private static let endpoint = Schema.object(
        "An endpoint.",
        [
            "addresses": .listSet("Its addresses.", of: .string("An address.")),
            "conditions": .object(
                "Its state.",
                [
                    "ready": .boolean("Whether it can serve."), "serving": .boolean("Whether it serves."),
                    "terminating": .boolean("Whether it is going."),
                ]
            ).default([:]),
            "hostname": .string("Its name."), "nodeName": .string("Its node."), "zone": .string("Its zone."),
            "targetRef": .objectReference, "deprecatedTopology": .stringMap("No longer used."),
            "hints": .anything("Who should use it."),
        ], required: ["addresses"])

    static let networkPolicy = ResourceDefinition(
        type: ResourceType(
            group: "networking.k8s.io", version: "v1", kind: "NetworkPolicy", plural: "networkpolicies"),
        shortNames: ["netpol"],
        schema: .resource(
            "Which connections pods may have. Stored, and enforced by nothing here.",
            [
                "spec": .object(
                    "The policy.",
                    [
                        "podSelector": .labelSelector.description("The pods.").default([:]),
                        "policyTypes": .listAtomic("Ingress, Egress.", of: .string("A direction.")),
                        "ingress": .listAtomic("What may come in.", of: rule("from")),
                        "egress": .listAtomic("What may go out.", of: rule("to")),
                    ])
            ]),
        columns: [
            PrinterColumn(
                "Pod-Selector", description: "The pods.",
                source: .computed { policy, _ in
                    .string(Cells.labels(policy[path: ["spec", "podSelector", "matchLabels"]]))
                }),
            .age,
        ], hasGeneration: true, strategy: NetworkPolicyStrategy())

    private static func rule(_ direction: String) -> Schema {
        .object(
            "A rule.",
            [
                "ports": .listAtomic(
                    "Ports.",
                    of: .object(
                        "A port.",
                        [
                            "port": .intOrString("Number or name."),
                            "endPort": .int32("Last port of a range."),
                            "protocol": .string("TCP, UDP or SCTP.").default("TCP"),
                        ])),
                direction: .listAtomic(
                    "The others.",
                    of: .object(
                        "Some others.",
                        [
                            "podSelector": .labelSelector, "namespaceSelector": .labelSelector,
                            "ipBlock": .object(
                                "Addresses.",
                                [
                                    "cidr": .string("The block."),
                                    "except": .strings("Parts that are left out."),
                                ],
                                required: ["cidr"]),
                        ])),
            ])
    }
}

struct NetworkPolicyStrategy: ResourceStrategy {
    func applyDefaults(_ object: inout JSONValue) {
        guard object["spec"]?.objectValue != nil, object[path: ["spec", "policyTypes"]] == nil else { return }
        object[path: ["spec", "policyTypes"]] =
            object[path: ["spec", "egress"]]?.arrayValue?.isEmpty == false
            ? ["Ingress", "Egress"] : ["Ingress"]
    }
}
