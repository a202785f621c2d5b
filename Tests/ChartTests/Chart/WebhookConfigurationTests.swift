import AdmissionWebhook
import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// Reviews that the API server asks of the operator, and how the two find and trust each other.
@Suite struct WebhookConfigurationTests {
    static let configurations = [
        "MutatingWebhookConfiguration": ("mutate.anneal.dev", "/mutate"),
        "ValidatingWebhookConfiguration": ("validate.anneal.dev", "/validate"),
    ]

    @Test(arguments: ["default", "everything", "cert-manager"])
    func `both webhooks are asked about our kinds, fail closed, and have no side effects`(_ name: String)
        throws
    {
        let rendering = Rendering(description: name)
        for (kind, (webhookName, path)) in Self.configurations {
            let webhooks = try rendering.object(kind)["webhooks"]?.arrayValue ?? []
            let webhook = try #require(webhooks.first)
            #expect(webhooks.count == 1)
            #expect(webhook["name"] == .string(webhookName))
            #expect(webhook["failurePolicy"] == "Fail")
            #expect(webhook["sideEffects"] == "None")
            #expect(webhook["matchPolicy"] == "Equivalent")
            #expect(webhook["timeoutSeconds"] == 5)
            #expect(webhook["admissionReviewVersions"] == ["v1"])
            #expect(webhook[path: ["clientConfig", "service", "path"]] == .string(path))
            // An upgrade that writes this field would take away what the leader wrote.
            #expect(webhook[path: ["clientConfig", "caBundle"]] == nil)
            // A finalizer comes off by an update: without an operator, nothing could be deleted.
            let condition = webhook["matchConditions"]?[0]?["expression"]
            #expect(condition == "!has(object.metadata.deletionTimestamp)")
            let controller = Self.controller
            let wanted = path == "/mutate" ? controller.mutatingRules : controller.validatingRules
            #expect(
                try Self.published(webhook) == wanted.mapValues { Set($0.map(\.rawValue)) },
                "the chart's rules are not what the policies judge")
            // The condition reads the object, and a deletion has none.
            #expect(wanted.values.allSatisfy { !$0.contains(.delete) })
        }
    }

    /// The policies of all kinds.
    private static let controller = AdmissionController([
        .trainingJob(settings: PlannerSettings(agentImage: "agent")), .evalRun,
    ])

    @Test func `every kind has an admission policy`() {
        #expect(
            Set(Self.controller.validatingRules.keys)
                .isSuperset(of: CustomResourceDefinition.all.map(\.resourceType.plural)))
    }

    /// Operations by resource, as a webhook's rules name them.
    private static func published(_ webhook: JSONValue) throws -> [String: Set<String>] {
        var found: [String: Set<String>] = [:]
        for rule in webhook["rules"]?.arrayValue ?? [] {
            #expect(rule["apiGroups"] == [.string(Anneal.group)])
            #expect(rule["apiVersions"] == [.string(Anneal.version)])
            for resource in rule["resources"]?.strings ?? [] {
                found[resource, default: []].formUnion(rule["operations"]?.strings ?? [])
            }
        }
        return found
    }

    @Test(arguments: ["default", "everything", "cert-manager"])
    func `the webhooks name the Service in front of the container's port`(_ name: String) throws {
        let rendering = Rendering(description: name)
        let service = try rendering.object("Service", "anneal-webhook")
        let port = try #require(service["spec", "ports"]?[0])
        for kind in Self.configurations.keys {
            let target = try rendering.object(kind)["webhooks"]?[0]?[path: ["clientConfig", "service"]]
            #expect(target?["name"] == .string(service.name))
            #expect(target?["namespace"]?.stringValue == service.namespace)
            #expect(target?["port"] == port["port"])
        }
        let container = try rendering.object("Deployment")["spec", "template", "spec", "containers"]?[0]
        #expect(container?["ports"]?.element(named: port["targetPort"]?.stringValue ?? "") != nil)
    }

    @Test func `cert-manager's certificate is for the Service, and mounted where the operator looks`() throws
    {
        let rendering = Rendering(description: "cert-manager")
        let certificate = try rendering.object("Certificate")
        #expect(certificate["spec", "dnsNames"]?.strings.contains("anneal-webhook.anneal-system.svc") == true)
        #expect(
            certificate["spec", "issuerRef", "name"]?.stringValue == (try rendering.object("Issuer").name))
        for kind in Self.configurations.keys {
            let source = try rendering.object(kind)[
                "metadata", "annotations", "cert-manager.io/inject-ca-from"]
            #expect(source?.stringValue == "anneal-system/\(certificate.name)")
        }
        let pod = try rendering.object("Deployment")["spec", "template", "spec"]
        let volume = try #require(pod?["volumes"]?[0])
        #expect(volume[path: ["secret", "secretName"]] == certificate["spec", "secretName"])
        let container = try #require(pod?["containers"]?[0])
        let mount = try #require(container["volumeMounts"]?[0])
        #expect(mount["name"] == volume["name"])
        let folder = mount["mountPath"]?.stringValue ?? ""
        #expect(container["args"]?.strings.contains("--webhook-certificate-directory=\(folder)") == true)
        #expect(try rendering.objects().allSatisfy { $0.kind != "Secret" })
    }

    @Test func `a rendering without the webhook has nothing of it`() throws {
        let objects = try Rendering(description: "single-namespace").objects()
        #expect(objects.allSatisfy { !$0.kind.contains("Webhook") && !$0.name.contains("webhook") })
    }
}
