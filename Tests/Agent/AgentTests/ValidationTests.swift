import AnnealAPI
import Foundation
import ObjectStorage
import TestSupport
import Testing

@testable import Agent

/// What can be known before a GPU is taken, found by `validate` against a real store.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing))
struct ValidationTests {
    private static let pointer = """
        version https://git-lfs.github.com/spec/v1
        oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
        size 1695296

        """

    /// A fixture with a usable model at `base` and three records at `d.jsonl`.
    private func fixture() async throws -> AgentFixture {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try await fixture.put("{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"text\": \"c\"}\n", "d.jsonl")
        return fixture
    }

    private func validate(
        _ fixture: AgentFixture, dataset: String = "d.jsonl", model: String = "base",
        modelSha256: String? = nil,
        suites: [EvaluationSuite]? = nil, registration: Registration? = nil
    ) async throws -> StageReport {
        let uri = "s3://\(fixture.storage.bucket)/\(model)"
        return try await ValidateCommand(
            configuration: ValidateConfiguration(
                run: fixture.identity, storage: fixture.connection,
                model: StoredInput(storageUri: uri, sha256: modelSha256), dataset: fixture.dataset(dataset),
                suites: suites, registration: registration),
            context: fixture.context
        ).run()
    }

    private func failure(_ body: () async throws -> StageReport) async -> AgentFailure {
        do { return AgentFailure(reason: "none", message: "\(try await body())") } catch {
            return AgentFailure(error)
        }
    }

    private func suite(
        _ fixture: AgentFixture, _ key: String, _ type: EvaluationSuite.Kind = .tasks
    ) -> EvaluationSuite {
        var suite = EvaluationSuite(name: "facts", type: type)
        suite.data = StoredInput(storageUri: "s3://\(fixture.storage.bucket)/\(key)")
        return suite
    }

    @Test func `evaluation data that are not there are found before training`() async throws {
        let fixture = try await fixture()
        try await fixture.put("{\"prompt\": \"q\", \"expected\": [\"a\"]}\n", "facts.jsonl")
        _ = try await validate(
            fixture, suites: [suite(fixture, "facts.jsonl"), suite(fixture, "facts.jsonl", .custom)])
        for type in [EvaluationSuite.Kind.tasks, .perplexity, .custom] {
            let failure = await failure {
                try await validate(fixture, suites: [suite(fixture, "fcats.jsonl", type)])
            }
            #expect(failure.reason == "EvaluationDataNotFound")
            #expect(failure.message.contains("evaluation.suites[facts].data.storageUri"))
            #expect(failure.message.contains("fcats.jsonl"))
        }
        let folder = await failure { try await validate(fixture, suites: [suite(fixture, "base/")]) }
        #expect(folder.message.contains("is a folder; name one object"))
    }

    @Test(arguments: [
        (EvaluationSuite.Kind.tasks, "{\"prompt\": \"q\"}\n", "\"expected\" must be"),
        (.tasks, "{\"prompt\": \"q\", \"expected\": []}\n", "\"expected\" must be"),
        (.tasks, "{\"prompt\": \"q\", \"expected\": \"a\"}\n{\"expected\": \"a\"}\n", "record 2 of"),
        (.tasks, "\n", "has no records"), (.perplexity, "{\"text\": 5}\n", "\"text\" must be a string"),
        (.exactMatch, "[{\"text\": \"a\"}]", "a JSON array"), (.tasks, "PAR1", "Parquet"),
    ])
    func `evaluation data that the evaluator could not read are found before training`(
        type: EvaluationSuite.Kind, text: String, problem: String
    ) async throws {
        let fixture = try await fixture()
        try await fixture.put(text, "facts.jsonl")
        let failure = await failure {
            try await validate(fixture, suites: [suite(fixture, "facts.jsonl", type)])
        }
        #expect(failure.message.contains(problem), "\(failure)")
        #expect(failure.message.hasPrefix("evaluation.suites[facts].data.storageUri: "), "\(failure)")
        #expect(!failure.isRetryable)
    }

