import AnnealAPI
import KubernetesAPI

/// What a run's plan depends on, as far as all kinds have it.
protocol RunObservation: Sendable {
    associatedtype Run: PlannedRun
    var run: Run { get }
    var now: Timestamp { get }
    /// Errors that validation finds in the spec; a run with any fails as `InvalidSpec`.
    var specErrors: [FieldError] { get }
    var settings: PlannerSettings { get }
    /// UIDs of objects that this process created for the run. Whoever may create pods can give one the run's
    /// owner reference and the name of a child: it counts only if its UID is known from its creation.
    var ownUIDs: Set<String> { get }
    var seals: Seals { get }
}

/// A run, as a kind whose life is planned here.
protocol PlannedRun: KubernetesResource {
    associatedtype Spec: PlannedSpec
    associatedtype RunStatus: LifecycleStatus
    var spec: Spec { get }
    var status: RunStatus? { get }
}

protocol PlannedSpec {
    var runPolicy: RunPolicy? { get }
    /// Problem because of which no child can be made; nil if there is none.
    var problem: FieldError? { get }
}

extension TrainingJobObservation: RunObservation {}
extension EvalRunObservation: RunObservation {}
extension TrainingJob: PlannedRun {}
extension EvalRun: PlannedRun {}
extension TrainingJobSpec: PlannedSpec { var problem: FieldError? { SpecProblem.first(in: self) } }
extension EvalRunSpec: PlannedSpec { var problem: FieldError? { SpecProblem.first(in: self) } }
