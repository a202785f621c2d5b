import FoundationEssentials
import KubernetesAPI
import NodeAgent
import Testing

@Suite struct EnvironmentTests {
    @Test(arguments: [
        ("$(A)", "1"), ("x$(A)y$(B)z", "x1y2z"), ("$(NO)", "$(NO)"), ("$$(A)", "$(A)"), ("$(A", "$(A"),
        ("$A", "$A"), ("$", "$"), ("a$$b", "a$b"), ("$($(A))", "$($(A))"), ("$$$(A)", "$1"),
        ("ü$(A)", "ü1"),
    ])
    func `variables are expanded as upstream does`(text: String, expected: String) {
        #expect(VariableExpansion.expand(text) { ["A": "1", "B": "2"][$0] } == expected)
    }

    private func environment(_ objects: NamespaceObjects = NamespaceObjects()) -> ContainerEnvironment {
        var pod = Pod(metadata: ObjectMeta(name: "p", namespace: "ns", labels: ["app": "x"]), spec: PodSpec())
        pod.metadata.uid = "u1"
        pod.spec?.nodeName = "n1"
        return ContainerEnvironment(
            fields: DownwardFields(pod: pod, podIP: "127.20.0.1", hostIP: "127.0.0.1"), objects: objects,
            base: ["KUBERNETES_SERVICE_HOST": "127.0.0.1"])
    }

    @Test
    func `later variables see earlier ones, and the pod's win over the image's`() throws {
        var container = Container(name: "c")
        container.env = [
            EnvVar(name: "A", value: "1"), EnvVar(name: "B", value: "$(A)$(LATER)"),
            EnvVar(name: "LATER", value: "x"), EnvVar(name: "HOST", value: "$(KUBERNETES_SERVICE_HOST)"),
        ]
        let variables = try environment().variables(
            of: container, image: ContainerImage(env: ["A": "image", "I": "i"]))
        #expect(variables["A"] == "1")
        #expect(variables["B"] == "1$(LATER)")
        #expect(variables["I"] == "i")
        #expect(variables["HOST"] == "127.0.0.1")
    }

    @Test(arguments: [
        ("metadata.name", "p"), ("metadata.namespace", "ns"), ("metadata.uid", "u1"),
        ("metadata.labels['app']", "x"), ("metadata.labels['none']", ""), ("spec.nodeName", "n1"),
        ("status.podIP", "127.20.0.1"), ("status.hostIP", "127.0.0.1"),
    ])
    func `the downward API is read`(path: String, expected: String) throws {
        var container = Container(name: "c")
        container.env = [
            EnvVar(name: "V", valueFrom: EnvVarSource(fieldRef: ObjectFieldSelector(fieldPath: path)))
        ]
        #expect(try environment().variables(of: container, image: ContainerImage())["V"] == expected)
    }

    @Test
    func `secrets and config maps become variables, and a missing one is named`() throws {
        let objects = NamespaceObjects(
            configMaps: ["m": ConfigMap(metadata: ObjectMeta(name: "m"), data: ["k": "v"])],
            secrets: ["s": Secret(metadata: ObjectMeta(name: "s"), data: ["k": Data("geheim".utf8)])])
        var container = Container(name: "c")
        container.envFrom = [EnvFromSource(secretRef: OptionalReference(name: "s"))]
        container.env = [
            EnvVar(name: "M", valueFrom: EnvVarSource(configMapKeyRef: KeySelector(name: "m", key: "k"))),
            EnvVar(
                name: "O",
                valueFrom: EnvVarSource(secretKeyRef: KeySelector(name: "no", key: "k", optional: true))),
        ]
        let variables = try environment(objects).variables(of: container, image: ContainerImage())
        #expect(variables["k"] == "geheim")
        #expect(variables["M"] == "v")
        #expect(variables["O"] == nil)

        container.env = [
            EnvVar(name: "X", valueFrom: EnvVarSource(secretKeyRef: KeySelector(name: "s", key: "no")))
        ]
        #expect(throws: ConfigurationError("couldn't find key no in Secret ns/s")) {
            try environment(objects).variables(of: container, image: ContainerImage())
        }
        #expect(throws: ConfigurationError("secret \"s\" not found")) {
            try environment().variables(of: container, image: ContainerImage())
        }
    }
}
