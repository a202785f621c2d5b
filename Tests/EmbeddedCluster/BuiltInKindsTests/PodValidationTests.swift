import KubernetesAPI
import Testing

@Suite struct PodValidationTests {
    /// A pod with one container.
    ///
    /// - Parameters:
    ///   - container: further members of the container.
    ///   - spec: further members of the spec.
    static func pod(container: String = "", spec: String = "") -> String {
        """
        {"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"x"\(container.isEmpty ? "" : ",")\(container)}]
        \(spec.isEmpty ? "" : ",")\(spec)}}
        """
    }

    @Test(arguments: [
        (pod(), []),
        (#"{"spec":{}}"#, ["spec.containers: Required value"]),
        (#"{"spec":{"containers":[]}}"#, ["spec.containers: Required value"]),
        (#"{"spec":{"containers":[{"image":"x"}]}}"#, ["spec.containers[0].name: Required value"]),
        (#"{"spec":{"containers":[{"name":"c"}]}}"#, ["spec.containers[0].image: Required value"]),
        (
            pod(container: #""resources":{"requests":{"nvidia.com/gpu":"1"}}"#),
            [
                "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"
            ]
        ),
        (
            pod(container: #""resources":{"requests":{"cpu":"2"},"limits":{"cpu":"1"}}"#),
            [
                #"spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1"#
            ]
        ),
        (
            pod(container: #""resources":{"limits":{"nvidia.com/gpu":"500m"}}"#),
            [
                #"spec.containers[0].resources.limits[nvidia.com/gpu]: Invalid value: "500m": must be an integer"#,
                #"spec.containers[0].resources.requests[nvidia.com/gpu]: Invalid value: "500m": must be an integer"#,
            ]
        ),
        (
            pod(container: #""volumeMounts":[{"name":"v","mountPath":"/a"}]"#),
            [#"spec.containers[0].volumeMounts[0].name: Not found: "v""#]
        ),
        (
            pod(
                container:
                    #""volumeMounts":[{"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/a","subPath":"../b"}]"#,
                spec: #""volumes":[{"name":"v"}]"#),
            [
                #"spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique"#,
                #"spec.containers[0].volumeMounts[1].subPath: Invalid value: "../b": must not contain '..'"#,
            ]
        ),
        (
            pod(spec: #""volumes":[{"name":"v"},{"name":"v","hostPath":{"path":"/a/../b"}}]"#),
            [
                #"spec.volumes[1].name: Duplicate value: "v""#,
                #"spec.volumes[1].hostPath.path: Invalid value: "/a/../b": must not contain '..'"#,
            ]
        ),
        (
            pod(spec: #""volumes":[{"name":"v","emptyDir":{},"secret":{"secretName":"s"}}]"#),
            ["spec.volumes[0].secret: Forbidden: may not specify more than 1 volume type"]
        ),
        (
            pod(spec: #""initContainers":[{"name":"c","image":"x"}]"#),
            [#"spec.containers[0].name: Duplicate value: "c""#]
        ),
        (
            pod(
                spec:
                    #""initContainers":[{"name":"i","image":"x","readinessProbe":{"exec":{"command":["a"]}}}]"#
            ),
            [
                "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without"
                    + " restartPolicy=Always"
            ]
        ),
        (
            pod(spec: #""restartPolicy":"Sometimes""#),
            [
                #"spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never""#
            ]
        ),
        (
            pod(spec: #""activeDeadlineSeconds":0"#),
            ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"]
        ),
        (
            pod(container: #""env":[{"name":"A","value":"1"},{"name":"A","value":"2"}]"#), []
        ),
        (
            pod(container: #""env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"spec.nope"}}}]"#),
            [
                #"spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.nope": supported values: "#
                    + #""metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "#
                    + #""status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs""#
            ]
        ),
        (
            pod(
                spec:
                    #""tolerations":[{"key":"a","operator":"Equal","value":"b","tolerationSeconds":3,"effect":"NoSchedule"}]"#
            ),
            [
                #"spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when `tolerationSeconds` is set"#
            ]
        ),
        (
            pod(spec: #""securityContext":{"runAsUser":-1}"#),
            ["spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"]
        ),
    ])
    func `a wrong pod is refused in upstream's words`(pod: String, errors: [String]) throws {
        #expect(try DrivenKind("pods").creationErrors(pod) == errors)
    }

    @Test func `only images and a few more may change`() throws {
        let kind = try DrivenKind("pods")
        let image = try kind.updateErrors(Self.pod()) { pod in
            pod[path: ["spec", "containers"]] = [["name": "c", "image": "y"]]
        }
        #expect(image.map { $0.prefix(15) } == ["spec: Forbidden"], "the rest of the container went")
        let old = try kind.created(Self.pod())
        var new = old
        guard var container = old[path: ["spec", "containers"]]?[0] else { return }
        container["image"] = "y"
        new[path: ["spec", "containers"]] = .array([container])
        #expect(kind.definition.strategy.validateUpdate(new, old: old, DrivenKind.context).isEmpty)
        let policy = try kind.updateErrors(Self.pod()) { $0[path: ["spec", "restartPolicy"]] = "Never" }
        #expect(
            policy.first?.hasPrefix(
                "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`")
                == true)
        let toleration = try kind.updateErrors(Self.pod()) { $0[path: ["spec", "tolerations"]] = [] }
        #expect(
            toleration == [
                "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"
            ])
    }

    @Test(
        arguments: [
            (#"{"nodeName":"n"}"#, "Running", nil, 30),
            (#"{"nodeName":"n","terminationGracePeriodSeconds":5}"#, "Running", nil, 5),
            (#"{"nodeName":"n"}"#, "Running", 7, 7), (#"{"nodeName":"n"}"#, "Running", 0, 0),
            (#"{}"#, "Pending", nil, 0),
            (#"{"nodeName":"n"}"#, "Succeeded", nil, 0), (#"{"nodeName":"n"}"#, "Running", -1, 1),
        ] as [(String, String, Int64?, Int64?)])
    func `the deletion of a pod waits for its node`(
        spec: String, phase: String, requested: Int64?, seconds: Int64?
    ) throws {
        let pod: JSONValue = ["spec": try JSONValue(parsing: spec), "status": ["phase": .string(phase)]]
        #expect(
            try DrivenKind("pods").definition.strategy.gracePeriodSeconds(for: pod, requested: requested)
                == seconds
        )
    }

    @Test(arguments: [
        (#"{}"#, "BestEffort"), (#"{"limits":{"cpu":"1"}}"#, "Burstable"),
        (#"{"limits":{"cpu":"1","memory":"1Gi"}}"#, "Guaranteed"),
        (#"{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"500m"}}"#, "Burstable"),
        (#"{"limits":{"nvidia.com/gpu":"1"}}"#, "BestEffort"),
    ])
    func `the quality of service follows the resources`(resources: String, quality: String) throws {
        let pod = try DrivenKind("pods").created(Self.pod(container: #""resources":\#(resources)"#))
        #expect(pod[path: ["status", "qosClass"]] == .string(quality))
    }
}
