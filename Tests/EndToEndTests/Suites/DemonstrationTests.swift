import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// The example of `hack/demo` with its real trainer and evaluator, checked with independent tools.
    @Suite(.needs(.fixturePods), .cluster("demonstration"), .timeLimit(.minutes(10))) struct Demonstration {
        @Test func `the example goes from kubectl apply to an evaluated, registered model`() async throws {
            let team = try await Team.make("demo")
            try await DemonstrationInputs(servers: team.servers).put()
            try await team.servers.registryReady()
            try await team.kubectl("apply", "-f", "-", input: try example(team.servers))
            let job = try await team.finished("manual-pages-lora", within: 480)
            let status = try #require(job.status)
            try #require(status.phase == .completed, "\(status.reason ?? ""): \(status.message ?? "")")

            let progress = try #require(status.progress)
            let before = try #require(progress.initialEvalLoss)
            #expect((progress.evalLoss ?? .infinity) < before, "the loss did not fall")
            #expect(progress.step == 200)

            let output = try #require(status.output)
            let model = try await team.servers.store.committed(at: output.storageUri)
            #expect(model.problems == [])
            #expect(model.digest == output.manifestSha256)
            #expect(model.files.keys.contains("adapter_model.safetensors"))

            let verdict = try #require(status.evaluation)
            #expect(verdict.passed == true)
            let evalRun: EvalRun = try await team.object("evalrun/\(verdict.name)").decoded()
            #expect(evalRun.spec.model.sha256 == output.manifestSha256, "it evaluated another model")
            #expect(evalRun.status?.results == verdict.results)
            let result = try #require(verdict.results?.first)
            #expect(result.metric == "quality/perplexity" && (result.value ?? .nan) <= 9)
            try await checkRegistry(team, status)
        }

        private func example(_ servers: Servers) throws -> Data {
            let file = servers.installation.repository.appendingPathComponent(
                "examples/trainingjob-lora.yaml")
            let text = try String(contentsOf: file, encoding: .utf8)
                .replacingOccurrences(of: "http://127.0.0.1:19000", with: servers.store.endpoint)
                .replacingOccurrences(of: "http://127.0.0.1:15000", with: servers.registry.address)
            return Data(text.utf8)
        }

        private func checkRegistry(_ team: Team, _ status: TrainingJobStatus) async throws {
            let registered = try #require(status.registeredModel)
            let registry = team.servers.registry
            let version = try #require(try await registry.version(registered.version, of: "manual-pages"))
            #expect(version["aliases"]?.arrayValue?.contains("dev") == true)
            var tags: [String: String] = [:]
            for tag in version["tags"]?.arrayValue ?? [] {
                tags[tag["key"]?.stringValue ?? ""] = tag["value"]?.stringValue
            }
            #expect(tags["anneal.dev/model-manifest-sha256"] == status.output?.manifestSha256)
            #expect(tags["anneal.dev/checkpoint-sha256"] == status.checkpoint?.manifestSha256)
            #expect(tags["anneal.dev/dataset-sha256"] == status.dataset?.sha256)
            #expect(tags["anneal.dev/base-model"] == "s3://models/tiny-llama/")
            #expect(tags["anneal.dev/evaluation-passed"] == "true")
            #expect(tags["anneal.dev/code-commit"] == "examples")
            let runId = try #require(registered.runId)
            let run = try #require(try await registry.run(runId))
            let metrics = run["metrics"]?.arrayValue ?? []
            let perplexity = metrics.first { $0["key"]?.stringValue == "quality/perplexity" }?["value"]?
                .doubleValue
            #expect(perplexity == status.evaluation?.metrics?["quality/perplexity"])
        }
    }
}

/// The tiny model and the records of `hack/demo`, made once for a machine.
private struct DemonstrationInputs {
    let servers: Servers

    func put() async throws {
        let folder = try await made()
        try await servers.store.upload(folder.appendingPathComponent("model"), to: "s3://models/tiny-llama/")
        try await servers.store.upload(
            folder.appendingPathComponent("dataset"), to: "s3://datasets/manual-pages/")
    }

    private func made() async throws -> URL {
        let scripts = servers.installation.repository.appendingPathComponent("examples/runtimes/demo")
        let name = try await Program(path: "/bin/bash")(
            "-c", #"printf %s "demo-inputs-$(cat "$1"/*.py | sha256sum | cut -c1-12)""#, "bash", scripts.path)
        let folder = servers.installation.cache.appendingPathComponent(name, isDirectory: true)
        let done = folder.appendingPathComponent("done")
        if FileManager.default.fileExists(atPath: done.path) { return folder }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let python = try servers.installation.tool("trainers/bin/python")
        let dataset = folder.appendingPathComponent("dataset").path
        try await python(scripts.appendingPathComponent("make_dataset.py").path, dataset)
        try await python(
            scripts.appendingPathComponent("make_base_model.py").path,
            folder.appendingPathComponent("model").path, "--text", "\(dataset)/dataset.jsonl")
        try Data().write(to: done)
        return folder
    }
}