    @Test
    func `of evaluation data only what the suite's limit asks for is read, unless a digest was declared`()
        async throws
    {
        let fixture = try await fixture()
        let text = "\u{FEFF}{\"text\": \"a\"}\n{\"text\": 5}\n"
        try await fixture.put(text, "facts.jsonl")
        var limited = suite(fixture, "facts.jsonl", .perplexity)
        limited.limit = 1
        _ = try await validate(fixture, suites: [limited])
        limited.data?.sha256 = ContentDigest.sha256(Data(text.utf8))
        _ = try await validate(fixture, suites: [limited])
        limited.data?.sha256 = String(repeating: "0", count: 64)
        #expect(await failure { try await validate(fixture, suites: [limited]) }.reason == "ChecksumMismatch")
    }

    @Test func `names that MLflow accepts are accepted, and others refused before training`() async throws {
        let fixture = try await fixture()
        for (model, experiment) in [
            ("m", "Ann's tests"), ("it's \"quoted\" \\ ü", nil), ("a.b_c-d e", "a/b:c"),
        ] {
            var registration = Registration(modelName: model, trackingUri: "http://127.0.0.1:9")
            registration.experiment = experiment
            _ = try await validate(fixture, registration: registration)
        }
        for model in ["", " ", "a/b", "a:b", ".", "..", "..a", String(repeating: "m", count: 257)] {
            let registration = Registration(modelName: model, trackingUri: "http://127.0.0.1:9")
            let failure = await failure { try await validate(fixture, registration: registration) }
            #expect(failure.message.hasPrefix("registration.modelName: "), "\(failure)")
        }
    }

    @Test(arguments: ["http://ann:s3cret@127.0.0.1:9", "http://ann:s3/cret@127.0.0.1:9", "s3cret@h"])
    func `a password in an address is refused and not repeated`(address: String) async throws {
        let fixture = try await fixture()
        let registration = Registration(modelName: "m", trackingUri: address)
        let failures = [
            await failure { try await validate(fixture, registration: registration) },
            await failure {
                _ = try fixture.context.client(
                    StorageConnection(endpoint: address), of: fixture.identity)
                return StageReport(reason: "none")
            },
        ]
        for failure in failures {
            #expect(failure.message.contains("Secret"), "\(failure)")
            #expect(!failure.message.contains("s3cret") && !failure.message.contains("cret@"), "\(failure)")
        }
    }

