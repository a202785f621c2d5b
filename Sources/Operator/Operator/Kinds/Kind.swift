import AdmissionWebhook
import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Planning
import Scheduling
import Telemetry

/// Registration of a kind: all that the operator needs to know of it. Beside this folder nothing names one.
///
/// A kind may be cluster-scoped, may own objects and runs of any kind in any number, may need no GPUs, and
/// may need no controller at all.
struct Kind<Object: KubernetesResource>: Sendable {
    /// Observes an object and decides what is to be done; writes nothing.
    typealias Reconcile = @Sendable (Served<Object>, TermParts) -> Controller<ObjectKey>.Reconcile

    /// Indexes of the cache, by name.
    var indexers: [String: Store<Object>.Indexer] = [:]
    /// Reduction of an object to what is kept in memory.
    var reduction: @Sendable (Object) -> Object = { reduced($0) }
    /// Kinds of the objects and runs that an object owns, and that wake it when they change.
    var children: [any KubernetesResource.Type] = []
    /// Part of an object that its own owner, if that is one of ours, goes by; nil: every change wakes the
    /// owner.
    var outlook: (@Sendable (Object) -> Outlook)?
    /// Phase for the count of runs; nil for a kind without phases.
    var phase: (@Sendable (Object) -> String)?
    /// Controller of the kind; nil for one that is only looked up by others.
    var reconcile: Reconcile?
    /// Claims to GPUs; nil for a kind that holds none.
    var claims: (@Sendable (Served<Object>) -> any ClaimingRuns)?
    /// Policy of admission; nil where the schema says all.
    var policy: (@Sendable (ClusterCaches, PlannerSettings) -> AdmissionPolicy)?
    /// Figures beside the count by phase, which are gathered from now on; nil for none.
    var figures: (@Sendable (Informer<Object>) -> @Sendable () -> [MetricSample])?

    /// The object without kubectl's copy of the manifest, as large as the rest, which no kind keeps.
    static func reduced(_ object: Object) -> Object {
        var reduced = object
        reduced.metadata.annotations?["kubectl.kubernetes.io/last-applied-configuration"] = nil
        return reduced
    }
}

/// Part of a run that its owner goes by. A change of anything else in the run does not wake the owner.
struct Outlook: Hashable, Sendable {
    var phase: String
    var isBeingDeleted: Bool
    /// Progress and measures, which change often.
    var figures: [String: Double]
    /// What the run waits for.
    var wait: String?
}

/// Parts of a controller, besides its kind: the same for all kinds of a leader's term.
struct TermParts: Sendable {
    let applier: PlanApplier
    let settings: PlannerSettings
    let metrics: OperatorMetrics
    let now: @Sendable () -> Timestamp
}

extension Kind where Object: StatefulRun {
    /// A kind whose state machine lives in its status.
    ///
    /// - Parameters:
    ///   - firstPhase: Phase of a run that has no status yet.
    ///   - children: Kinds of what a run owns.
    ///   - planner: Makes the function that observes a run and plans for it. It is made once a term.
    init(
        firstPhase: String, children: [any KubernetesResource.Type],
        planner:
            @escaping @Sendable (ClusterCaches, PlannerSettings) ->
            @Sendable (Object, Timestamp) -> Plan<
                Object.RunStatus
            >
    ) {
        self.init()
        self.children = children
        phase = { $0.status?.phaseName ?? firstPhase }
        outlook = { run in
            Outlook(
                phase: run.status?.phaseName ?? firstPhase,
                isBeingDeleted: run.metadata.deletionTimestamp != nil, figures: run.status?.figures ?? [:],
                wait: run.status?.wait)
        }
        reconcile = { served, term in
            RunReconciler<Object>(
                informer: served.informer, plan: planner(term.applier.caches, term.settings),
                applier: term.applier, metrics: term.metrics, now: term.now, logger: served.logger
            ).reconcile
        }
    }
}

extension Kind where Object: ClaimingRun {
    /// Has runs of the kind wait for an admission to GPUs.
    ///
    /// - Parameter workload: A run as the scheduler sees it, with its pods; nil while it has no claim.
    mutating func claimsGPUs(
        _ workload: @escaping @Sendable (Object, [Pod], PlannerSettings, Timestamp) -> Workload?
    ) {
        indexers[IndexName.workload] = { $0.hasClaim ? [""] : [] }
        claims = { Claims(informer: $0.informer, queue: $0.queue, workload: workload) }
    }
}

/// All kinds that the operator serves.
enum Kinds {
    static let all: [any RegisteredKind] = [Kind.trainingJob, Kind.evalRun]
}
