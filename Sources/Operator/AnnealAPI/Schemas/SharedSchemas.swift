import KubernetesAPI
import StructuralSchema

/// Parts that the schemas of several kinds share.
enum SharedSchema {
    static let storageUri = Schema.string("`s3://bucket/key`.").maxLength(1024)
        .rule(
            "self.matches('^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?$') || self.matches('^[^/]*//[^/]*@')",
            message: "must name a bucket, as s3://bucket/key does"
        )
        // Forbidden, unlike invalid, does not print the value.
        .rule(
            "!self.matches('^[^/]*//[^/]*@')",
            message: "must hold no keys: put them into a Secret and name it in storage.credentialsSecretName",
            reason: "FieldValueForbidden"
        )
        .rule(
            "self.matches('^[^/]*//[^/]*@') || "
                + "(!self.matches('[\\\\x00-\\\\x20\\\\x7f]') && !self.contains('/../') && !self.endsWith('/..'))",
            message: "must contain no space, control character or '..'; name the object's key as S3 does")

    static let sha256 = Schema.string("SHA-256, 64 lower-case hexadecimal digits.").maxLength(64)
        .rule(
            "self.matches('^[0-9a-f]{64}$')",
            message: "must be a SHA-256: 64 lower-case hexadecimal digits, as sha256sum prints")

    static func input(_ description: String) -> Schema {
        .object(
            description,
            [
                "storageUri": storageUri.description("`s3://bucket/key`: an object, or a prefix of objects."),
                "version": line(
                    "Name that the team gives this version; recorded in the model's lineage.", maximum: 128),
                "sha256": sha256.description(
                    "SHA-256 of the object, or of the prefix's manifest, 64 lower-case hexadecimal digits. "
                        + "The run fails if it is another."),
            ], required: ["storageUri"])
    }

    static func secretName(_ description: String) -> Schema {
        .string(description).length(1...253)
            .rule(
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                message: "must be the name of a Secret of the same namespace, without a namespace or a slash")
    }

    /// The name of another object of the cluster, which need not exist yet.
    static func objectName(_ description: String) -> Schema {
        .string(description).length(1...253)
            .rule(
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                message: "must be an object's name: lower-case letters, digits, '-' and '.'")
    }

    /// Text for people and for the lineage, on one line.
    static func line(_ description: String, maximum: Int) -> Schema {
        .string(description).length(1...maximum)
            .rule(
                "!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",
                message: "must be one line of text, without control characters")
    }

    private static func labelValue(_ description: String) -> Schema {
        .string(description).maxLength(63)
            .rule(
                "self.matches('^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$')",
                message: "must be a label's value: letters, digits, '-', '_' and '.', "
                    + "with a letter or digit at either end")
    }

    static func httpUri(_ description: String) -> Schema {
        .string(description).maxLength(1024)
            .rule(
                "self.contains('@') || (isURL(self) && self.matches('^https?://[^/?#]+'))",
                message: "must be an absolute address, such as https://mlflow.example.com"
            )
            // Forbidden, unlike invalid, does not print the value.
            .rule(
                "!self.contains('@')",
                message: "must hold no user or password: put them into a Secret and name it in "
                    + "credentialsSecretName", reason: "FieldValueForbidden"
            )
            .rule(
                "self.contains('@') || !self.matches('[?#]')",
                message: "must end before any '?' or '#': write http[s]://host[:port]")
    }

    /// A quantity, which may be a number as in every manifest of Kubernetes.
    static func quantity(_ description: String) -> Schema {
        .intOrString(description).maxLength(32)
            .rule(
                "type(self) == int || isQuantity(self)",
                message: "must be a quantity, such as 500m, 2 or 16Gi"
            )
            .rule(
                "type(self) == int ? self > 0 : "
                    + "!isQuantity(self) || quantity(self).isGreaterThan(quantity('0'))",
                message: "must be greater than 0")
    }

    static let image = Schema.string("Container image.").maxLength(512)
        .rule(
            "self.matches('^[^\\\\x00-\\\\x20$]+$')",
            message: "must be an image reference, such as registry.example.com/team/trainer:1.2")

    static func words(_ description: String) -> Schema {
        .listAtomic(description, of: .string("One argument; passed on as it is.").maxLength(4096)).maxItems(
            64)
    }

    /// Strings that reach a program in a JSON file.
    static func parameters(_ description: String) -> Schema {
        .map(
            description,
            of: .string("A value.").maxLength(1024)
                .rule(
                    "!self.contains('$(') && !self.matches('[\\\\x00-\\\\x08\\\\x0a-\\\\x1f\\\\x7f]')",
                    message: "must contain no '$(' and no line break or control character; "
                        + "parameters are plain values that no shell expands")
        ).maxProperties(64)
            .rule(
                "self.all(key, key.matches('^[A-Za-z_][A-Za-z0-9_.-]{0,62}$'))",
                message: "keys must begin with a letter and hold at most 63 letters, digits, '_', '.' or '-'")
    }

