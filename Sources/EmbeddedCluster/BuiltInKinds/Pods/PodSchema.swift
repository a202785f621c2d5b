import KubernetesAPI
import StructuralSchema

/// `v1` `Pod`, and what stands as `template` in the kinds that make pods.
enum PodSchema {
    static let pod = Schema.resource(
        "Containers that run together on one node.",
        ["spec": podSpec.default([:]), "status": PodStatusSchema.status])

    /// `PodTemplateSpec`
    static let template = Schema.object(
        "What the pods are made of.", ["metadata": Schema.objectMeta, "spec": spec.default([:])]
    ).default([:])

    /// A pod's own spec has one default that a template's has not.
    private static let podSpec = spec.adding([
        "enableServiceLinks": .boolean("Whether services of the namespace become environment variables.")
            .default(true)
    ])

    static let spec = Schema.object(
        "What the pod should be.",
        running.merging(placing) { first, _ in first }.merging(identifying) { first, _ in first },
        required: ["containers"])

    private static let running: [String: Schema] = [
        "containers": .listMap(
            "Containers of the pod; at least one.", keys: ["name"], of: ContainerSchema.container),
        "initContainers": .listMap(
            "Containers that run one after the other before the others start.", keys: ["name"],
            of: ContainerSchema.container),
        "ephemeralContainers": .listMap(
            "Containers that were added to a running pod, to debug it.", keys: ["name"],
            of: ContainerSchema.ephemeralContainer),
        "volumes": .listMap("Volumes that containers may mount.", keys: ["name"], of: VolumeSchema.volume),
        "restartPolicy": .string("Always, OnFailure or Never.")
            .oneOf("Always", "OnFailure", "Never").default("Always"),
        "terminationGracePeriodSeconds": .seconds("Seconds between SIGTERM and SIGKILL.").default(30),
        "activeDeadlineSeconds": .seconds("How long the pod may run at most."),
        "securityContext": PodSecuritySchema.podContext.default([:]),
        "resources": ContainerSchema.resources.description("What the whole pod needs, and may use at most."),
        "overhead": .resourceList("What running the pod itself costs."),
        "shareProcessNamespace": .boolean("Whether containers see each other's processes."),
        "hostNetwork": .boolean("Whether the pod uses the node's network."),
        "hostPID": .boolean("Whether the pod sees the node's processes."),
        "hostIPC": .boolean("Whether the pod uses the node's IPC namespace."),
        "hostUsers": .boolean("Whether the pod uses the node's user namespace."),
        "enableServiceLinks": .boolean("Whether services of the namespace become environment variables."),
        "os": .object(
            "Operating system of the containers.", ["name": .string("linux or windows.")],
            required: ["name"]),
        "runtimeClassName": .string("The RuntimeClass to run the pod with."),
        "resourceClaims": .listMap(
            "Claims to devices.", keys: ["name"],
            of: .object(
                "A claim.",
                [
                    "name": .string("Name within the pod."), "resourceClaimName": .string("A ResourceClaim."),
                    "resourceClaimTemplateName": .string("A ResourceClaimTemplate."),
                ], required: ["name"])),
    ]

    private static let placing: [String: Schema] = [
        "nodeName": .string("The node that the pod runs on; set by the scheduler."),
        "nodeSelector": .stringMap("Labels that a node must have.").mapType(.atomic),
        "affinity": PlacementSchema.affinity,
        "tolerations": .listAtomic("Taints that the pod can live with.", of: PlacementSchema.toleration),
        "topologySpreadConstraints": .listMap(
            "How evenly pods spread over groups of nodes.", keys: ["topologyKey", "whenUnsatisfiable"],
            of: PlacementSchema.topologySpread),
        "schedulerName": .string("The scheduler that places the pod.").default("default-scheduler"),
        "schedulingGates": .listMap(
            "What must be removed before the pod is scheduled.", keys: ["name"],
            of: .object("A gate.", ["name": .string("Name of the gate.")], required: ["name"])),
        "priorityClassName": .string("The PriorityClass that gives the priority."),
        "priority": .int32("Priority; set from the class."),
        "preemptionPolicy": .string("Never or PreemptLowerPriority."),
        "readinessGates": .listAtomic(
            "Conditions that must be true for the pod to be ready.",
            of: .object(
                "A condition.", ["conditionType": .string("Type of the condition.")],
                required: ["conditionType"])),
    ]

    private static let identifying: [String: Schema] = [
        "serviceAccountName": .string("The service account that the pod runs as."),
        "serviceAccount": .string("Former name of serviceAccountName."),
        "automountServiceAccountToken": .boolean("Whether a token of the service account is mounted."),
        "imagePullSecrets": .listMap(
            "Secrets to pull images with.", keys: ["name"], of: .localObjectReference),
        "hostname": .string("Host name of the pod; by default its name."),
        "subdomain": .string("Subdomain of the host name; the name of a headless service."),
        "setHostnameAsFQDN": .boolean("Whether the host name is the full one."),
        "hostnameOverride": .string("A host name, whatever else is set."),
        "hostAliases": .listMap(
            "Entries of the pod's hosts file.", keys: ["ip"],
            of: .object(
                "An entry.", ["ip": .string("Address."), "hostnames": .strings("Names of the address.")],
                required: ["ip"])),
        "dnsPolicy": .string("ClusterFirst, ClusterFirstWithHostNet, Default or None.")
            .oneOf("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None").default("ClusterFirst"),
        "dnsConfig": .object(
            "What the pod's resolver is given beside the policy.",
            [
                "nameservers": .strings("Addresses of servers."), "searches": .strings("Search domains."),
                "options": .listAtomic(
                    "Options of the resolver.",
                    of: .object("An option.", ["name": .string("Name."), "value": .string("Value.")])),
            ]),
    ]
}
