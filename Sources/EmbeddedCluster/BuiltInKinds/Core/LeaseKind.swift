import APIServer
import KubernetesAPI
import StructuralSchema

/// `coordination.k8s.io/v1` `Lease`
enum LeaseKind {
    static let definition = ResourceDefinition(
        type: ResourceType(group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases"),
        schema: .resource(
            "That somebody holds something for a while: leadership, or a sign of life.",
            [
                "spec": .object(
                    "Who holds it, and since when.",
                    [
                        "holderIdentity": .string("Who holds it."),
                        "leaseDurationSeconds": .int32("Seconds after renewTime until it is lost."),
                        "acquireTime": .timestamp("When it was taken, with microseconds."),
                        "renewTime": .timestamp("When it was last renewed, with microseconds."),
                        "leaseTransitions": .int32("How often it changed hands."),
                        "strategy": .string("How a holder is chosen among candidates."),
                        "preferredHolder": .string("To whom the holder should hand over."),
                    ])
            ]),
        columns: [
            PrinterColumn(
                "Holder", description: "Who holds the lease.",
                source: .computed { lease, _ in lease[path: ["spec", "holderIdentity"]] ?? "" }),
            .age,
        ], strategy: LeaseStrategy())
}

struct LeaseStrategy: ResourceStrategy {
    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        let spec = object["spec"] ?? [:]
        var errors: [FieldError] = []
        if let duration = spec["leaseDurationSeconds"]?.integerValue, duration <= 0 {
            errors.append(.invalid("spec.leaseDurationSeconds", .integer(duration), "must be greater than 0"))
        }
        if let transitions = spec["leaseTransitions"]?.integerValue, transitions < 0 {
            errors.append(
                .invalid("spec.leaseTransitions", .integer(transitions), FieldChecks.negativeMessage))
        }
        for field in ["acquireTime", "renewTime"] {
            errors += MicroTimes.validate(spec[field], at: "spec.\(field)")
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] { validateCreate(object, context) }
}
