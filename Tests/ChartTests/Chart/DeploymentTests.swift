import KubernetesAPI
import Testing

/// Pods of the operator in a cluster.
@Suite struct DeploymentTests {
    @Test(arguments: Rendering.allCases)
    func `the pods meet the restricted pod security standard`(_ rendering: Rendering) throws {
        let pod = try podSpec(rendering)
        #expect(pod[path: ["securityContext", "runAsNonRoot"]] == true)
        #expect(pod[path: ["securityContext", "seccompProfile", "type"]] == "RuntimeDefault")
        for field in ["hostNetwork", "hostPID", "hostIPC"] { #expect(pod[field] == nil) }
        #expect((pod["volumes"]?.arrayValue ?? []).allSatisfy { $0["hostPath"] == nil })
        let container = try operatorContainer(rendering)
        let context = try #require(container["securityContext"])
        #expect(context["allowPrivilegeEscalation"] == false)
        #expect(context["readOnlyRootFilesystem"] == true)
        #expect(context["runAsNonRoot"] == true)
        #expect(context[path: ["capabilities", "drop"]] == ["ALL"])
        #expect(context["privileged"] == nil)
    }

    @Test(arguments: Rendering.allCases)
    func `every probe asks a port that the container has`(_ rendering: Rendering) throws {
        let container = try operatorContainer(rendering)
        let ports = Set((container["ports"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue })
        let paths = ["startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"]
        for (probe, path) in paths {
            let get = try #require(container[path: [probe, "httpGet"]])
            #expect(get["path"] == .string(path))
            #expect(ports.contains(get["port"]?.stringValue ?? ""))
        }
    }

    @Test(arguments: Rendering.allCases)
    func `every selector finds the operator's pods`(_ rendering: Rendering) throws {
        let deployment = try rendering.object("Deployment")
        let labels = try #require(
            deployment["spec", "template", "metadata", "labels"]?.objectValue)
        for object in try rendering.objects() {
            let selector: JSONValue? =
                switch object.kind {
                case "Service": object["spec", "selector"]
                case "Deployment", "PodDisruptionBudget": object["spec", "selector", "matchLabels"]
                case "NetworkPolicy": object["spec", "podSelector", "matchLabels"]
                default: nil
                }
            guard let wanted = selector?.objectValue else { continue }
            #expect(!wanted.isEmpty, "\(object.kind) \(object.name) selects all pods")
            #expect(wanted.allSatisfy { labels[$0.key] == $0.value }, "\(object.kind) \(object.name)")
        }
    }

    @Test func `two replicas prefer different nodes, and one of them stays through a drain`() throws {
        let rendering = Rendering(description: "default")
        let deployment = try rendering.object("Deployment")
        #expect(deployment["spec", "replicas"] == 2)
        #expect(deployment["spec", "strategy", "rollingUpdate", "maxUnavailable"] == 0)
        let preference = deployment["spec", "template", "spec", "affinity", "podAntiAffinity"]
        let term = preference?["preferredDuringSchedulingIgnoredDuringExecution"]?[0]
        #expect(term?[path: ["podAffinityTerm", "topologyKey"]] == "kubernetes.io/hostname")
        #expect(try rendering.object("PodDisruptionBudget")["spec", "maxUnavailable"] == 1)
        #expect(try operatorContainer(rendering)[path: ["resources", "limits", "memory"]] != nil)
        #expect(try operatorContainer(rendering)[path: ["resources", "requests", "cpu"]] != nil)
    }

    @Test func `a pod that goes is out of the Service before it stops, and within its time`() throws {
        let rendering = Rendering(description: "default")
        let sleep = try operatorContainer(rendering)[path: ["lifecycle", "preStop", "sleep", "seconds"]]
        let pause = try #require(sleep?.integerValue)
        let allowed = try #require(try podSpec(rendering)["terminationGracePeriodSeconds"]?.integerValue)
        #expect(pause > 0 && pause + 15 <= allowed)
    }

    @Test func `the operator is told the names that the chart gives`() throws {
        let rendering = Rendering(description: "default")
        let arguments = try operatorContainer(rendering)["args"]?.strings ?? []
        let webhook = try rendering.object("Service", "anneal-webhook")
        #expect(arguments.contains("--webhook-service=\(webhook.name)"))
        let configuration = try rendering.object("ValidatingWebhookConfiguration")
        #expect(arguments.contains("--webhook-configuration=\(configuration.name)"))
        #expect(arguments.contains("--webhook-secret=anneal-webhook-tls"))
        #expect(arguments.contains("--lease-name=anneal-operator"))
        #expect(arguments.contains("--leader-elect"))
        #expect(arguments.contains("--agent-image=anneal/agent:0.1.0"))
    }

    @Test func `a single replica without election and webhook says so`() throws {
        let arguments =
            try operatorContainer(Rendering(description: "single-namespace"))["args"]?.strings ?? []
        #expect(arguments.contains("--no-leader-elect"))
        #expect(arguments.contains("--webhook-port=0"))
        #expect(arguments.contains("--namespace=team-a"))
    }

    @Test func `the priority classes are named as runs name them`() throws {
        let rendering = Rendering(description: "default")
        #expect(try rendering.object("PriorityClass", "anneal-development")["preemptionPolicy"] == "Never")
        let production = try rendering.object("PriorityClass", "anneal-production")
        let ours = try rendering.object("PriorityClass", "anneal-operator")
        #expect((ours["value"]?.integerValue ?? 0) > (production["value"]?.integerValue ?? 0))
        #expect(try podSpec(rendering)["priorityClassName"] == .string(ours.name))
    }

    private func podSpec(_ rendering: Rendering) throws -> JSONValue {
        try #require(try rendering.object("Deployment")["spec", "template", "spec"])
    }

    private func operatorContainer(_ rendering: Rendering) throws -> JSONValue {
        try #require(try podSpec(rendering)["containers"]?.element(named: "operator"))
    }
}
