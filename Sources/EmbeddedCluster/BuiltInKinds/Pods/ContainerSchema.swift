import KubernetesAPI
import StructuralSchema

/// The parts of a container.
enum ContainerSchema {
    /// A container of a pod; `restartPolicy` is for init containers.
    static let container = Schema.object(
        "One process, or a tree of them, of a pod.",
        [
            "name": .string("Name within the pod; a DNS label. Cannot be updated."),
            "image": .string("The image to run."),
            "command": .strings("What to run, in place of the image's entry point. $(VAR) is expanded."),
            "args": .strings("Arguments, in place of the image's. $(VAR) is expanded."),
            "workingDir": .string("Where the process starts."),
            "ports": .listMap(
                "Ports that the container listens on.", keys: ["containerPort", "protocol"], of: port),
            "env": .listMap("Environment variables.", keys: ["name"], of: environmentVariable),
            "envFrom": .listAtomic("Where further environment variables come from.", of: environmentSource),
            "resources": resources.default([:]),
            "resizePolicy": .listAtomic(
                "What a change of resources does to the container.", of: resizePolicy),
            "restartPolicy": .string(
                "Always makes an init container a sidecar, which runs beside the others."),
            "restartPolicyRules": .listAtomic(
                "Rules that decide about a restart by exit code.", of: restartRule),
            "volumeMounts": .listMap(
                "Volumes that the container sees.", keys: ["mountPath"], of: volumeMount),
            "volumeDevices": .listMap(
                "Volumes that the container sees as block devices.", keys: ["devicePath"],
                of: .object(
                    "A block device.",
                    [
                        "name": .string("Name of a claim among the pod's volumes."),
                        "devicePath": .string("Path of the device in the container."),
                    ], required: ["name", "devicePath"])),
            "livenessProbe": probe("Tells whether the container lives; it is restarted when not."),
            "readinessProbe": probe("Tells whether the container can serve."),
            "startupProbe": probe("Tells whether the container has started; other probes wait for it."),
            "lifecycle": lifecycle,
            "terminationMessagePath": .string("File whose content becomes the termination message.")
                .default("/dev/termination-log"),
            "terminationMessagePolicy": .string("File, or FallbackToLogsOnError.")
                .oneOf("FallbackToLogsOnError", "File").default("File"),
            "imagePullPolicy": .string("Always, Never or IfNotPresent.")
                .oneOf("Always", "IfNotPresent", "Never"),
            "securityContext": PodSecuritySchema.containerContext,
            "stdin": .boolean("Whether to keep a buffer for standard input."),
            "stdinOnce": .boolean("Whether to close standard input after the first attachment."),
            "tty": .boolean("Whether to give the container a terminal."),
        ], required: ["name"])

    static let ephemeralContainer = container.adding([
        "targetContainerName": .string("The container whose namespaces this one enters.")
    ])

    private static let port = Schema.object(
        "A port of a container.",
        [
            "name": .string("Name by which services refer to the port."),
            "containerPort": .int32("The port, 1 to 65535."),
            "hostPort": .int32("Port of the node to expose it at."),
            "hostIP": .string("Address of the node to bind to."),
            "protocol": .string("TCP, UDP or SCTP.").oneOf("SCTP", "TCP", "UDP").default("TCP"),
        ], required: ["containerPort"])

    private static let environmentVariable = Schema.object(
        "An environment variable.",
        [
            "name": .string("Name of the variable."),
            "value": .string("Value; $(VAR) is expanded."),
            "valueFrom": .object(
                "Where the value comes from.",
                [
                    "fieldRef": fieldReference,
                    "resourceFieldRef": resourceFieldReference,
                    "configMapKeyRef": keyReference("A key of a ConfigMap."),
                    "secretKeyRef": keyReference("A key of a Secret."),
                    "fileKeyRef": .object(
                        "A key of a file in a volume.",
                        [
                            "volumeName": .string("Name of the volume."),
                            "path": .string("Path in the volume."),
                            "key": .string("The key."), "optional": .boolean("Whether it may be missing."),
                        ]),
                ]),
        ], required: ["name"])

    static let fieldReference = Schema.object(
        "A field of the pod.",
        [
            "apiVersion": .string("The version that the path is of.").default("v1"),
            "fieldPath": .string("Path of the field, as metadata.name."),
        ], required: ["fieldPath"]
    ).mapType(.atomic)

    static let resourceFieldReference = Schema.object(
        "A resource of a container.",
        [
            "containerName": .string("The container; needed for volumes."),
            "resource": .string("The resource, as limits.cpu."),
            "divisor": .quantity("The unit in which to give it.").default("0"),
        ], required: ["resource"]
    ).mapType(.atomic)

