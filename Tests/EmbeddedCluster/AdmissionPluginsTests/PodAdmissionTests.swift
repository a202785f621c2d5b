import APIServer
import KubernetesAPI
import Testing

@testable import AdmissionPlugins

@Suite("Defaults of pods")
struct PodAdmissionTests {
    private let cluster = FakeCluster()

    @Test
    func `a created pod tolerates a lost node, in the recorded order`() async throws {
        let plugin = DefaultTolerationSeconds()
        let object = try await plugin.process(admission("pods", pod("{}")), cluster)
        #expect(
            object?[path: ["spec", "tolerations"]]
                == json(
                    #"""
                    [{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute",
                    "tolerationSeconds":300},{"key":"node.kubernetes.io/unreachable","operator":"Exists",
                    "effect":"NoExecute","tolerationSeconds":300}]
                    """#))
        let own = pod(#"{"tolerations":[{"operator":"Exists"}]}"#)
        #expect(try await plugin.process(admission("pods", own), cluster) == own)
        let other = pod(#"{"tolerations":[{"key":"node.kubernetes.io/not-ready","effect":"NoSchedule"}]}"#)
        let result = try await plugin.process(admission("pods", other), cluster)
        #expect(result?[path: ["spec", "tolerations"]]?.arrayValue?.count == 3)
    }

    // MARK: Priority

    @Test
    func `a created pod without a class has priority 0`() async throws {
        let object = try await PriorityAdmission().process(admission("pods", pod("{}")), cluster)
        #expect(object?["spec"] == ["priority": 0, "preemptionPolicy": "PreemptLowerPriority"])
    }

    @Test
    func `a class gives its value, and the default class is taken where none is named`() async throws {
        let group = "scheduling.k8s.io"
        cluster.put(
            "priorityclasses", group: group, namespace: "", "gpu",
            #"{"value":1000,"preemptionPolicy":"Never"}"#)
        let named = try await PriorityAdmission().process(
            admission("pods", pod(#"{"priorityClassName":"gpu"}"#)), cluster)
        #expect(
            named?["spec"] == ["priorityClassName": "gpu", "priority": 1000, "preemptionPolicy": "Never"])
        cluster.put(
            "priorityclasses", group: group, namespace: "", "low", #"{"value":5,"globalDefault":true}"#)
        let unnamed = try await PriorityAdmission().process(admission("pods", pod("{}")), cluster)
        #expect(unnamed?[path: ["spec", "priorityClassName"]] == "low")
        #expect(unnamed?[path: ["spec", "priority"]] == 5)
        let second = await PriorityAdmission().refusal(
            of: admission(
                "priorityclasses", group: group, json(#"{"metadata":{"name":"x"},"globalDefault":true}"#)),
            cluster)
        #expect(
            second?.message == "priorityclasses.scheduling.k8s.io \"x\" is forbidden: PriorityClass low is "
                + "already marked as default. Only one default can exist")
        let system = try await PriorityAdmission().process(
            admission("pods", pod(#"{"priorityClassName":"system-node-critical"}"#)), cluster)
        #expect(system?[path: ["spec", "priority"]] == 2_000_001_000)
    }

    @Test
    func `an unknown class and a contradicting number are refused`() async {
        let unknown = await PriorityAdmission().refusal(
            of: admission("pods", pod(#"{"priorityClassName":"none"}"#)), cluster)
        #expect(unknown?.message == "pods \"p\" is forbidden: no PriorityClass with name none was found")
        #expect(unknown?.code == 403)
        let contradiction = await PriorityAdmission().refusal(
            of: admission("pods", pod(#"{"priority":7}"#)), cluster)
        #expect(
            contradiction?.message?.contains("the integer value of priority (7) must not be provided") == true
        )
    }

    @Test
    func `an update doesn't lose the priority`() async throws {
        let old = pod(#"{"priority":3,"preemptionPolicy":"Never"}"#)
        let object = try await PriorityAdmission().process(
            admission(.update, "pods", pod("{}"), old: old), cluster)
        #expect(object?["spec"] == old["spec"])
    }

    // MARK: Service accounts

    private let accounts = ServiceAccountAdmission(randomSuffix: { String(repeating: "x", count: $0) })

    @Test
    func `a pod gets the default account and its containers the token`() async throws {
        cluster.put("serviceaccounts", "default", #"{"imagePullSecrets":[{"name":"pull"}]}"#)
        let object = try await accounts.process(
            admission(
                "pods",
                pod(
                    #"""
                    {"containers":[{"name":"a"},{"name":"b","volumeMounts":[{"name":"own",
                    "mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}]}],
                    "initContainers":[{"name":"i"}],"volumes":[{"name":"own"}]}
                    """#)), cluster)
        let mount = json(
            #"""
            [{"name":"kube-api-access-xxxxx","readOnly":true,
            "mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}]
            """#)
        let spec = object?["spec"]
        #expect(spec?["serviceAccountName"] == "default")
        #expect(spec?["serviceAccount"] == "default")
        #expect(spec?["imagePullSecrets"] == [["name": "pull"]])
        #expect(spec?["containers"]?[0]?["volumeMounts"] == mount)
        #expect(spec?["containers"]?[1]?["volumeMounts"]?[0]?["name"] == "own")
        #expect(spec?["initContainers"]?[0]?["volumeMounts"] == mount)
        #expect(
            spec?["volumes"]?[1]
                == json(
                    #"""
                    {"name":"kube-api-access-xxxxx","projected":{"defaultMode":420,"sources":[
                    {"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},
                    {"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},
                    {"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1",
                    "fieldPath":"metadata.namespace"}}]}}]}}
                    """#))
        // Once more, as after webhooks: nothing is added.
        #expect(try await accounts.process(admission("pods", object), cluster) == object)
    }

    @Test(arguments: [
        ("{}", "{}", true), (#"{"automountServiceAccountToken":false}"#, "{}", false),
        ("{}", #"{"automountServiceAccountToken":false}"#, false),
        (#"{"automountServiceAccountToken":true}"#, #"{"automountServiceAccountToken":false}"#, true),
    ])
    func `the pod decides on the token before its account does`(
        _ spec: String, _ account: String, _ isMounted: Bool
    ) async throws {
        cluster.put("serviceaccounts", "default", account)
        var subject = json(spec)
        subject["containers"] = [["name": "c"]]
        let object = try await accounts.process(admission("pods", pod(subject.text)), cluster)
        #expect((object?[path: ["spec", "volumes"]] != nil) == isMounted)
    }

    @Test
    func `a missing account is refused`() async {
        let status = await accounts.refusal(
            of: admission("pods", pod(#"{"serviceAccountName":"sync"}"#)), cluster)
        #expect(
            status?.message == "pods \"p\" is forbidden: error looking up service account rec/sync: "
                + "serviceaccount \"sync\" not found")
    }

    // MARK: Limit ranges

    @Test
    func `defaults are filled in and noted`() async throws {
        cluster.put(
            "limitranges", "l",
            #"""
            {"spec":{"limits":[{"type":"Container","default":{"cpu":"1","memory":"1Gi"},
            "defaultRequest":{"cpu":"100m"},"max":{"cpu":"2"}}]}}
            """#)
        let object = try await LimitRangeAdmission().process(
            admission(
                "pods",
                pod(
                    #"{"containers":[{"name":"a"},{"name":"b","resources":{"limits":{"cpu":"500m"}}}]}"#)),
            cluster)
        let containers = object?[path: ["spec", "containers"]]
        #expect(
            containers?[0]?["resources"]
                == json(
                    #"{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"100m","memory":"1Gi"}}"#))
        #expect(containers?[1]?[path: ["resources", "limits", "cpu"]] == "500m")
        #expect(
            object?[path: ["metadata", "annotations", "kubernetes.io/limit-ranger"]]
                == .string(
                    "LimitRanger plugin set: cpu, memory request for container a; cpu, memory limit for "
                        + "container a; cpu, memory request for container b; memory limit for container b"))
    }

    @Test(arguments: [
        (
            #"{"type":"Container","max":{"cpu":"1"}}"#, #"{"limits":{"cpu":"2"}}"#,
            "maximum cpu usage per Container is 1, but limit is 2"
        ),
        (
            #"{"type":"Container","min":{"memory":"100Mi"}}"#, #"{"requests":{"memory":"50Mi"}}"#,
            "minimum memory usage per Container is 100Mi, but request is 50Mi"
        ),
        (
            #"{"type":"Pod","max":{"nvidia.com/gpu":"2"}}"#, #"{"limits":{"nvidia.com/gpu":"4"}}"#,
            "maximum nvidia.com/gpu usage per Pod is 2, but limit is 4"
        ),
        (
            #"{"type":"Pod","max":{"cpu":"2"}}"#, "{}",
            "maximum cpu usage per Pod is 2.  No limit is specified"
        ),
        (
            #"{"type":"Pod","min":{"cpu":"2"}}"#, "{}",
            "minimum cpu usage per Pod is 2.  No request is specified"
        ),
        (
            #"{"type":"Container","maxLimitRequestRatio":{"cpu":"2"}}"#,
            #"{"limits":{"cpu":"5"},"requests":{"cpu":"2"}}"#,
            "cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000"
        ),
        (
            #"{"type":"Pod","max":{"cpu":"1","memory":"1Gi"}}"#,
            #"{"limits":{"cpu":"2","memory":"2Gi"}}"#,
            "[maximum cpu usage per Pod is 1, but limit is 2, maximum memory usage per Pod is 1Gi, but "
                + "limit is 2Gi]"
        ),
    ])
    func `bounds are kept`(_ item: String, _ resources: String, _ message: String) async {
        cluster.put("limitranges", "l", #"{"spec":{"limits":[\#(item)]}}"#)
        let status = await LimitRangeAdmission().refusal(
            of: admission("pods", pod(#"{"containers":[{"name":"c","resources":\#(resources)}]}"#)), cluster)
        #expect(status?.message == "pods \"p\" is forbidden: \(message)")
    }

    @Test
    func `claims are bounded, too`() async {
        cluster.put(
            "limitranges", "l",
            #"{"spec":{"limits":[{"type":"PersistentVolumeClaim","max":{"storage":"1Gi"}}]}}"#)
        let claim = json(
            #"{"metadata":{"name":"w"},"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#)
        let status = await LimitRangeAdmission().refusal(
            of: admission("persistentvolumeclaims", claim), cluster)
        #expect(
            status?.message == "persistentvolumeclaims \"w\" is forbidden: maximum storage usage per "
                + "PersistentVolumeClaim is 1Gi, but limit is 2Gi")
    }

    // MARK: Namespaces

    @Test(arguments: [("default", true), ("kube-system", true), ("rec", false)])
    func `the default namespace stays`(_ name: String, _ isProtected: Bool) async {
        let old = json(#"{"metadata":{"name":"\#(name)"}}"#)
        let status = await NamespaceLifecycle().refusal(
            of: admission(.delete, "namespaces", nil, old: old), cluster)
        #expect(
            status?.message
                == (isProtected
                    ? "namespaces \"\(name)\" is forbidden: this namespace may not be deleted" : nil))
    }

    @Test(arguments: [
        ("rec", #"namespaces "rec" not found"#, ""),
        (
            "old",
            #"pods "p" is forbidden: unable to create new content in namespace old because it is being terminated"#,
            "NamespaceTerminating"
        ),
        ("new", nil, ""),
    ])
    func `a pod is created only in a namespace that is there to stay`(
        _ namespace: String, _ message: String?, _ cause: String
    ) async {
        cluster.put("namespaces", namespace: "", "new", "{}")
        cluster.put(
            "namespaces", namespace: "", "old",
            #"{"metadata":{"deletionTimestamp":"2026-11-21T00:00:00Z"}}"#)
        let status = await NamespaceLifecycle().refusal(
            of: admission(.create, "pods", pod("{}"), namespace: namespace), cluster)
        #expect(status?.message == message)
        #expect(status?.details?.causes?.first?.reason ?? "" == cause)
    }
}
