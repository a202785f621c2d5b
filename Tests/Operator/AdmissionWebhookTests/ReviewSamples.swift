import AnnealAPI
import KubernetesAPI
import Planning

@testable import AdmissionWebhook

/// Requests and objects to decide about.
enum ReviewSamples {
    static func trainingJob(
        _ change: (inout TrainingJobSpec) -> Void = { _ in }, name: String = "run"
    ) -> TrainingJob {
        var trainer = Trainer(image: "registry.example/sft:1")
        trainer.resourcesPerNode = NodeResources(gpus: 1, cpu: "2", memory: "4Gi")
        var spec = TrainingJobSpec(
            model: StoredInput(storageUri: "s3://models/base"),
            dataset: DatasetReference(storageUri: "s3://data/train.jsonl", format: .promptCompletion),
            method: .lora, trainer: trainer, artifacts: Artifacts(storageUri: "s3://artifacts/runs"))
        change(&spec)
        return TrainingJob(metadata: ObjectMeta(name: name, namespace: "team"), spec: spec)
    }

    static func evalRun(_ change: (inout EvalRunSpec) -> Void = { _ in }) -> EvalRun {
        var suite = EvaluationSuite(name: "quality", type: .perplexity)
        suite.data = StoredInput(storageUri: "s3://data/eval.jsonl")
        var spec = EvalRunSpec(model: StoredInput(storageUri: "s3://models/m"), suites: [suite])
        spec.evaluator = Evaluator(image: "registry.example/evaluate:1")
        change(&spec)
        return EvalRun(metadata: ObjectMeta(name: "judge", namespace: "team"), spec: spec)
    }

    static let controller = AdmissionController([
        .trainingJob(settings: PlannerSettings(agentImage: "registry.example/agent:1")), .evalRun,
    ])

    static func json(_ value: some Encodable) -> JSONValue {
        (try? JSONValue(encoding: value)) ?? .null
    }

    /// A request about an object, stamped as the mutating webhook stamps it.
    static func request<R: KubernetesResource>(
        _ object: R, replacing old: R? = nil, by user: String = "ada", createdBy creator: String? = "ada"
    ) -> AdmissionRequest {
        func stamped(_ object: R) -> JSONValue {
            var value = json(object)
            if let creator {
                value[path: ["metadata", "annotations", CreatorStamp.annotation]] = .string(creator)
            }
            return value
        }
        return AdmissionRequest(
            uid: "1", group: R.resourceType.group, version: R.resourceType.version,
            kind: R.resourceType.kind, resource: R.resourceType.plural, subresource: nil, name: object.name,
            namespace: object.namespace, operation: old == nil ? .create : .update, user: .init(name: user),
            object: stamped(object), oldObject: old.map(stamped), isDryRun: false, options: nil)
    }

    /// The review that carries a request.
    static func review(_ request: AdmissionRequest) -> JSONValue {
        [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
            "request": [
                "uid": .string(request.uid),
                "kind": [
                    "group": .string(request.group), "version": .string(request.version),
                    "kind": .string(request.kind),
                ],
                "resource": [
                    "group": .string(request.group), "version": .string(request.version),
                    "resource": .string(request.resource),
                ], "name": .string(request.name), "namespace": .string(request.namespace),
                "operation": .string(request.operation.rawValue),
                "userInfo": ["username": .string(request.user.name)], "object": request.object ?? .null,
                "oldObject": request.oldObject ?? .null, "dryRun": .bool(request.isDryRun),
            ],
        ]
    }
}

extension AdmissionDecision {
    var causes: [StatusCause] {
        switch self {
        case .allowed: []
        case .refused(let status, _): status.details?.causes ?? []
        }
    }

    var warnings: [String] {
        switch self {
        case .allowed(_, let warnings), .refused(_, let warnings): warnings
        }
    }

    var status: Status? {
        if case .refused(let status, _) = self { status } else { nil }
    }

    var patch: [JSONValue] {
        if case .allowed(let patch, _) = self { patch } else { [] }
    }
}

extension AdmissionController {
    /// The decision of policies that ask nobody.
    func validate(_ request: AdmissionRequest) -> AdmissionDecision {
        decide(request) ?? .refused(Status(message: "the policy would ask"))
    }
}
