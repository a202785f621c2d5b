import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Secrets that change, and Secrets that may not go where a run sends them.
    @Suite(.needs(.fixturePods), .cluster("secrets"), .timeLimit(.minutes(6))) struct Secrets {
        @Test
        func `a Secret that does not list the store's host is refused, and the remedy in the message works`()
            async throws
        {
            let team = try await Team.make("unlisted")
            try await team.kubectl(
                "patch", "secret", "s3-credentials", "--type=merge", "-p", #"{"data":{"allowedHosts":null}}"#)
            let status = try await refused(FixtureRun("first", of: team), team)
            let message = try #require(status.message)
            let command = try #require(message.firstRange(of: "kubectl "))
            let words = message[command.upperBound...].split(separator: " ").map {
                $0.trimmingCharacters(in: ["'"])
            }
            _ = try await team.cluster.kubectl.run(words)
            try await team.apply(FixtureRun("second", of: team).manifest)
            let job = try await team.finished("second")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
        }

        @Test func `a registry's Secret goes to no address of the author's own`() async throws {
            let team = try await Team.make("thief")
            try await team.kubectl(
                "create", "secret", "generic", "mlflow", "--from-literal=token=geheim",
                "--from-literal=allowedHosts=mlflow.example")
            var run = FixtureRun("thief", of: team)
            run.registration = [
                "modelName": "m", "trackingUri": .string(team.servers.registry.address),
                "credentialsSecretName": "mlflow",
            ]
            let status = try await refused(run, team)
            #expect(status.message?.contains("registration.credentialsSecretName: Secret 'mlflow'") == true)
        }

        @Test func `a program gets values of a Secret that allows it only`() async throws {
            let team = try await Team.make("programs")
            try await team.kubectl("create", "secret", "generic", "hub", "--from-literal=token=geheim")
            let environment: JSONValue = [
                ["name": "TOKEN", "valueFrom": ["secretKeyRef": ["name": "hub", "key": "token"]]]
            ]
            func manifest(_ name: String) -> JSONValue {
                var manifest = FixtureRun(name, of: team).manifest
                manifest[path: ["spec", "trainer", "env"]] = environment
                return manifest
            }
            try await team.apply(manifest("first"))
            let failed = try #require(try await team.finished("first").status)
            #expect(failed.phase == .failed && failed.reason == "SecretNotAllowed")
            #expect(failed.message?.contains("spec.trainer.env[0].valueFrom.secretKeyRef.name") == true)
            #expect(failed.trainingAttempts == nil)
            try await team.kubectl(
                "patch", "secret", "hub", "-p", #"{"stringData":{"allowedInPrograms":"true"}}"#)
            try await team.apply(manifest("second"))
            let job = try await team.finished("second")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
        }

        @Test func `keys that are rotated in the middle of training reach the sidecar, which catches up`()
            async throws
        {
            let team = try await Team.make("rotation")
            let proxy = try await StorageProxy(team.servers, .key(S3Server.accessKey))
            var run = FixtureRun("rotated", of: team, parameters: ["stepSeconds": "0.1"])
            run.steps = 900
            run.storageEndpoint = proxy.endpoint
            try await team.apply(run.manifest)
            try await team.wait("rotated", for: "condition=CheckpointVerified")
            try proxy.set(.key("later"))
            _ = try await eventually("the refusal in the status") {
                try await team.trainingJob("rotated").status?.message?.contains("InvalidCredentials") == true
                    ? true : nil
            }
            let before = try await team.trainingJob("rotated").status?.checkpoint?.step ?? 0
            try await team.kubectl(
                "patch", "secret", "s3-credentials", "-p", #"{"stringData":{"accessKeyId":"later"}}"#)
            _ = try await eventually("a later checkpoint, while it trains", within: .seconds(75)) {
                let status = try await team.trainingJob("rotated").status
                let isLater = (status?.checkpoint?.step ?? 0) > before
                return isLater && status?.phase == .training && status?.message == nil ? true : nil
            }
            let job = try await team.finished("rotated")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
            #expect(job.status?.trainingAttempts == 1)
            await proxy.stop()
        }

        @Test(arguments: [nil, "false"])
        func `an evaluation by itself refuses a Secret that does not allow programs`(permission: String?)
            async throws
        {
            let team = try await Team.make("evaluation-\(permission ?? "none")")
            try await team.kubectl("create", "secret", "generic", "judge", "--from-literal=key=geheim")
            if let permission {
                try await team.kubectl(
                    "patch", "secret", "judge", "-p",
                    #"{"stringData":{"allowedInPrograms":"\#(permission)"}}"#)
            }
            try await team.apply([
                "apiVersion": "anneal.dev/v1alpha1", "kind": "EvalRun", "metadata": ["name": "verdict"],
                "spec": [
                    "model": ["storageUri": .string(FixtureInputs.model)],
                    "evaluator": [
                        "image": "fixture/evaluator:1",
                        "resources": ["gpus": 0, "cpu": "50m", "memory": "128Mi"],
                        "env": [
                            ["name": "KEY", "valueFrom": ["secretKeyRef": ["name": "judge", "key": "key"]]]
                        ],
                    ], "suites": [["name": "good", "type": "custom"]],
                    "storage": [
                        "endpoint": .string(team.servers.store.endpoint), "pathStyle": true,
                        "credentialsSecretName": "s3-credentials",
                    ],
                ],
            ])
            try await team.kubectl("wait", "evalrun/verdict", "--for=condition=Finished", "--timeout=120s")
            let run: EvalRun = try await team.object("evalrun/verdict").decoded()
            #expect(run.status?.phase == .error && run.status?.reason == "SecretNotAllowed")
            #expect(run.status?.message?.contains("kubectl -n \(team.namespace) patch secret judge") == true)
        }

        private func refused(_ run: FixtureRun, _ team: Team) async throws -> TrainingJobStatus {
            try await team.apply(run.manifest)
            let status = try #require(try await team.finished(run.name).status)
            #expect(status.phase == .failed && status.reason == "SecretNotAllowed", "\(status.message ?? "")")
            #expect(status.message?.contains("geheim") == false)
            #expect(status.trainingAttempts == nil)
            return status
        }
    }
}
