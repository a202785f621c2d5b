import APIServer
import KubernetesAPI

/// The admission plugins of a cluster.
public enum AdmissionPlugins {
    /// Name of a plugin, as `kube-apiserver --disable-admission-plugins` has it.
    public enum Name: String, Hashable, Sendable, CaseIterable {
        case namespaceLifecycle = "NamespaceLifecycle"
        case limitRanger = "LimitRanger"
        case serviceAccount = "ServiceAccount"
        case podSecurity = "PodSecurity"
        case priority = "Priority"
        case defaultTolerationSeconds = "DefaultTolerationSeconds"
        case webhooks = "AdmissionWebhooks"
        case resourceQuota = "ResourceQuota"
    }

    /// All plugins, in the order in which `kube-apiserver` has them.
    public static func standard(
        except disabled: Set<Name> = [], webhooks transport: any WebhookTransport,
        environment: ServerEnvironment
    ) -> [any AdmissionPlugin] {
        let builtIn = Name.allCases.filter { !disabled.contains($0) }
        let reinvoked = builtIn.compactMap { defaulting($0, environment) }
        return builtIn.map { name -> any AdmissionPlugin in
            switch name {
            case .namespaceLifecycle: NamespaceLifecycle()
            case .limitRanger: LimitRangeAdmission()
            case .serviceAccount: ServiceAccountAdmission(randomSuffix: environment.randomSuffix)
            case .podSecurity: PodSecurityAdmission()
            case .priority: PriorityAdmission()
            case .defaultTolerationSeconds: DefaultTolerationSeconds()
            case .webhooks:
                WebhookAdmission(transport: transport, makeUID: environment.makeUID, reinvoked: reinvoked)
            case .resourceQuota: ResourceQuotaAdmission()
            }
        }
    }

    /// The plugins that have something to add to what webhooks add.
    private static func defaulting(
        _ name: Name, _ environment: ServerEnvironment
    ) -> (any AdmissionPlugin)? {
        switch name {
        case .limitRanger: LimitRangeAdmission()
        case .serviceAccount: ServiceAccountAdmission(randomSuffix: environment.randomSuffix)
        case .defaultTolerationSeconds: DefaultTolerationSeconds()
        // A priority that a webhook chose by name would contradict the number that is there.
        case .namespaceLifecycle, .podSecurity, .priority, .webhooks, .resourceQuota: nil
        }
    }
}
