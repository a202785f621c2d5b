import APIServer
import KubernetesAPI
import StructuralSchema

/// `batch/v1` `Job`.
enum JobSchema {
    static let job = Schema.resource(
        "Pods that run until enough of them have succeeded.", ["spec": spec, "status": status])

    private static let spec = Schema.object(
        "What the job should be.",
        [
            "parallelism": .int32("Pods that may run at once.").default(1),
            "completions": .int32("Pods that must succeed; without it, one success ends the job."),
            "completionMode": .string("NonIndexed or Indexed.").oneOf("Indexed", "NonIndexed")
                .default("NonIndexed"),
            "backoffLimit": .int32("Failed pods before the job fails."),
            "backoffLimitPerIndex": .int32("Failed pods of one index before the index fails."),
            "maxFailedIndexes": .int32("Failed indexes before the job fails."),
            "activeDeadlineSeconds": .seconds("How long the job may run at most."),
            "ttlSecondsAfterFinished": .int32("Seconds after which a finished job is deleted."),
            "suspend": .boolean("Whether to run no pods for now.").default(false),
            "selector": .labelSelector.description("Which pods belong to the job; set by the system."),
            "manualSelector": .boolean("Whether the selector was chosen by hand.").default(false),
            "podReplacementPolicy": .string("TerminatingOrFailed or Failed.")
                .oneOf("Failed", "TerminatingOrFailed"),
            "podFailurePolicy": podFailurePolicy,
            "successPolicy": .object(
                "When the job has succeeded before all its pods have.",
                [
                    "rules": .listAtomic(
                        "Rules; the first that is met decides.",
                        of: .object(
                            "A rule.",
                            [
                                "succeededIndexes": .string("Indexes that must succeed, as 1,3-5."),
                                "succeededCount": .int32("How many of them must."),
                            ]))
                ], required: ["rules"]),
            "managedBy": .string("The controller of this job, when it is not the usual one."),
            "template": PodSchema.template,
        ]
    ).default([:])

    private static let podFailurePolicy = Schema.object(
        "What failed pods mean for the job.",
        [
            "rules": .listAtomic(
                "Rules; the first that matches decides.",
                of: .object(
                    "A rule.",
                    [
                        "action": .string("FailJob, FailIndex, Ignore or Count."),
                        "onExitCodes": .object(
                            "Exit codes to match.",
                            [
                                "containerName": .string("Only this container."),
                                "operator": .string("In or NotIn."),
                                "values": .listSet("The codes.", of: .int32("An exit code.")),
                            ], required: ["operator", "values"]),
                        "onPodConditions": .listAtomic(
                            "Conditions of the pod to match.",
                            of: .object(
                                "A condition.",
                                [
                                    "type": .string("Type of the condition."),
                                    "status": .string("Its status.").default("True"),
                                ], required: ["type"])),
                    ], required: ["action"]))
        ], required: ["rules"])

    private static let status = Schema.object(
        "What the job is; set by the system.",
        [
            "conditions": .listAtomic(
                "Complete, Failed, Suspended and their like.",
                of: .object(
                    "One aspect of the state.",
                    [
                        "type": .string("Which aspect."), "status": .string("True, False or Unknown."),
                        "lastProbeTime": .timestamp("When it was last looked at."),
                        "lastTransitionTime": .timestamp("When the status last changed."),
                        "reason": .string("Why, in one word."), "message": .string("Why, for people."),
                    ], required: ["type", "status"])),
            "startTime": .timestamp("When the job was started, or resumed."),
            "completionTime": .timestamp("When it succeeded."),
            "active": .int32("Pods that are pending or running."),
            "ready": .int32("Pods that are ready."),
            "succeeded": .int32("Pods that succeeded."),
            "failed": .int32("Pods that failed."),
            "terminating": .int32("Pods that are being deleted."),
            "completedIndexes": .string("Indexes that succeeded, as 1,3-5."),
            "failedIndexes": .string("Indexes that failed."),
            "uncountedTerminatedPods": .object(
                "Pods that ended and are not counted yet.",
                [
                    "succeeded": .listSet("Those that succeeded.", of: .string("UID of a pod.")),
                    "failed": .listSet("Those that failed.", of: .string("UID of a pod.")),
                ]),
        ])

    static let columns: [PrinterColumn] =
        [
            PrinterColumn(
                "Status", description: "Status of the job.",
                source: .computed { job, _ in .string(phase(job)) }),
            PrinterColumn(
                "Completions", description: "Completions of the job.",
                source: .computed { job, _ in .string(completions(job)) }),
            PrinterColumn(
                "Duration", description: "Time required to complete the job.",
                source: .computed { job, context in .string(duration(job, context)) }),
            .age,
        ]
        + Cells.containers(at: ["spec", "template", "spec", "containers"]) + [Cells.selector]

    private static func phase(_ job: JSONValue) -> String {
        if Cells.isTrue(job, "Complete") { return "Complete" }
        if Cells.isTrue(job, "Failed") { return "Failed" }
        if job[path: ["metadata", "deletionTimestamp"]] != nil { return "Terminating" }
        if Cells.isTrue(job, "Suspended") { return "Suspended" }
        if Cells.isTrue(job, "FailureTarget") { return "FailureTarget" }
        return Cells.isTrue(job, "SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running"
    }

    private static func completions(_ job: JSONValue) -> String {
        let succeeded = job[path: ["status", "succeeded"]]?.integerValue ?? 0
        if let wanted = job[path: ["spec", "completions"]]?.integerValue { return "\(succeeded)/\(wanted)" }
        let parallelism = job[path: ["spec", "parallelism"]]?.integerValue ?? 0
        return parallelism > 1 ? "\(succeeded)/1 of \(parallelism)" : "\(succeeded)/1"
    }

    private static func duration(_ job: JSONValue, _ context: CellContext) -> String {
        let time = { (field: String) in job[path: ["status", field]]?.stringValue.flatMap { Timestamp($0) } }
        guard let start = time("startTime") else { return "" }
        guard let end = time("completionTime") else { return context.duration(since: start) }
        return HumanDuration.format(seconds: end.seconds(since: start))
    }
}
