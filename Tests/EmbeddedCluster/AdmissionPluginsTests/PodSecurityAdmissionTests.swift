import APIServer
import KubernetesAPI
import Testing

@testable import AdmissionPlugins

@Suite("Pod security")
struct PodSecurityAdmissionTests {
    private let cluster = FakeCluster()
    private let plugin = PodSecurityAdmission()

    private func label(_ labels: String) {
        cluster.put("namespaces", namespace: "", "rec", #"{"metadata":{"labels":\#(labels)}}"#)
    }

    /// What a pod must say to be let in everywhere.
    private static let good =
        #"""
        {"securityContext":{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}},
        "containers":[{"name":"c","securityContext":{"allowPrivilegeEscalation":false,
        "capabilities":{"drop":["ALL"]}}}],"volumes":[{"name":"v","emptyDir":{}}]}
        """#

    @Test
    func `a bare pod violates the restricted level in the well-known words`() async {
        label(#"{"pod-security.kubernetes.io/enforce":"restricted"}"#)
        let status = await plugin.refusal(
            of: admission("pods", pod(#"{"containers":[{"name":"c"}]}"#)), cluster)
        #expect(
            status?.message == """
                pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != \
                false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted \
                capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), \
                runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), \
                seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to \
                "RuntimeDefault" or "Localhost")
                """)
        #expect(status?.code == 403)
    }

    @Test(arguments: ["privileged", "baseline", "restricted"])
    func `a careful pod is let in at every level`(_ level: String) async {
        label(#"{"pod-security.kubernetes.io/enforce":"\#(level)"}"#)
        #expect(await plugin.refusal(of: admission("pods", pod(Self.good)), cluster) == nil)
    }

    @Test(arguments: [
        (#"{"hostNetwork":true,"hostPID":true}"#, "host namespaces (hostNetwork=true, hostPID=true)"),
        (
            #"{"volumes":[{"name":"a","hostPath":{}},{"name":"b","hostPath":{}}]}"#,
            #"hostPath volumes (volumes "a", "b")"#
        ),
        (
            #"{"containers":[{"name":"c","securityContext":{"privileged":true}}]}"#,
            #"privileged (container "c" must not set securityContext.privileged=true)"#
        ),
        (
            #"{"containers":[{"name":"c","ports":[{"hostPort":80}]}]}"#,
            #"hostPort (container "c" uses hostPort 80)"#
        ),
        (
            #"{"containers":[{"name":"c","securityContext":{"capabilities":{"add":["SYS_ADMIN"]}}}]}"#,
            #"non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)"#
        ),
        (
            #"{"securityContext":{"seccompProfile":{"type":"Unconfined"}}}"#,
            #"seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")"#
        ),
        (
            #"{"securityContext":{"sysctls":[{"name":"kernel.msgmax"}]}}"#,
            "forbidden sysctls (kernel.msgmax)"
        ),
        (
            #"{"initContainers":[{"name":"i","securityContext":{"procMount":"Unmasked"}}]}"#,
            #"procMount (container "i" must not set securityContext.procMount to "Unmasked")"#
        ),
    ])
    func `the baseline level refuses what upstream's refuses`(_ spec: String, _ violation: String) {
        #expect(PodSecurityChecks.violations(of: .baseline, by: pod(spec)) == [violation])
        #expect(PodSecurityChecks.violations(of: .privileged, by: pod(spec)).isEmpty)
    }

    @Test(arguments: [
        (
            #"{"volumes":[{"name":"n","nfs":{}}]}"#,
            #"restricted volume types (volume "n" uses restricted volume type "nfs")"#
        ),
        (#"{"securityContext":{"runAsUser":0}}"#, "runAsUser=0 (pod must not set runAsUser=0)"),
        (
            #"{"securityContext":{"runAsNonRoot":false}}"#,
            "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)"
        ),
        (
            #"{"containers":[{"name":"c","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"],"add":["CHOWN"]}}}]}"#,
            #"unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)"#
        ),
    ])
    func `the restricted level refuses more, as upstream's does`(_ spec: String, _ violation: String) {
        #expect(PodSecurityChecks.violations(of: .restricted, by: pod(spec)).contains(violation))
        #expect(PodSecurityChecks.violations(of: .baseline, by: pod(spec)).isEmpty)
    }

    @Test
    func `a warn level warns of pods and of the objects that make them`() async {
        label(
            #"{"pod-security.kubernetes.io/warn":"baseline","pod-security.kubernetes.io/warn-version":"v1.30"}"#
        )
        let warning = #"would violate PodSecurity "baseline:v1.30": host namespaces (hostNetwork=true)"#
        let bad = admission("pods", pod(#"{"hostNetwork":true}"#))
        #expect(await plugin.refusal(of: bad, cluster) == nil)
        #expect(bad.warnings.warnings == [warning])
        let job = admission(
            "jobs", group: "batch",
            json(#"{"metadata":{"name":"j"},"spec":{"template":{"spec":{"hostNetwork":true}}}}"#))
        label(
            #"{"pod-security.kubernetes.io/enforce":"baseline","pod-security.kubernetes.io/warn":"baseline","pod-security.kubernetes.io/warn-version":"v1.30"}"#
        )
        #expect(await plugin.refusal(of: job, cluster) == nil)
        #expect(job.warnings.warnings == [warning])
    }

    @Test
    func `a pod that is there already may be labelled, and a wrong level is the strictest`() async {
        label(#"{"pod-security.kubernetes.io/enforce":"typo"}"#)
        let old = pod(#"{"containers":[{"name":"c"}]}"#)
        var labelled = old
        labelled[path: ["metadata", "labels"]] = ["a": "b"]
        #expect(await plugin.refusal(of: admission(.update, "pods", labelled, old: old), cluster) == nil)
        #expect(await plugin.refusal(of: admission("pods", old), cluster)?.code == 403)
    }
}
