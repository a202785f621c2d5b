/// A Secret that a run names: the Secret, and the field that names it.
public struct NamedSecret: Hashable, Sendable {
    /// Name of the Secret, in the run's namespace.
    public var name: String
    /// Path of the field: `spec.trainer.env[0].valueFrom.secretKeyRef.name`.
    public var field: String

    /// A Secret's name as a field has it; nil if the field is absent.
    fileprivate init?(_ name: String?, _ field: String) {
        guard let name else { return nil }
        self.name = name
        self.field = field
    }
}

extension TrainingJobSpec {
    /// Every Secret that the run names, whatever for. Nothing of a run may use another.
    public var namedSecrets: [NamedSecret] {
        [
            NamedSecret(storage?.credentialsSecretName, "spec.storage.credentialsSecretName"),
            NamedSecret(registration?.credentialsSecretName, "spec.registration.credentialsSecretName"),
        ].compactMap { $0 }
            + NamedSecret.all(of: trainer.env, pulls: trainer.imagePullSecrets, in: "spec.trainer")
            + NamedSecret.all(
                of: evaluation?.evaluator.env, pulls: evaluation?.evaluator.imagePullSecrets,
                in: "spec.evaluation.evaluator")
    }
}

extension EvalRunSpec {
    /// Every Secret that the run names, whatever for. Nothing of a run may use another.
    public var namedSecrets: [NamedSecret] {
        [NamedSecret(storage?.credentialsSecretName, "spec.storage.credentialsSecretName")]
            .compactMap { $0 }
            + NamedSecret.all(
                of: evaluator?.env, pulls: evaluator?.imagePullSecrets, in: "spec.evaluator")
    }
}

extension NamedSecret {
    /// The Secrets that a program names by its environment and for its image.
    fileprivate static func all(
        of environment: [EnvironmentVariable]?, pulls: [PullSecret]?, in field: String
    ) -> [NamedSecret] {
        let variables = (environment ?? []).enumerated().compactMap { index, variable in
            NamedSecret(
                variable.valueFrom?.secretKeyRef?.name,
                "\(field).env[\(index)].valueFrom.secretKeyRef.name")
        }
        let pulled = (pulls ?? []).enumerated().compactMap { index, secret in
            NamedSecret(secret.name, "\(field).imagePullSecrets[\(index)].name")
        }
        return variables + pulled
    }
}
