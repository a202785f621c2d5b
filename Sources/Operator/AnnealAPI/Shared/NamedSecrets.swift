/// A Secret that a run names: the Secret, and the field that names it.
public struct NamedSecret: Codable, Hashable, Sendable {
    /// Name of the Secret, in the run's namespace.
    public var name: String
    /// Path of the field: `spec.trainer.env[0].valueFrom.secretKeyRef.name`.
    public var field: String

    /// A Secret's name as a field has it; nil if the field is absent.
    fileprivate init?(_ name: String?, _ field: String) {
        guard let name else { return nil }
        self.init(name: name, field: field)
    }

    /// A Secret, and the field that names it.
    public init(name: String, field: String) {
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
            + NamedSecret.given(by: trainer.env, in: "spec.trainer")
            + NamedSecret.pulling(trainer.imagePullSecrets, in: "spec.trainer")
            + NamedSecret.given(by: evaluation?.evaluator.env, in: "spec.evaluation.evaluator")
            + NamedSecret.pulling(evaluation?.evaluator.imagePullSecrets, in: "spec.evaluation.evaluator")
    }

    /// The Secrets of which trainer and evaluator get values, each once.
    public var programSecrets: [NamedSecret] {
        NamedSecret.distinct(
            NamedSecret.given(by: trainer.env, in: "spec.trainer")
                + NamedSecret.given(by: evaluation?.evaluator.env, in: "spec.evaluation.evaluator"))
    }
}

extension EvalRunSpec {
    /// Every Secret that the run names, whatever for. Nothing of a run may use another.
    public var namedSecrets: [NamedSecret] {
        [NamedSecret(storage?.credentialsSecretName, "spec.storage.credentialsSecretName")]
            .compactMap { $0 }
            + NamedSecret.given(by: evaluator?.env, in: "spec.evaluator")
            + NamedSecret.pulling(evaluator?.imagePullSecrets, in: "spec.evaluator")
    }

    /// The Secrets of which the evaluator gets values, each once.
    public var programSecrets: [NamedSecret] {
        NamedSecret.distinct(NamedSecret.given(by: evaluator?.env, in: "spec.evaluator"))
    }
}

extension NamedSecret {
    /// The Secrets of which a program gets values by its environment.
    public static func given(by environment: [EnvironmentVariable]?, in field: String) -> [NamedSecret] {
        (environment ?? []).enumerated().compactMap { index, variable in
            NamedSecret(
                variable.valueFrom?.secretKeyRef?.name,
                "\(field).env[\(index)].valueFrom.secretKeyRef.name")
        }
    }

    /// The Secrets by which a program's image is pulled.
    fileprivate static func pulling(_ secrets: [PullSecret]?, in field: String) -> [NamedSecret] {
        (secrets ?? []).enumerated().compactMap { index, secret in
            NamedSecret(secret.name, "\(field).imagePullSecrets[\(index)].name")
        }
    }

    /// The first mention of each Secret.
    public static func distinct(_ secrets: [NamedSecret]) -> [NamedSecret] {
        var seen: Set<String> = []
        return secrets.filter { seen.insert($0.name).inserted }
    }
}
