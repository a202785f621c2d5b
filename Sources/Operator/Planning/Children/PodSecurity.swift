import KubernetesAPI

/// The restricted pod security standard, for everything that Anneal creates.
enum PodSecurity {
    static func pod(user: Int64) -> PodSecurityContext {
        var context = PodSecurityContext()
        context.runAsNonRoot = true
        context.runAsUser = user
        context.runAsGroup = user
        context.fsGroup = user
        // A volume of a million files is not walked at each start.
        context.fsGroupChangePolicy = "OnRootMismatch"
        context.seccompProfile = SeccompProfile(type: "RuntimeDefault")
        return context
    }

    static var container: SecurityContext {
        var context = SecurityContext()
        context.allowPrivilegeEscalation = false
        context.readOnlyRootFilesystem = true
        context.runAsNonRoot = true
        context.capabilities = Capabilities(drop: ["ALL"])
        context.seccompProfile = SeccompProfile(type: "RuntimeDefault")
        return context
    }
}

/// Text that reaches a container as it stands: Kubernetes expands `$(NAME)` in commands, arguments and
/// environment values, and `$$` is how to say `$`.
enum Literal {
    static func escaped(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            // Each `$` of a run that ends in `(`, or that doubles, would be read as an escape.
            result += after.first == "(" || after.first == "$" ? "$$" : "$"
            rest = after
        }
        return result + rest
    }

    static func escaped(_ words: [String]?) -> [String]? { words.map { $0.map(escaped) } }
}
