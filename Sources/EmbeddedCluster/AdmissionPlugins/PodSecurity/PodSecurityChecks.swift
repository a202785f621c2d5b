import KubernetesAPI

/// The checks of the Pod Security Standards, in the order and with the words of
/// `k8s.io/pod-security-admission`. Those about Windows are left out.
enum PodSecurityChecks {
    /// Violations by a pod or a pod template, each as `what (where)`; empty if it keeps to the level.
    static func violations(of level: PodSecurityLevel, by pod: JSONValue) -> [String] {
        let subject = PodSecuritySubject(pod)
        let baseline = [
            capabilities, hostNamespaces, hostPathVolumes, hostPorts, hostProbes, privileged, procMount,
            selinux, seccomp, sysctls,
        ]
        switch level {
        case .privileged: return []
        case .baseline: return baseline.compactMap { $0(subject) }
        case .restricted:
            // Stricter checks stand in for those of the baseline on the same subject.
            let shared = [
                hostNamespaces, hostPathVolumes, hostPorts, hostProbes, privileged, procMount, selinux,
                sysctls,
            ]
            let restricted = [
                privilegeEscalation, droppedCapabilities, restrictedVolumes, runAsNonRoot, runAsUser,
                requiredSeccomp,
            ]
            return (shared + restricted).compactMap { $0(subject) }
        }
    }

    private typealias Check = @Sendable (PodSecuritySubject) -> String?

