import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// Specs that an older schema let pass, or that somebody wrote past the schema: they are decoded, and told.
struct SpecProblemTests {
    @Test(arguments: [-1, 0, .integer(.max), 0.5, 1e30, "", "four", "4", "1Gi"] as [JSONValue])
    func `whatever stands for a quantity is decoded, and judged afterwards`(_ value: JSONValue) throws {
        let resources: NodeResources = try JSONValue.object(["cpu": value]).decoded()
        var job = Samples.trainingJob()
        job.spec.trainer.resourcesPerNode = resources
        let isQuantity = resources.cpu?.quantity.map { $0.milliunits > 0 } ?? false
        #expect(
            SpecProblem.first(in: job.spec)?.field == (isQuantity ? nil : "spec.trainer.resourcesPerNode.cpu")
        )
    }

    @Test(
        arguments: [
            (["name": "A"], "env[0]"),
            (
                ["name": "A", "value": "x", "valueFrom": ["fieldRef": ["fieldPath": "metadata.uid"]]],
                "env[0]"
            ),
            (["name": "A", "valueFrom": [:]], "env[0].valueFrom"),
            (
                ["name": "A", "valueFrom": ["secretKeyRef": ["name": "other/hub", "key": "k"]]],
                "env[0].valueFrom.secretKeyRef.name"
            ),
        ] as [(JSONValue, String)])
    func `a variable without one source is a problem, of every program`(
        variable: JSONValue, field: String
    ) throws {
        let variables: [EnvironmentVariable] = [try variable.decoded()]
        var job = Samples.trainingJob()
        job.spec.trainer.env = variables
        #expect(SpecProblem.first(in: job.spec)?.field == "spec.trainer.\(field)")
        let run = Samples.evalRun { $0.evaluator?.env = variables }
        #expect(SpecProblem.first(in: run.spec)?.field == "spec.evaluator.\(field)")
        var judged = Samples.trainingJob()
        judged.spec.evaluation = EvaluationPolicy(
            evaluator: Evaluator(image: "example/evaluate:1"),
            suites: [EvaluationSuite(name: "quality", type: .perplexity)])
        judged.spec.evaluation?.evaluator.env = variables
        #expect(SpecProblem.first(in: judged.spec)?.field == "spec.evaluation.evaluator.\(field)")
    }
}
