import APIServer
import KubernetesAPI
import StructuralSchema

/// `ResourceQuota` and `LimitRange`.
enum QuotaKinds {
    private static let quotaSchema = Schema.resource(
        "What a namespace may use at most.",
        [
            "spec": .object(
                "The limits.",
                [
                    "hard": .resourceList("At most this much of each, as pods or requests.nvidia.com/gpu."),
                    "scopes": .listAtomic("Only objects of these scopes count.", of: .string("A scope.")),
                    "scopeSelector": .object(
                        "Only objects that match count.",
                        [
                            "matchExpressions": .listAtomic(
                                "Conditions.",
                                of: .object(
                                    "A condition.",
                                    [
                                        "scopeName": .string("The scope."),
                                        "operator": .string("In, NotIn, Exists or DoesNotExist."),
                                        "values": .strings("Values to compare with."),
                                    ], required: ["scopeName", "operator"]))
                        ]
                    ).mapType(.atomic),
                ]),
            "status": .object(
                "What is used; set by the system.",
                ["hard": .resourceList("The limits that hold."), "used": .resourceList("What is used.")]
            ).default([:]),
        ])

    static let quota = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "ResourceQuota", plural: "resourcequotas"),
        shortNames: ["quota"],
        schema: quotaSchema,
        columns: [
            PrinterColumn(
                "Request", description: "Requests that are used and allowed.",
                source: .computed { quota, _ in .string(usage(quota, limits: false)) }),
            PrinterColumn(
                "Limit", description: "Limits that are used and allowed.",
                source: .computed { quota, _ in .string(usage(quota, limits: true)) }),
            .age,
        ], subresources: [.status], strategy: QuotaStrategy(schema: quotaSchema))

    private static func usage(_ quota: JSONValue, limits: Bool) -> String {
        let hard = quota[path: ["status", "hard"]]?.objectValue ?? [:]
        let entries = hard.filter { $0.key.hasPrefix("limits.") == limits }.sorted { $0.key < $1.key }
        return entries.map { name, amount in
            let used = quota[path: ["status", "used"]]?[name]?.stringValue ?? "0"
            return "\(name): \(used)/\(amount.stringValue ?? "0")"
        }.joined(separator: ", ")
    }

    private static let limitSchema = Schema.resource(
        "What a container, a pod or a claim of a namespace may and does ask for.",
        [
            "spec": .object(
                "The limits.",
                [
                    "limits": .listAtomic(
                        "One entry a kind of thing.",
                        of: .object(
                            "Limits of one kind of thing.",
                            [
                                "type": .string("Container, Pod or PersistentVolumeClaim."),
                                "max": .resourceList("At most."), "min": .resourceList("At least."),
                                "default": .resourceList("The limit where none is given."),
                                "defaultRequest": .resourceList("The request where none is given."),
                                "maxLimitRequestRatio": .resourceList("Limit over request, at most."),
                            ], required: ["type"]))
                ], required: ["limits"])
        ])

    static let limitRange = ResourceDefinition(
        type: ResourceType(version: "v1", kind: "LimitRange", plural: "limitranges"), shortNames: ["limits"],
        schema: limitSchema,
        columns: [
            PrinterColumn(
                "Created At", description: "When it was created.",
                source: Cells.text(["metadata", "creationTimestamp"], default: "<unknown>"))
        ], strategy: LimitRangeStrategy(schema: limitSchema))
}

struct QuotaStrategy: ResourceStrategy {
    let schema: Schema

    func applyDefaults(_ object: inout JSONValue) { QuantityNormalization.apply(schema, to: &object) }

    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) { object["status"] = [:] }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        FieldChecks.quantities(object[path: ["spec", "hard"]], at: "spec.hard")
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] {
        validateCreate(object, context)
            + FieldChecks.immutable(object, old: old, [["spec", "scopes"]])
    }
}

struct LimitRangeStrategy: ResourceStrategy {
    let schema: Schema

    /// Limits that are given in one way stand for those that are not.
    func applyDefaults(_ object: inout JSONValue) {
        QuantityNormalization.apply(schema, to: &object)
        guard var limits = object[path: ["spec", "limits"]]?.arrayValue else { return }
        for index in limits.indices where limits[index]["type"] == "Container" {
            fill(&limits[index], "default", from: "max")
            fill(&limits[index], "defaultRequest", from: "default")
            fill(&limits[index], "defaultRequest", from: "min")
        }
        object[path: ["spec", "limits"]] = .array(limits)
    }

    private func fill(_ item: inout JSONValue, _ field: String, from other: String) {
        guard let source = item[other]?.objectValue, !source.isEmpty else { return }
        item[field] = .object((item[field]?.objectValue ?? [:]).merging(source) { own, _ in own })
    }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var errors: [FieldError] = []
        for (index, item) in (object[path: ["spec", "limits"]]?.arrayValue ?? []).enumerated() {
            let path = "spec.limits[\(index)]"
            for field in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
                errors += FieldChecks.quantities(item[field], at: "\(path).\(field)")
            }
            guard errors.isEmpty else { continue }
            for (name, low) in (item["min"]?.objectValue ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard let minimum = amount(low), let high = item["max"]?[name], let maximum = amount(high),
                    minimum.milliunits > maximum.milliunits
                else { continue }
                errors.append(
                    .invalid(
                        "\(path).min[\(name)]", low,
                        "min value \(minimum.text) is greater than max value \(maximum.text)"))
            }
        }
        return errors
    }

    private func amount(_ value: JSONValue) -> Quantity? { value.stringValue.flatMap { Quantity($0) } }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] { validateCreate(object, context) }
}
