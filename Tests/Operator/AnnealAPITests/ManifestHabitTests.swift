import AnnealAPI
import KubernetesAPI
import Testing

/// Manifests as people write them for Kubernetes, which Anneal takes as they are.
struct ManifestHabitTests {
    private static func manifest(_ trainer: JSONValue, workspace: JSONValue = ["size": "1Gi"]) -> JSONValue {
        var trainer = trainer
        trainer["image"] = "example/sft:1"
        return [
            "apiVersion": "anneal.dev/v1alpha1", "kind": "TrainingJob", "metadata": ["name": "habit"],
            "spec": [
                "method": "lora", "model": ["storageUri": "s3://models/base/"],
                "dataset": ["storageUri": "s3://datasets/records.jsonl", "format": "promptCompletion"],
                "trainer": trainer, "workspace": workspace,
                "artifacts": ["storageUri": "s3://artifacts/team"],
            ],
        ]
    }

    @Test func `a quantity may be a number wherever one stands`() throws {
        let document = Self.manifest(
            [
                "resourcesPerNode": ["cpu": 4, "memory": 2_147_483_648, "ephemeralStorage": 1_073_741_824],
                "shmSize": 67_108_864,
            ], workspace: ["size": 21_474_836_480])
        #expect(CustomResourceDefinition.trainingJob.refusals(of: document) == [])
        let job: TrainingJob = try document.decoded()
        let resources = try #require(job.spec.trainer.resourcesPerNode)
        #expect(resources.cpu?.quantity == Quantity(4))
        #expect(resources.memory?.quantity == Quantity("2Gi"))
        #expect(resources.ephemeralStorage?.quantity == Quantity("1Gi"))
        #expect(job.spec.trainer.shmSize?.quantity == Quantity("64Mi"))
        #expect(job.spec.workspace?.size?.quantity == Quantity("20Gi"))
        #expect(SpecValidation.errors(of: job) == [])
    }

    @Test func `a number and its digits are the same quantity`() throws {
        let number: TrainingJob = try Self.manifest(["resourcesPerNode": ["cpu": 4]]).decoded()
        let text: TrainingJob = try Self.manifest(["resourcesPerNode": ["cpu": "4"]]).decoded()
        #expect(number.spec == text.spec)
    }

    @Test func `a token comes from a Secret, and every Secret of a run is listed`() throws {
        var document = Self.manifest([
            "env": [
                ["name": "HF_TOKEN", "valueFrom": ["secretKeyRef": ["name": "hub", "key": "token"]]],
                ["name": "PROXY", "valueFrom": ["configMapKeyRef": ["name": "network", "key": "proxy"]]],
                [
                    "name": "POD",
                    "valueFrom": ["fieldRef": ["apiVersion": "v1", "fieldPath": "metadata.labels['a.b/c']"]],
                ],
            ], "imagePullSecrets": [["name": "registry"]],
        ])
        document[path: ["spec", "storage"]] = ["credentialsSecretName": "s3"]
        document[path: ["spec", "registration"]] = [
            "modelName": "m", "trackingUri": "http://mlflow", "credentialsSecretName": "mlflow",
        ]
        document[path: ["spec", "evaluation"]] = [
            "evaluator": [
                "image": "example/evaluate:1",
                "env": [["name": "KEY", "valueFrom": ["secretKeyRef": ["name": "judge", "key": "key"]]]],
                "imagePullSecrets": [["name": "other-registry"]],
            ], "suites": [["name": "quality", "type": "perplexity"]],
        ]
        #expect(CustomResourceDefinition.trainingJob.refusals(of: document) == [])
        let job: TrainingJob = try document.decoded()
        #expect(
            job.spec.namedSecrets.map { "\($0.field): \($0.name)" } == [
                "spec.storage.credentialsSecretName: s3", "spec.registration.credentialsSecretName: mlflow",
                "spec.trainer.env[0].valueFrom.secretKeyRef.name: hub",
                "spec.trainer.imagePullSecrets[0].name: registry",
                "spec.evaluation.evaluator.env[0].valueFrom.secretKeyRef.name: judge",
                "spec.evaluation.evaluator.imagePullSecrets[0].name: other-registry",
            ])
        // Those that programs get values of; kubelets send the others to the registries that they name.
        #expect(job.spec.programSecrets.map(\.name) == ["hub", "judge"])
    }

    @Test func `pull secrets of older releases are still understood`() throws {
        let job: TrainingJob = try Self.manifest(["imagePullSecrets": ["registry"]]).decoded()
        #expect(job.spec.trainer.imagePullSecrets == [PullSecret(name: "registry")])
    }
}