    @Test func `a model that no trainer could load is refused`() async throws {
        let fixture = try await fixture()
        try await fixture.put(#"{"base_model_name_or_path": "org/base"}"#, "adapter/adapter_config.json")
        try await fixture.put("{}", "lfs/config.json")
        try await fixture.put(Self.pointer, "lfs/model.safetensors")
        let map = #"{"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}"#
        for folder in ["sharded", "whole"] {
            try await fixture.put("{}", "\(folder)/config.json")
            try await fixture.put(map, "\(folder)/model.safetensors.index.json")
            try await fixture.put("one", "\(folder)/model-1-of-2.safetensors")
        }
        try await fixture.put("two", "whole/model-2-of-2.safetensors")
        try await fixture.put("<html>", "page/model.safetensors.index.json")
        _ = try await validate(fixture, model: "whole")
        let cases = [
            ("adapter", ["is an adapter", "'org/base'"]), ("lfs", ["model.safetensors", "git lfs pull"]),
            ("sharded", ["names 'model-2-of-2.safetensors', which is not there"]), ("page", ["an HTML page"]),
        ]
        for (folder, words) in cases {
            let failure = await failure { try await validate(fixture, model: folder) }
            #expect(failure.reason == "UnusableModel")
            #expect(!failure.isRetryable)
            for word in words { #expect(failure.message.contains(word), "\(failure)") }
        }
    }

    @Test func `a model with a manifest is looked at too`() async throws {
        let fixture = try await fixture()
        try fixture.storage.write("m/model.safetensors", Data(Self.pointer.utf8))
        _ = try await fixture.storage.synchroniser.upload(
            fixture.storage.path("m"), to: fixture.storage.location("m"),
            UploadDescription(run: "u", attempt: 1))
        #expect(await failure { try await validate(fixture, model: "m") }.message.contains("git lfs pull"))
    }

    @Test(arguments: ["cache/", "hub/"])
    func `of the hub's cache the snapshot of refs main is taken`(model: String) async throws {
        let fixture = try await fixture()
        let root = model == "hub/" ? "hub/models--org--name/" : model
        try await fixture.put("abc\n", root + "refs/main")
        try await fixture.put("x", root + "blobs/config.json")
        try await fixture.put("old", root + "snapshots/aaa/config.json")
        try await fixture.put("new", root + "snapshots/abc/config.json")
        let digest = ContentDigest.folder([("config.json", ContentDigest.sha256(Data("new".utf8)))])
        let summary = try await validate(fixture, model: model, modelSha256: digest).dataset
        #expect(summary?.modelStorageUri == "s3://\(fixture.storage.bucket)/\(root)snapshots/abc")
        #expect(summary?.modelSha256 == digest)
        #expect(try await validate(fixture).dataset?.modelStorageUri == nil)
        try await fixture.put("gone", root + "refs/main")
        #expect(await failure { try await validate(fixture, model: model) }.message.contains("2 snapshots"))
    }

    @Test func `the hub's cache without the files behind its links is refused`() async throws {
        let fixture = try await fixture()
        try await fixture.put("abc", "cache/refs/main")
        try await fixture.put("x", "cache/blobs/0123")
        #expect(
            await failure { try await validate(fixture, model: "cache") }.message.contains("links followed"))
    }

    @Test func `files are counted, and the splits of a folder kept apart`() async throws {
        let fixture = try await fixture()
        func records(_ name: String, _ count: Int) -> String {
            (0..<count).map { "{\"text\": \"\(name) record \($0) \(UUID())\"}\n" }.joined()
        }
        try await fixture.put(records("train", 30), "f/train.jsonl")
        try await fixture.put(records("validation", 5) + "{\"text\": \"shared\"}\n", "f/validation.jsonl")
        try await fixture.put(records("test", 9), "f/test.jsonl")
        try await fixture.put("{\"text\": \"shared\"}\n", "f/train-2.jsonl")
        try await fixture.put("", "f/_SUCCESS")
        let report = try await validate(fixture, dataset: "f")
        #expect(report.dataset?.files == 3)
        #expect(report.dataset?.filesFound == 5)
        #expect(report.dataset?.records == 37)
        #expect(report.message?.contains("in 3 of 5 files") == true)
        let summary = try await PreprocessCommand(
            configuration: PreprocessConfiguration(
                run: fixture.identity, storage: fixture.connection, dataset: fixture.dataset("f"),
                expectedSha256: report.dataset?.sha256, preprocessing: Preprocessing(),
                destinationUri: fixture.root + "/data", directory: fixture.storage.path("data"), part: .whole),
            context: fixture.context
        ).run().dataset
        #expect(summary?.trainRecords == 30)
        #expect(summary?.validationRecords == 6, "the validation split is taken as it is")
        #expect(summary?.exactDuplicates == 1)
        let train = try fixture.text("data/train.jsonl")
        #expect(
            !train.contains("test record") && !train.contains("validation record")
                && !train.contains("shared"))
    }

    @Test func `a dataset that is something else is named for what it is`() async throws {
        let fixture = try await fixture()
        let cases = [
            ("a.jsonl", "[\n  {\"text\": \"a\"}\n]", "a JSON array"), ("b.jsonl", "<html>", "an HTML page"),
            ("c/x.parquet", "PAR1", "x.parquet"), ("e.jsonl.zst", "?", "unpack it, or use gzip"),
            ("f.csv", "text\na\n", "convert it to one JSON object a line"),
            ("g.jsonl", "{\"text\": \"a\"},\n{\"text\": \"b\"}\n", "it ends in a comma"),
        ]
        for (key, text, problem) in cases {
            try await fixture.put(text, key)
            let dataset = key.hasPrefix("c/") ? "c" : key
            let failure = await failure { try await validate(fixture, dataset: dataset) }
            #expect(failure.message.contains(problem), "\(failure)")
        }
        try await fixture.put("\u{FEFF}{\"text\": \"a\"}\r\n{\"text\": \"b\"}\r\n", "bom.jsonl")
        #expect(try await validate(fixture, dataset: "bom.jsonl").dataset?.records == 2)
    }
}
