import KubernetesAPI
import StructuralSchema

/// Volumes of a pod. Sources that no node agent here can mount are declared all the same, so that a
/// manifest that works elsewhere is not refused for a field's name.
enum VolumeSchema {
    static let volume = Schema.object(
        "A volume that the pod's containers may mount.",
        [
            "name": .string("Name within the pod; a DNS label."),
            "emptyDir": .object(
                "An empty folder that lives as long as the pod.",
                [
                    "medium": .string("Empty for the node's disk, Memory for a tmpfs."),
                    "sizeLimit": .quantity("How much it may hold."),
                ]),
            "hostPath": .object(
                "A path of the node.",
                ["path": .string("The path."), "type": .string("What must be there.").default("")],
                required: ["path"]),
            "configMap": keyed("A ConfigMap's keys as files.", name: "name", withMode: true),
            "secret": keyed("A Secret's keys as files.", name: "secretName", withMode: true),
            "persistentVolumeClaim": .object(
                "A claim in the pod's namespace.",
                [
                    "claimName": .string("Name of the claim."),
                    "readOnly": .boolean("Whether every mount is read-only."),
                ], required: ["claimName"]),
            "projected": projected,
            "downwardAPI": .object(
                "Fields of the pod as files.",
                ["items": .listAtomic("The files.", of: downwardFile), "defaultMode": mode.default(420)]),
            "ephemeral": .object(
                "A claim that is made for the pod and goes with it.",
                [
                    "volumeClaimTemplate": .object(
                        "What the claim is made of.",
                        ["metadata": Schema.objectMeta, "spec": ClaimSchema.spec], required: ["spec"])
                ]),
            "nfs": .object(
                "A share of an NFS server.",
                [
                    "server": .string("Host of the server."), "path": .string("Path that it exports."),
                    "readOnly": .boolean("Whether to mount it read-only."),
                ], required: ["server", "path"]),
            "csi": .object(
                "A volume that a driver makes for the pod.",
                [
                    "driver": .string("Name of the driver."), "fsType": .string("File system."),
                    "readOnly": .boolean("Whether it is read-only."),
                    "nodePublishSecretRef": .localObjectReference,
                    "volumeAttributes": .stringMap("What the driver understands."),
                ], required: ["driver"]),
            "image": .object(
                "The content of an image, read-only.",
                [
                    "reference": .string("The image."),
                    "pullPolicy": .string("Always, Never or IfNotPresent."),
                ]),
        ], required: ["name"])

    static let mode = Schema.int32("Permission bits of the files, as a number.")

    private static let items = Schema.listAtomic(
        "Which keys become which files; by default all.",
        of: .object(
            "A key and its file.",
            ["key": .string("The key."), "path": .string("Path of the file."), "mode": mode],
            required: ["key", "path"]))

    private static func keyed(_ description: String, name: String, withMode: Bool) -> Schema {
        var members: [String: Schema] = [
            name: .string("Name of the object."), "items": items,
            "optional": .boolean("Whether object and keys may be missing."),
        ]
        if withMode { members["defaultMode"] = mode.default(420) }
        return .object(description, members)
    }

    private static let downwardFile = Schema.object(
        "A field as a file.",
        [
            "path": .string("Path of the file."), "fieldRef": ContainerSchema.fieldReference,
            "resourceFieldRef": ContainerSchema.resourceFieldReference, "mode": mode,
        ], required: ["path"])

    private static let serviceAccountToken = Schema.object(
        "A token of the pod's service account.",
        [
            "path": .string("Path of the file."), "audience": .string("Whom the token is meant for."),
            "expirationSeconds": .seconds("How long it is good; at least 600.").default(3600),
        ], required: ["path"])

    private static let clusterTrustBundle = Schema.object(
        "Certificates of a ClusterTrustBundle.",
        [
            "name": .string("Name of the bundle."), "signerName": .string("Signer of the bundles."),
            "labelSelector": .labelSelector, "path": .string("Path of the file."),
            "optional": .boolean("Whether it may be missing."),
        ], required: ["path"])

    private static let projected = Schema.object(
        "Several sources in one folder.",
        [
            "sources": .listAtomic(
                "The sources.",
                of: .object(
                    "One source.",
                    [
                        "configMap": keyed("A ConfigMap.", name: "name", withMode: false),
                        "secret": keyed("A Secret.", name: "name", withMode: false),
                        "downwardAPI": .object(
                            "Fields of the pod.", ["items": .listAtomic("The files.", of: downwardFile)]),
                        "serviceAccountToken": serviceAccountToken,
                        "clusterTrustBundle": clusterTrustBundle,
                    ])),
            "defaultMode": mode.default(420),
        ])
}
