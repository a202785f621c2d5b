import APIServer
import KubernetesAPI
import StructuralSchema

/// `admissionregistration.k8s.io/v1`
enum WebhookKinds {
    static let definitions = [
        definition("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", isMutating: true),
        definition("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", isMutating: false),
    ]

    private static let clientConfig = Schema.object(
        "How to reach it: by URL, or through a service.",
        [
            "url": .string("An https URL."), "caBundle": .string("Certificates to trust.", format: .byte),
            "service": .object(
                "A service in the cluster.",
                [
                    "name": .string("Its name."), "namespace": .string("Its namespace."),
                    "path": .string("Path of the request."), "port": .int32("Its port.").default(443),
                ], required: ["name", "namespace"]),
        ])

    private static let rule = Schema.object(
        "Requests that it is asked about.",
        [
            "operations": .listAtomic("CREATE, UPDATE, DELETE, CONNECT or *.", of: .string("An operation.")),
            "apiGroups": .strings("Groups."), "apiVersions": .strings("Versions."),
            "resources": .strings("Resources, as pods or pods/status."),
            "scope": .string("Cluster, Namespaced or *.").oneOf("*", "Cluster", "Namespaced").default("*"),
        ])

    private static let webhook = Schema.object(
        "Somebody who is asked before an object is written.",
        [
            "name": .string("A full domain name."), "clientConfig": clientConfig,
            "rules": .listAtomic("Requests that it is asked about.", of: rule),
            "failurePolicy": .string("Fail or Ignore.").oneOf("Fail", "Ignore").default("Fail"),
            "matchPolicy": .string("Exact or Equivalent.").oneOf("Equivalent", "Exact").default("Equivalent"),
            "namespaceSelector": .labelSelector.description("Namespaces that it is asked about.").default([:]
            ),
            "objectSelector": .labelSelector.description("Objects that it is asked about.").default([:]),
            "sideEffects": .string("None or NoneOnDryRun.").oneOf("None", "NoneOnDryRun"),
            "timeoutSeconds": .int32("Seconds to wait; 1 to 30.").default(10),
            "admissionReviewVersions": .strings("Versions of AdmissionReview that it understands."),
            "matchConditions": .listMap(
                "CEL conditions on the request.", keys: ["name"],
                of: .object(
                    "A condition.",
                    ["name": .string("Its name."), "expression": .string("A CEL expression.")],
                    required: ["name", "expression"])),
        ], required: ["name", "clientConfig", "sideEffects", "admissionReviewVersions"])

    private static func definition(_ kind: String, _ plural: String, isMutating: Bool) -> ResourceDefinition {
        let reinvocation: [String: Schema] = [
            "reinvocationPolicy": .string("Never or IfNeeded.").oneOf("IfNeeded", "Never").default("Never")
        ]
        return ResourceDefinition(
            type: ResourceType(
                group: "admissionregistration.k8s.io", version: "v1", kind: kind, plural: plural,
                isNamespaced: false),
            schema: .resource(
                isMutating ? "Who may change objects before they are written." : "Who may refuse objects.",
                [
                    "webhooks": .listMap(
                        "The webhooks.", keys: ["name"],
                        of: isMutating ? webhook.adding(reinvocation) : webhook)
                ]),
            columns: [
                PrinterColumn(
                    "Webhooks", type: "integer", description: "Number of webhooks.",
                    source: Cells.count(["webhooks"])),
                .age,
            ], hasGeneration: true, strategy: WebhookStrategy())
    }
}

struct WebhookStrategy: ResourceStrategy {
    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var names: Set<String> = []
        var errors: [FieldError] = []
        for (index, webhook) in (object["webhooks"]?.arrayValue ?? []).enumerated() {
            let path = "webhooks[\(index)]"
            let name = webhook["name"]?.stringValue ?? ""
            if !names.insert(name).inserted { errors.append(.duplicate("\(path).name", .string(name))) }
            if name.split(separator: ".").count < 3 || !NameValidation.isSubdomain(name) {
                errors.append(
                    .invalid(
                        "\(path).name", .string(name),
                        "should be a domain with at least three segments separated by dots"))
            }
            let versions = webhook["admissionReviewVersions"]?.arrayValue ?? []
            if !versions.contains("v1"), !versions.contains("v1beta1") {
                errors.append(
                    .invalid(
                        "\(path).admissionReviewVersions", webhook["admissionReviewVersions"] ?? .null,
                        "must include at least one of v1, v1beta1"))
            }
            if let seconds = webhook["timeoutSeconds"]?.integerValue, !(1...30).contains(seconds) {
                errors.append(
                    .invalid(
                        "\(path).timeoutSeconds", .integer(seconds),
                        "the timeout value must be between 1 and 30 seconds"))
            }
            errors += validateClient(webhook["clientConfig"] ?? [:], at: "\(path).clientConfig")
        }
        return errors
    }

    private func validateClient(_ client: JSONValue, at path: String) -> [FieldError] {
        if (client["url"] == nil) == (client["service"] == nil) {
            return [.required(path, "exactly one of url or service is required")]
        }
        guard let url = client["url"]?.stringValue, !url.hasPrefix("https://") else { return [] }
        return [
            .invalid(
                "\(path).url", .string(url.split(separator: ":").first.map(String.init) ?? ""),
                "'https' is the only allowed URL scheme; desired format: https://host[/path]")
        ]
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] { validateCreate(object, context) }
}
