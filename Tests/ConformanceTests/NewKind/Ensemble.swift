import KubernetesAPI
import Planning
import StructuralSchema

@testable import AnnealAPI
@testable import Operator

// A kind that exists only here, added as CONTRIBUTING.md says: cluster-scoped, with child runs of two kinds,
// without GPUs and stages of its own.

/// One evaluation and one training for each name, in one namespace.
struct Ensemble: StatefulRun, Hashable {
    static let resourceType = ResourceType(
        group: Anneal.group, version: Anneal.version, kind: "Ensemble", plural: "ensembles",
        isNamespaced: false)

    var apiVersion: String? = Ensemble.resourceType.apiVersion
    var kind: String? = Ensemble.resourceType.kind
    var metadata: ObjectMeta
    var spec: Spec
    var status: Status?

    struct Spec: Codable, Hashable, Sendable {
        var namespace: String
        var members: [String]
        var evaluation: EvalRunSpec
        var training: TrainingJobSpec
    }

    struct Status: Codable, Hashable, Sendable {
        var phase: String
        var passed: Int?
        var reason: String?
        var conditions: [Condition]?
    }
}

extension Ensemble.Status: PhasedStatus {
    var phaseName: String { phase }
}

extension AnnealAPI.CustomResourceDefinition {
    static let ensemble = Self(
        resourceType: Ensemble.resourceType, singular: "ensemble", shortNames: ["en"],
        columns: [Column("Phase", ".status.phase", "Where the ensemble is")],
        schema: .object(
            "Ensemble is one evaluation and one training for each name.",
            [
                "apiVersion": .string("anneal.dev/v1alpha1"), "kind": .string("Ensemble"),
                "metadata": Schema(.object),
                "spec": Schema(.object).preservingUnknownFields(),
                "status": Schema(.object).preservingUnknownFields(),
            ], required: ["spec"]))
}

/// Decides what is to be done about an Ensemble: pure and total.
enum EnsemblePlanner {
    static func plan(
        _ ensemble: Ensemble, evaluations: [EvalRun], trainings: [TrainingJob]
    ) -> Plan<Ensemble.Status> {
        var status = ensemble.status ?? Ensemble.Status(phase: "Running")
        let passed = evaluations.count { $0.status?.phase == .passed }
        status.passed = passed
        if passed == ensemble.spec.members.count {
            status.phase = "Passed"
            // The trainings have no use any more.
            let stop: JSONValue = ["spec": ["runPolicy": ["stop": ["reason": "EnsemblePassed"]]]]
            let stops = trainings.filter {
                $0.spec.runPolicy?.stop == nil && $0.status?.phase.isTerminal != true
            }
            .compactMap { Child($0).reference.map { Effect.patch($0, stop) } }
            return Plan(status: status, effects: stops)
        }
        let effects = ensemble.spec.members.flatMap { name -> [Effect] in
            let metadata = ObjectMeta(
                name: name, namespace: ensemble.spec.namespace,
                ownerReferences: ensemble.controllerReference.map { [$0] })
            let evaluation = Child(EvalRun(metadata: metadata, spec: ensemble.spec.evaluation))
            let training = Child(TrainingJob(metadata: metadata, spec: ensemble.spec.training))
            return (evaluations.contains { $0.name == name } ? [] : [.apply(evaluation)])
                + (trainings.contains { $0.name == name }
                    ? [] : [.create(training, needs: [evaluation.identity])])
        }
        return Plan(status: status, effects: effects)
    }
}

extension Kind where Object == Ensemble {
    static var ensemble: Kind {
        Kind(
            firstPhase: "Running", children: [EvalRun.self, TrainingJob.self],
            planner: { caches, _ in
                { ensemble, _ in
                    let uid = ensemble.metadata.uid ?? ""
                    return EnsemblePlanner.plan(
                        ensemble, evaluations: caches.children(EvalRun.self, of: uid),
                        trainings: caches.children(TrainingJob.self, of: uid))
                }
            })
    }
}
