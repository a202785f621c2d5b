import AnnealAPI
import KubernetesAPI

/// Parts of a pod by which a user's program gets what its spec gives it: variables, and Secrets for its image.
enum UserProgram {
    /// The user's variables, but none that has the name of one of ours. Before them comes what each Secret that they
    /// name must have to be given to programs: without it, the kubelet starts no container.
    ///
    /// - Parameters:
    ///   - user: as the spec has them
    ///   - ours: variables that Anneal sets
    ///   - reserved: names that Anneal may set another time
    static func environment(
        _ user: [EnvironmentVariable]?, besides ours: [EnvVar], reserved: Set<String> = []
    ) -> [EnvVar] {
        let taken = Set(ours.map(\.name)).union(reserved)
        let given = (user ?? []).filter { !taken.contains($0.name) }
        return permissions(NamedSecret.distinct(NamedSecret.given(by: given, in: ""))) + given.map(variable)
            + ours
    }

    private static func permissions(_ secrets: [NamedSecret]) -> [EnvVar] {
        secrets.enumerated().map { index, secret in
            EnvVar(
                name: "\(EnvironmentName.secretPermission)\(index)",
                valueFrom: EnvVarSource(
                    secretKeyRef: KeySelector(name: secret.name, key: SecretKey.allowedInPrograms)))
        }
    }

    private static func variable(_ variable: EnvironmentVariable) -> EnvVar {
        guard let source = variable.valueFrom else {
            return EnvVar(name: variable.name, value: Literal.escaped(variable.value ?? ""))
        }
        var field: ObjectFieldSelector?
        if let reference = source.fieldRef {
            field = ObjectFieldSelector(fieldPath: reference.fieldPath)
            field?.apiVersion = reference.apiVersion
        }
        return EnvVar(
            name: variable.name,
            valueFrom: EnvVarSource(
                fieldRef: field, secretKeyRef: source.secretKeyRef.map(selector),
                configMapKeyRef: source.configMapKeyRef.map(selector)))
    }

    private static func selector(_ reference: KeyReference) -> KeySelector {
        KeySelector(name: reference.name, key: reference.key, optional: reference.optional)
    }

    static func pullSecrets(_ secrets: [PullSecret]?) -> [LocalObjectReference]? {
        secrets.map { $0.map { LocalObjectReference(name: $0.name) } }
    }
}
