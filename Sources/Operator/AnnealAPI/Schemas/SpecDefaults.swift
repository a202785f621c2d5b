import KubernetesAPI
import StructuralSchema

extension EvalRunSpec {
    /// The spec as an API server stores it, with what the schema fills in; nil if it can't be encoded.
    public func withDefaults() -> EvalRunSpec? {
        guard let schema = CustomResourceDefinition.evalRun.schema.properties["spec"],
            var value = try? JSONValue(encoding: self)
        else { return nil }
        schema.applyDefaults(to: &value)
        return try? value.decoded()
    }
}
