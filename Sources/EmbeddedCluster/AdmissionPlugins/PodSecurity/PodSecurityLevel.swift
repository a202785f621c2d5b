import KubernetesAPI

/// A level of the Pod Security Standards.
enum PodSecurityLevel: String, Sendable {
    case privileged, baseline, restricted
}

/// Rules for the pods of a namespace, as the namespace's labels say.
struct PodSecurityPolicy: Sendable {
    struct Rule: Sendable {
        var level: PodSecurityLevel
        /// Version in the label; it is only shown, as there is one version of the checks.
        var version: String

        var name: String { "\(level.rawValue):\(version)" }
    }

    private static let prefix = "pod-security.kubernetes.io/"

    var enforce: Rule
    var warn: Rule

    /// - Parameter labels: those of the namespace. A level that isn't known is taken for the strictest.
    init(_ labels: JSONValue?) {
        func rule(_ mode: String) -> Rule {
            let level = labels?[Self.prefix + mode]?.stringValue
            return Rule(
                level: level.map { PodSecurityLevel(rawValue: $0) ?? .restricted } ?? .privileged,
                version: labels?[Self.prefix + mode + "-version"]?.stringValue ?? "latest")
        }
        enforce = rule("enforce")
        warn = rule("warn")
    }
}
