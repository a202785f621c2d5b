import AnnealAPI
import KubernetesAPI
import KubernetesClient

extension TestCluster {
    /// An evaluation run of this namespace as a value.
    func run(_ name: String, labels: [String: String]? = nil) -> EvalRun {
        var metadata = ObjectMeta()
        metadata.name = name
        metadata.namespace = namespace
        metadata.labels = labels
        var suite = EvaluationSuite(name: "quality", type: .perplexity)
        suite.data = StoredInput(storageUri: "s3://datasets/validation.jsonl")
        var spec = EvalRunSpec(model: StoredInput(storageUri: "s3://models/base/"), suites: [suite])
        spec.evaluator = Evaluator(image: "example/evaluate:1")
        return EvalRun(metadata: metadata, spec: spec)
    }

    @discardableResult
    func create(_ name: String, labels: [String: String]? = nil) async throws -> EvalRun {
        try await client.create(run(name, labels: labels))
    }

    func key(_ name: String) -> ObjectKey { ObjectKey(namespace: namespace, name: name) }

    @discardableResult
    func label(_ name: String, _ labels: [String: JSONValue]) async throws -> EvalRun {
        try await client.patch(
            EvalRun.self, key(name), .merge(["metadata": ["labels": .object(labels)]]))
    }
}

/// The error of an action that must fail.
func refusal(_ action: () async throws -> Void) async throws -> KubernetesError {
    do {
        try await action()
    } catch let error as KubernetesError {
        return error
    }
    throw Unrefused()
}

struct Unrefused: Error, CustomStringConvertible {
    var description: String { "the server accepted what it should have refused" }
}
