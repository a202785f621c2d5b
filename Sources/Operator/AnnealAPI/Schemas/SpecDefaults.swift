import KubernetesAPI
import StructuralSchema

/// A spec whose schema this release ships.
public protocol DefaultedSpec: Codable {
    /// The kind's definition.
    static var definition: CustomResourceDefinition { get }
}

extension TrainingJobSpec: DefaultedSpec {
    /// The definition of TrainingJob.
    public static var definition: CustomResourceDefinition { .trainingJob }
}

extension EvalRunSpec: DefaultedSpec {
    /// The definition of EvalRun.
    public static var definition: CustomResourceDefinition { .evalRun }
}

extension DefaultedSpec {
    /// The spec as an API server stores it, with what the schema fills in; nil if it can't be encoded.
    public func withDefaults() -> Self? {
        guard let schema = Self.definition.schema.properties["spec"],
            var value = try? JSONValue(encoding: self)
        else { return nil }
        schema.applyDefaults(to: &value)
        return try? value.decoded()
    }
}
