import KubernetesAPI
import StructuralSchema

/// Holds a run's spec against the schema that this release ships.
///
/// The API server has done so already, unless the cluster's CRDs are older than the operator, or somebody
/// wrote past them.
public enum SpecValidation {
    /// Violations of the schema in a TrainingJob's spec, with paths that begin with `spec`; empty if it is
    /// valid.
    public static func errors(of job: TrainingJob) -> [FieldError] {
        errors(of: job.spec, by: .trainingJob)
    }

    /// Violations of the schema in an EvalRun's spec, with paths that begin with `spec`; empty if it is
    /// valid.
    public static func errors(of run: EvalRun) -> [FieldError] {
        errors(of: run.spec, by: .evalRun)
    }

    private static func errors(
        of spec: some Encodable, by definition: CustomResourceDefinition
    ) -> [FieldError] {
        guard let schema = definition.schema.properties["spec"] else { return [] }
        do {
            return schema.validate(try JSONValue(encoding: spec), at: "spec")
        } catch {
            return [.invalid("spec", "\(error)")]
        }
    }
}