    static let storage = Schema.object(
        "Access to S3. AWS in us-east-1 if absent.",
        [
            "endpoint": httpUri(
                "The S3 endpoint, such as `http://minio.storage:9000`; AWS's own of the region if absent."),
            "region": .string("Region that requests are signed for.").length(1...63).default("us-east-1"),
            "pathStyle": .boolean(
                "Whether the bucket is put into the path instead of the host name, as most servers but AWS need."
            ).default(false),
            "credentialsSecretName": secretName(
                "A Secret of this namespace with the keys accessKeyId, secretAccessKey and, for temporary "
                    + "credentials, sessionToken; and allowedHosts, hosts that it may be sent to, of which "
                    + "endpoint's must be one. If absent, the identity that the cloud gives to the agents' "
                    + "service account signs requests or, without one, nothing does."),
        ])

    static let datasetFormat = Schema.string(
        "Shape of a record: promptCompletion {prompt, completion}, messages {messages: [{role, "
            + "content}]}, text {text}, preference {prompt, chosen, rejected}."
    ).oneOf("promptCompletion", "messages", "text", "preference")

    static let resources = Schema.object(
        "Resources of one node of the run. Requests equal limits.",
        [
            "gpus": .integer("GPUs of a node; 0 for CPUs only.", format: .int32).range(0...64).default(1),
            "cpu": quantity(
                "CPUs, a quantity such as 4 or 500m; a fraction is written in quotes, as \"1.5\"."),
            "memory": quantity("Memory, a quantity such as 32Gi."),
            "ephemeralStorage": quantity("Node-local disk, a quantity such as 10Gi."),
        ])

    static let placement = Schema.object(
        "Nodes that GPU pods may run on.",
        [
            "gpuType": labelValue("Wanted value of the node label anneal.dev/gpu-type, such as h100.")
                .minLength(1),
            "capacityType": .string(
                "Capacity of the nodes: those that may be reclaimed (spot), those that may not, or any."
            )
            .oneOf("spot", "onDemand", "any").default("any"),
            "pool": .string(
                "Pool of the run. development: at most 2 GPUs and one hour. production: up to 48 hours."
            )
            .oneOf("development", "production").default("production"),
            "gpuResourceName": .string("The extended resource that counts GPUs.").length(1...253)
                .default("nvidia.com/gpu")
                .rule(
                    "self.matches('^[a-z0-9.-]+/[A-Za-z0-9._-]+$')",
                    message: "must be an extended resource, such as nvidia.com/gpu"),
            "nodeSelector": .map(
                "Labels that a node must have.", of: labelValue("A label's value.")
            ).maxProperties(16)
                .rule(
                    "self.all(key, key.size() <= 317 && "
                        + "key.matches('^([a-z0-9.-]+/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$'))",
                    message: "keys must be label keys, such as topology.kubernetes.io/zone"),
            "tolerations": .listAtomic(
                "Taints to tolerate, besides those of GPUs and of the capacity type.", of: toleration
            ).maxItems(16),
            "priorityClassName": objectName("PriorityClass of the pods, and priority of the run."),
            "schedulerName": objectName("Scheduler of the pods."),
            "runtimeClassName": objectName("RuntimeClass of the pods."),
        ])

