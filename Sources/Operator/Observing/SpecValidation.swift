import AnnealAPI
import KubernetesAPI
import StructuralSchema

/// Holds a run's spec against this operator's own schema.
///
/// The API server has done so already, unless the cluster's CRDs are older than the operator, or somebody
/// wrote past them.
enum SpecValidation {
    static func errors(of job: TrainingJob) -> [FieldError] {
        errors(of: job.spec, by: .trainingJob)
    }

    static func errors(of run: EvalRun) -> [FieldError] {
        errors(of: run.spec, by: .evalRun)
    }

    private static func errors(
        of spec: some Encodable, by definition: AnnealAPI.CustomResourceDefinition
    ) -> [FieldError] {
        guard let schema = definition.schema.properties["spec"] else { return [] }
        do {
            return schema.validate(try JSONValue(encoding: spec), at: "spec")
        } catch {
            return [.invalid("spec", "\(error)")]
        }
    }
}