    private static let addable: Set<String> = [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
        "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    ]

    private static let safeSysctls: Set<String> = [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    ]

    // MARK: Baseline

    private static let capabilities: Check = { pod in
        var bad: Set<String> = []
        let containers = pod.containers { container in
            let added = container.texts(["capabilities", "add"]).filter { !addable.contains($0) }
            bad.formUnion(added)
            return !added.isEmpty
        }
        return containers.map {
            "non-default capabilities (\($0) must not include \(quoted(bad.sorted())) in "
                + "securityContext.capabilities.add)"
        }
    }

    private static let hostNamespaces: Check = { pod in
        let used = ["hostNetwork", "hostPID", "hostIPC"].filter { pod.spec[$0] == true }
        return used.isEmpty
            ? nil : "host namespaces (\(used.map { "\($0)=true" }.joined(separator: ", ")))"
    }

    private static let hostPathVolumes: Check = { pod in
        let names = pod.volumes.filter { $0["hostPath"] != nil }.compactMap { $0["name"]?.stringValue }
        return names.isEmpty
            ? nil : "hostPath volumes (\(names.count == 1 ? "volume" : "volumes") \(quoted(names)))"
    }

    private static let hostPorts: Check = { pod in
        var ports: Set<Int64> = []
        var count = 0
        let containers = pod.containers { container in
            let used = (container.value["ports"]?.arrayValue ?? []).compactMap {
                $0["hostPort"]?.integerValue
            }.filter { $0 != 0 }
            ports.formUnion(used)
            count += used.isEmpty ? 0 : 1
            return !used.isEmpty
        }
        let list = ports.map(String.init).sorted().joined(separator: ", ")
        return containers.map {
            "hostPort (\($0) \(count == 1 ? "uses" : "use") "
                + "\(ports.count == 1 ? "hostPort" : "hostPorts") \(list))"
        }
    }

    private static let hostProbes: Check = { pod in
        var hosts: Set<String> = []
        let containers = pod.containers { container in
            let handlers = [
                ["livenessProbe"], ["readinessProbe"], ["startupProbe"], ["lifecycle", "postStart"],
                ["lifecycle", "preStop"],
            ]
            let found = handlers.flatMap { path in
                ["httpGet", "tcpSocket"].compactMap {
                    container.value[path: path + [$0, "host"]]?.stringValue
                }
            }.filter { !["", "127.0.0.1", "::1"].contains($0) }
            hosts.formUnion(found)
            return !found.isEmpty
        }
        return containers.map {
            "probe or lifecycle host (\($0) \(hosts.count == 1 ? "uses" : "use") probe or lifecycle "
                + "\(hosts.count == 1 ? "host" : "hosts") \(quoted(hosts.sorted())))"
        }
    }

    private static let privileged: Check = { pod in
        pod.containers { $0.context["privileged"] == true }
            .map { "privileged (\($0) must not set securityContext.privileged=true)" }
    }

    private static let procMount: Check = { pod in
        var bad: Set<String> = []
        let containers = pod.containers { container in
            guard let mount = container.context["procMount"]?.stringValue, mount != "Default" else {
                return false
            }
            bad.insert(mount)
            return true
        }
        return containers.map {
            "procMount (\($0) must not set securityContext.procMount to \(quoted(bad.sorted())))"
        }
    }

    private static let selinux: Check = { pod in
        let allowed: Set<String> = [
            "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t",
        ]
        func isBad(_ context: JSONValue) -> Bool {
            let options = context["seLinuxOptions"]
            return !allowed.contains(options?["type"]?.stringValue ?? "")
                || options?["user"]?.stringValue?.isEmpty == false
                || options?["role"]?.stringValue?.isEmpty == false
        }
        return pod.setters { isBad($0) }.map {
            "seLinuxOptions (\($0) set forbidden securityContext.seLinuxOptions)"
        }
    }

    private static let seccomp: Check = { pod in
        pod.setters { $0[path: ["seccompProfile", "type"]] == "Unconfined" }
            .map {
                "seccompProfile (\($0) must not set securityContext.seccompProfile.type to \"Unconfined\")"
            }
    }

    private static let sysctls: Check = { pod in
        let names = (pod.context["sysctls"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            .filter { !safeSysctls.contains($0) }
        return names.isEmpty ? nil : "forbidden sysctls (\(names.joined(separator: ", ")))"
    }

    // MARK: Restricted

    private static let privilegeEscalation: Check = { pod in
        pod.containers { $0.context["allowPrivilegeEscalation"] != false }
            .map {
                "allowPrivilegeEscalation != false (\($0) must set "
                    + "securityContext.allowPrivilegeEscalation=false)"
            }
    }

    private static let droppedCapabilities: Check = { pod in
        var details: [String] = []
        if let silent = pod.containers({ !$0.texts(["capabilities", "drop"]).contains("ALL") }) {
            details.append("\(silent) must set securityContext.capabilities.drop=[\"ALL\"]")
        }
        var bad: Set<String> = []
        let adding = pod.containers { container in
            let added = container.texts(["capabilities", "add"]).filter { $0 != "NET_BIND_SERVICE" }
            bad.formUnion(added)
            return !added.isEmpty
        }
        if let adding {
            details.append(
                "\(adding) must not include \(quoted(bad.sorted())) in securityContext.capabilities.add")
        }
        return details.isEmpty ? nil : "unrestricted capabilities (\(details.joined(separator: "; ")))"
    }

    private static let restrictedVolumes: Check = { pod in
        let allowed: Set<String> = [
            "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
            "projected", "secret",
        ]
        var names: [String] = []
        var types: Set<String> = []
        for volume in pod.volumes {
            let kinds = (volume.objectValue ?? [:]).keys.filter { $0 != "name" }
            guard allowed.isDisjoint(with: kinds) else { continue }
            names.append(volume["name"]?.stringValue ?? "")
            types.formUnion(kinds.isEmpty ? ["unknown"] : kinds)
        }
        guard !names.isEmpty else { return nil }
        let one = names.count == 1
        return "restricted volume types (\(one ? "volume" : "volumes") \(quoted(names)) "
            + "\(one ? "uses" : "use") restricted volume \(types.count == 1 ? "type" : "types") "
            + "\(quoted(types.sorted())))"
    }

    private static let runAsNonRoot: Check = { pod in
        if let setters = pod.setters({ $0["runAsNonRoot"] == false }) {
            return "runAsNonRoot != true (\(setters) must not set securityContext.runAsNonRoot=false)"
        }
        guard pod.context["runAsNonRoot"] != true else { return nil }
        return pod.containers { $0.context["runAsNonRoot"] != true }
            .map { "runAsNonRoot != true (pod or \($0) must set securityContext.runAsNonRoot=true)" }
    }

    private static let runAsUser: Check = { pod in
        pod.setters { $0["runAsUser"] == 0 }.map { "runAsUser=0 (\($0) must not set runAsUser=0)" }
    }

    private static let requiredSeccomp: Check = { pod in
        func type(_ context: JSONValue) -> String? { context[path: ["seccompProfile", "type"]]?.stringValue }
        func isGood(_ type: String?) -> Bool { type == "RuntimeDefault" || type == "Localhost" }
        let contexts = [pod.context] + pod.all.map(\.context)
        let bad = Set(contexts.compactMap { type($0) }.filter { !isGood($0) })
        if let setters = pod.setters({ type($0).map { !isGood($0) } ?? false }) {
            return "seccompProfile (\(setters) must not set securityContext.seccompProfile.type to "
                + "\(quoted(bad.sorted())))"
        }
        guard !isGood(type(pod.context)) else { return nil }
        return pod.containers { type($0.context) == nil }.map {
            "seccompProfile (pod or \($0) must set securityContext.seccompProfile.type to "
                + "\"RuntimeDefault\" or \"Localhost\")"
        }
    }

    private static func quoted(_ names: [String]) -> String {
        names.map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