    private static let toleration = Schema.object(
        "Toleration as in a pod.",
        [
            "key": .string("Key of the taint; any if absent.").maxLength(316),
            "operator": .string("Comparison of the taint's value: Equal, which is the default, or Exists.")
                .oneOf("Equal", "Exists"),
            "value": .string("Value of the taint, with Equal.").maxLength(63),
            "effect": .string("Effect of the taint; any if absent.")
                .oneOf("NoSchedule", "PreferNoSchedule", "NoExecute"),
            "tolerationSeconds": .integer("Seconds to tolerate NoExecute.", format: .int64).minimum(0),
        ]
    )
    .rule(
        "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
        message: "value must be absent where operator is Exists: any value is tolerated", fieldPath: ".value"
    )
    .rule(
        "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
        message: "a toleration without a key needs operator: Exists"
    )
    .rule(
        "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        message: "tolerationSeconds needs effect: NoExecute", fieldPath: ".tolerationSeconds")

    /// - Parameter others: Limits that only the one kind has.
    static func runPolicy(
        deadline: String, maximumDeadline: Double, defaultDeadline: Int64, others: [String: Schema] = [:]
    ) -> Schema {
        .object(
            "Bounds of the run's time and failures, and the wish to suspend it.",
            [
                "suspend": .boolean(
                    "Wish to suspend: true stops the run after a checkpoint and gives its GPUs back; false lets it "
                        + "go on."
                ).default(false),
                "stop": .object(
                    "The wish of a run's parent that it stops for good, after a checkpoint.",
                    [
                        "reason": .string("CamelCase: why the run stops.").length(1...128)
                            .pattern("^[A-Za-z][A-Za-z0-9]*$"),
                        "message": .string("For people.").maxLength(900),
                    ], required: ["reason"]),
                "activeDeadlineSeconds": .integer(deadline, format: .int64)
                    .range(1...maximumDeadline).default(.integer(defaultDeadline)),
                "backoffLimit": .integer(
                    "Failures after which the run fails. Lost nodes and preemptions do not count.",
                    format: .int32
                ).range(0...100).default(3),
                "ttlSecondsAfterFinished": .integer(
                    "Seconds after which the finished object is deleted; kept if absent.", format: .int64
                ).range(0...31_536_000),
                "heartbeatTimeoutSeconds": .integer(
                    "Seconds without a sign of life, after the first one, after which an attempt is replaced.",
                    format: .int64
                ).range(10...86_400).default(300),
            ].merging(others) { shared, _ in shared })
    }

    static let admission = Schema.object(
        "The run's admission to GPUs; written by the scheduler alone.",
        [
            "attempt": .integer("The attempt that was let in; from 1. It speaks of no other.", format: .int64)
                .minimum(0),
            "pods": .integer("Pods that may exist at once.", format: .int64).minimum(0),
            "gpus": .integer("GPUs of all these pods together.", format: .int64).minimum(0),
            "admittedAt": .timestamp("When the attempt was let in."),
            "admittedBy": .string("The scheduler's process that let it in.").maxLength(1024),
            "revoked": .object(
                "The wish to have the GPUs back; absent while there is none.",
                [
                    "reason": .string(
                        "Cause of the wish: Preempted queues the run again, BudgetExhausted suspends it."
                    ).enumeration(Revocation.Reason.allCases.map { .string($0.rawValue) }),
                    "message": .string("For people.").maxLength(4096),
                    "revokedAt": .timestamp("When the wish was made."),
                ], required: ["reason", "message", "revokedAt"]),
        ], required: ["attempt", "pods", "gpus", "admittedAt", "admittedBy"])

    static let avoidedNodes = Schema.listMap(
        "Nodes on which a pod of the run did not start; later pods prefer others for an hour.",
        keys: ["name"],
        of: .object(
            "A node on which a pod of the run did not start: later pods prefer others for an hour.",
            [
                "name": .string("Name of the node.").maxLength(253),
                "reason": .string("Cause, one word in CamelCase, such as FailedCreatePodSandBox.")
                    .maxLength(128),
                "since": .timestamp("Time at which the pod was given up."),
            ], required: ["name", "reason", "since"])
    ).maxItems(8)

    static let podUsage = Schema.listMap(
        "GPU time of pods, one entry a pod, until it is in gpuSeconds and the pod may go.", keys: ["uid"],
        of: .object(
            "GPU time of one pod, from its bind to its end.",
            [
                "pod": .string("Name of the pod.").maxLength(253),
                "uid": .string("UID of the pod.").maxLength(63),
                "gpus": .integer("GPUs that the pod holds.", format: .int64).minimum(0),
                "boundAt": .timestamp("Time at which a node took the pod."),
                "endedAt": .timestamp(
                    "Time at which the pod ended, from which on gpuSeconds has its time."),
            ], required: ["pod", "uid", "gpus", "boundAt"])
    ).maxItems(1024)

    static let conditions = Schema.listMap(
        "Conditions of the run; Finished is the terminal one.", keys: ["type"],
        of: .object(
            "metav1.Condition",
            [
                "type": .string("Name of the condition.").length(1...316),
                "status": .string("True, False or Unknown.").oneOf("True", "False", "Unknown"),
                "observedGeneration": .integer(
                    "Generation of the spec that the condition speaks of.", format: .int64
                )
                .minimum(0),
                "lastTransitionTime": .timestamp("Time at which the status last changed."),
                "reason": .string("Cause of the status, one word in CamelCase.").length(1...1024),
                "message": .string("Cause of the status in words, for people.").maxLength(32_768),
            ], required: ["type", "status", "lastTransitionTime", "reason", "message"])
    ).maxItems(16)

    static let metrics = Schema.map("Metrics by name.", of: .number("A finite number.")).maxProperties(512)

    static let thresholdResults = Schema.listAtomic(
        "Every threshold and the metric that it was held against.",
        of: .object(
            "One threshold and the metric that it was held against.",
            [
                "metric": .string("Name of the metric: <suite>/<metric>.").maxLength(256),
                "min": .number("Lower bound."),
                "max": .number("Upper bound."),
                "value": .number(
                    "Value of the metric; absent if it is missing or not finite, which fails the gate."),
                "passed": .boolean("Whether the bound was kept."),
            ], required: ["metric", "passed"])
    ).maxItems(64)
}
