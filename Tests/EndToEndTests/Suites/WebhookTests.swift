import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// The admission webhook, as kubectl and an API server see it.
    @Suite(.needs(.audit), .cluster("webhook", withOperator: false), .serialized, .timeLimit(.minutes(6)))
    struct Webhook {
        private static let stamp = "anneal.dev/created-by"

        private func suspended(_ name: String, _ team: Team) -> JSONValue {
            var manifest = FixtureRun(name, of: team).manifest
            manifest[path: ["spec", "runPolicy", "suspend"]] = true
            return manifest
        }

        private func creator(_ name: String, _ team: Team) async throws -> String? {
            try await team.trainingJob(name).metadata.annotations?[Self.stamp]
        }

        @Test func `a spec that would fail is refused by field, value and remedy, however it is applied`()
            async throws
        {
            let team = try await Team.make("refused")
            try await WebhookOperator.with { _ in
                var manifest = suspended("refused", team)
                manifest[path: ["spec", "trainer", "env"]] = [["name": "HOME", "value": "/root"]]
                manifest[path: ["spec", "workspace"]] = ["size": "20"]
                for arguments in [
                    ["apply", "-f", "-"], ["apply", "--server-side", "-f", "-"], ["create", "-f", "-"],
                    ["apply", "--dry-run=server", "-f", "-"],
                ] {
                    let result = try await team.run(arguments, input: manifest.serialized())
                    #expect(!result.succeeded)
                    for part in [
                        #"The TrainingJob "refused" is invalid"#, "spec.trainer.env[0].name", #""HOME""#,
                        "choose another name", "spec.workspace.size", #""20""#, "such as 512Mi or 16Gi",
                    ] { #expect(result.errors.contains(part), "\(arguments): \(result.errors)") }
                }
                #expect(try await team.names(of: "trainingjobs").isEmpty)
                // A valid object that is surely a mistake gets a warning, which kubectl prints.
                var evaluation = WebhookOperator.evalRun("warned")
                evaluation[path: ["spec", "thresholds"]] = [["metric": "q/perplexty", "max": 9]]
                let warned = try await team.run(["create", "-f", "-"], input: evaluation.serialized())
                #expect(warned.succeeded && warned.errors.contains("Warning: spec.thresholds[0].metric"))
            }
        }

        @Test func `a run is stamped with its creator, and nobody can change the stamp`() async throws {
            let team = try await Team.make("stamped")
            try await WebhookOperator.with { _ in
                let user = try await team.kubectl(
                    "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
                var manifest = suspended("mine", team)
                manifest[path: ["metadata", "annotations"]] = [Self.stamp: "somebody-else", "note": "kept"]
                let shown = try await team.kubectl(
                    "apply", "--dry-run=server", "-o", "json", "-f", "-", input: manifest.serialized())
                let dry: TrainingJob = try JSONValue(parsing: Array(shown.utf8)).decoded()
                #expect(dry.metadata.annotations?[Self.stamp] == user)
                #expect(try await team.names(of: "trainingjobs").isEmpty)

                try await team.apply(manifest)
                #expect(try await creator("mine", team) == user)
                let eve = ["--as=eve", "--as-group=system:masters"]
                for arguments in [
                    ["annotate", "--overwrite", "tj/mine", "\(Self.stamp)=eve"],
                    ["annotate", "tj/mine", "\(Self.stamp)-"],
                    ["patch", "tj/mine", "--type=merge", "-p", #"{"metadata":{"annotations":null}}"#],
                ] {
                    let result = try await team.run(arguments + eve)
                    #expect(result.succeeded, "\(result.errors)")
                    #expect(try await creator("mine", team) == user)
                }
                let hers = try await team.run(
                    ["create", "-f", "-"] + eve, input: suspended("hers", team).serialized())
                #expect(hers.succeeded, "\(hers.errors)")
                #expect(try await creator("hers", team) == "eve")
                // The rest is untouched: the spec is that of the manifest and the defaults.
                let difference = try await team.run(
                    ["diff", "-f", "-"], input: suspended("hers", team).serialized())
                #expect(difference.succeeded, "\(difference.text)")
            }
        }

        @Test func `without an operator Anneal's kinds are refused with a reason, no others`() async throws {
            let team = try await Team.make("down")
            try await WebhookOperator.with { webhook in
                try await team.apply(suspended("before", team))
                await webhook.kill()
                let refused = try await team.run(
                    ["create", "-f", "-"], input: suspended("meanwhile", team).serialized())
                #expect(!refused.succeeded)
                #expect(refused.errors.contains(#"failed calling webhook "mutate.anneal.dev""#))
                #expect(refused.errors.contains("connection refused"), "\(refused.errors)")
                try await team.kubectl("create", "configmap", "other")
                try await team.kubectl("get", "trainingjob", "before")
                try webhook.start()
                try await webhook.answers()
                try await team.apply(suspended("meanwhile", team))
            }
        }

        @Test func `certificates and authorities are renewed without a dropped request`() async throws {
            let team = try await Team.make("renewed")
            try await WebhookOperator.with(
                "--webhook-certificate-seconds", "12", "--webhook-ca-seconds", "40"
            ) { webhook in
                var (certificates, authorities): (Set<String>, Set<String>) = ([], [])
                var (requests, failures): (Int, [String]) = (0, [])
                let manifest = WebhookOperator.evalRun("probe").serialized()
                let end = ContinuousClock.now + .seconds(60)
                while ContinuousClock.now < end {
                    let result = try await team.run(
                        ["create", "--dry-run=server", "-f", "-"], input: manifest)
                    requests += 1
                    if !result.succeeded { failures.append(result.errors) }
                    certificates.insert(try await webhook.secret("tls.crt"))
                    let bundle = try await webhook.secret("ca.crt")
                    authorities.insert(String(bundle.prefix(while: { $0 != "\u{FFFD}" }).prefix(600)))
                }
                #expect(failures.isEmpty, "\(failures.first ?? "")")
                #expect(requests > 60, "\(requests)")
                #expect(certificates.count >= 5, "\(certificates.count)")
                #expect(authorities.count >= 2, "\(authorities.count)")
            }
        }

        @Test func `removed parts of the webhook are restored`() async throws {
            let team = try await Team.make("healed")
            try await WebhookOperator.with { webhook in
                for name in WebhookOperator.configurations {
                    try await team.kubectl(
                        "patch", name, "--type=json", "-p",
                        #"[{"op":"replace","path":"/webhooks/0/clientConfig/caBundle","value":""}]"#)
                }
                try await webhook.answers()
                let before = try await webhook.secret("tls.crt")
                try await team.kubectl(
                    "-n", OperatorAccess.namespace, "delete", "secret", "anneal-webhook-tls")
                _ = try await eventually("another Secret") {
                    try await webhook.secret("tls.crt") != before ? true : nil
                }
                try await webhook.answers()
                try await team.kubectl(
                    "-n", OperatorAccess.namespace, "patch", "secret", "anneal-webhook-tls", "-p",
                    #"{"data":{"tls.crt":"AAAA","ca.key":"AAAA"}}"#)
                _ = try await eventually("the Secret is whole again") {
                    try await webhook.secret("tls.crt").hasPrefix("-----BEGIN CERTIFICATE") ? true : nil
                }
                try await webhook.answers()
            }
        }
    }
}
