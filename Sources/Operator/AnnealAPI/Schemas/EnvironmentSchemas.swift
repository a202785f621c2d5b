import KubernetesAPI
import StructuralSchema

// What the programs of a run are given beside their configuration: variables, and Secrets for their images.
extension SharedSchema {
    static func environment(_ description: String) -> Schema {
        .listMap(
            description, keys: ["name"],
            of: .object(
                "A variable that a container gets in its environment.",
                [
                    "name": .string("Name of the variable.").length(1...128)
                        .rule(
                            "self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",
                            message: "must be letters, digits and '_'"
                        )
                        .rule(
                            "!self.startsWith('ANNEAL_') && !self.startsWith('AWS_') && !(self in "
                                + "['MASTER_ADDR', 'MASTER_PORT', 'WORLD_SIZE', 'RANK', 'LOCAL_RANK', "
                                + "'NODE_RANK', 'NPROC_PER_NODE', 'LD_PRELOAD'])",
                            message: "is set by Anneal; choose another name"),
                    "value": .string("Value of the variable, as it is: no other variable is expanded.")
                        .maxLength(4096),
                    "valueFrom": variableSource,
                ], required: ["name"]
            ).rule(
                "has(self.value) != has(self.valueFrom)",
                message: "set exactly one of value and valueFrom")
        ).maxItems(64)
    }

    private static let variableSource = Schema.object(
        "Place that the value comes from when the container starts.",
        [
            "secretKeyRef": keyReference(
                "A key of a Secret of this namespace, which says by its key allowedInPrograms, true, that programs "
                    + "of runs may have its values; also where the reference is optional.",
                name: secretName("Name of the object.")),
            "configMapKeyRef": keyReference(
                "A key of a ConfigMap of this namespace.", name: objectName("Name of the object.")),
            "fieldRef": .object(
                "A field of the pod.",
                [
                    "apiVersion": .string("Version of the pod that the path is of: v1.").oneOf("v1"),
                    "fieldPath": .string(
                        "Path of the field: metadata.name, metadata.namespace, metadata.uid, "
                            + "metadata.labels['<key>'], metadata.annotations['<key>'], spec.nodeName, "
                            + "spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP or "
                            + "status.podIPs."
                    ).maxLength(400)
                        .rule(
                            "self in ['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', "
                                + "'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', "
                                + "'status.podIP', 'status.podIPs'] || "
                                + "self.matches(\"^metadata[.](labels|annotations)\\\\['([a-z0-9.-]+/)?"
                                + "[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?'\\\\]$\")",
                            message: "must be a field of a pod that a variable can have, such as "
                                + "metadata.name or metadata.labels['team']"),
                ], required: ["fieldPath"]),
        ]
    ).rule(
        "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].exists_one(given, given)",
        message: "set exactly one of secretKeyRef, configMapKeyRef and fieldRef")

    private static func keyReference(_ description: String, name: Schema) -> Schema {
        .object(
            description,
            [
                "name": name,
                "key": .string("Key whose value is taken.").length(1...253)
                    .rule(
                        "self.matches('^[-._a-zA-Z0-9]+$')",
                        message: "must be a key: letters, digits, '-', '_' and '.'"),
                "optional": .boolean(
                    "Whether the container starts, without the variable, where object or key is missing."),
            ], required: ["name", "key"])
    }

    static let pullSecrets = Schema.listMap(
        "Secrets of this namespace for private registries.", keys: ["name"],
        of: .object(
            "A Secret of the run's namespace by which a node pulls images from a private registry.",
            ["name": secretName("Name of the Secret.")], required: ["name"])
    ).maxItems(8)
}