    private static func keyReference(_ description: String) -> Schema {
        .object(
            description,
            [
                "name": .string("Name of the object.").default(""), "key": .string("The key."),
                "optional": .boolean("Whether object and key may be missing."),
            ], required: ["key"]
        ).mapType(.atomic)
    }

    private static func environmentObject(_ description: String) -> Schema {
        .object(
            description,
            [
                "name": .string("Name of the object.").default(""),
                "optional": .boolean("Whether the object may be missing."),
            ])
    }

    private static let environmentSource = Schema.object(
        "An object whose keys become environment variables.",
        [
            "prefix": .string("Text to put before each key."),
            "configMapRef": environmentObject("A ConfigMap."),
            "secretRef": environmentObject("A Secret."),
        ])

    static let resources = Schema.object(
        "What the container needs, and may use at most.",
        [
            "limits": .resourceList("What it may use at most."),
            "requests": .resourceList("What it needs; by default the limits."),
            "claims": .listMap(
                "Claims of the pod that this container uses.", keys: ["name"],
                of: .object(
                    "A claim.",
                    [
                        "name": .string("Name of the claim."),
                        "request": .string("The request within the claim."),
                    ],
                    required: ["name"])),
        ])

    private static let resizePolicy = Schema.object(
        "What a change of one resource does.",
        [
            "resourceName": .string("The resource."),
            "restartPolicy": .string("NotRequired or RestartContainer."),
        ], required: ["resourceName", "restartPolicy"])

    private static let restartRule = Schema.object(
        "A rule about a restart.",
        [
            "action": .string("Restart, or RestartAllContainers."),
            "exitCodes": .object(
                "The exit codes that the rule is about.",
                [
                    "operator": .string("In or NotIn."),
                    "values": .listSet("The codes.", of: .int32("An exit code.")),
                ], required: ["operator"]),
        ], required: ["action"])

    private static let volumeMount = Schema.object(
        "A volume as a container sees it.",
        [
            "name": .string("Name of the volume."),
            "mountPath": .string("Where it stands in the container; without a colon."),
            "subPath": .string("Path in the volume to mount."),
            "subPathExpr": .string("The same, with $(VAR) expanded."),
            "readOnly": .boolean("Whether the container may only read."),
            "recursiveReadOnly": .string("Disabled, IfPossible or Enabled."),
            "mountPropagation": .string("How mounts spread between container and node."),
        ], required: ["name", "mountPath"])

    private static let httpHeader = Schema.object(
        "A header of a request.", ["name": .string("Name."), "value": .string("Value.")],
        required: ["name", "value"])

    private static let httpGet = Schema.object(
        "A GET request; statuses 200 to 399 are good.",
        [
            "path": .string("Path of the request.").default("/"),
            "port": .intOrString("Number or name of a port."),
            "host": .string("Host to ask; by default the pod."),
            "scheme": .string("HTTP or HTTPS.").default("HTTP"),
            "httpHeaders": .listAtomic("Headers of the request.", of: httpHeader),
        ], required: ["port"])

    private static let exec = Schema.object(
        "A command; exit code 0 is good.", ["command": .strings("The command and its arguments; no shell.")])

    private static let tcpSocket = Schema.object(
        "A connection that opens is good.",
        ["port": .intOrString("Number or name of a port."), "host": .string("Host; by default the pod.")],
        required: ["port"])

    private static func probe(_ description: String) -> Schema {
        .object(
            description,
            [
                "exec": exec, "httpGet": httpGet, "tcpSocket": tcpSocket,
                "grpc": .object(
                    "A health check by gRPC.",
                    [
                        "port": .int32("The port."),
                        "service": .string("The service to ask about.").default(""),
                    ],
                    required: ["port"]),
                "initialDelaySeconds": .int32("Seconds to wait after the start."),
                "timeoutSeconds": .int32("Seconds that a probe may take.").default(1),
                "periodSeconds": .int32("Seconds between probes.").default(10),
                "successThreshold": .int32("Good probes in a row that count as good.").default(1),
                "failureThreshold": .int32("Bad probes in a row that count as bad.").default(3),
                "terminationGracePeriodSeconds": .seconds("Grace period when this probe ends the container."),
            ])
    }

    private static let handler = Schema.object(
        "What to do.",
        [
            "exec": exec, "httpGet": httpGet, "tcpSocket": tcpSocket,
            "sleep": .object("Wait.", ["seconds": .seconds("How long.")], required: ["seconds"]),
        ])

    private static let lifecycle = Schema.object(
        "What to do when the container starts and before it ends.",
        [
            "postStart": handler.description("Done right after the start."),
            "preStop": handler.description("Done before the container is asked to end."),
            "stopSignal": .string("The signal that asks the container to end."),
        ])
}
