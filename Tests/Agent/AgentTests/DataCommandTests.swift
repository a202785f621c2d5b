import AnnealAPI
import Foundation
import ObjectStorage
import SeededRandomness
import TestSupport
import Testing

@testable import Agent

/// `validate` and `preprocess` against a real store.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing))
struct DataCommandTests {
    private func records(_ count: Int, from first: Int = 0) -> String {
        var random = SeededGenerator(seed: 9)
        return (first..<(first + count)).map { number in
            let words = (0..<20).map { _ in String(random.next(), radix: 36) }.joined(separator: " ")
            return "{\"text\": \"\(number) \(words)\"}\n"
        }.joined()
    }

    private func validate(
        _ fixture: AgentFixture, _ dataset: DatasetReference, model: StoredInput? = nil
    ) async throws -> StageReport {
        let model = model ?? StoredInput(storageUri: "s3://\(fixture.storage.bucket)/base")
        return try await ValidateCommand(
            configuration: ValidateConfiguration(
                run: fixture.identity, storage: fixture.connection, model: model, dataset: dataset),
            context: fixture.context
        ).run()
    }

    private func failure(_ body: () async throws -> StageReport) async -> AgentFailure? {
        do {
            _ = try await body()
            return nil
        } catch { return AgentFailure(error) }
    }

    @Test func `a good dataset is counted and digested`() async throws {
        let fixture = try await AgentFixture()
        let text = records(300) + "\n  \n"
        try await fixture.put(text, "d/one.jsonl")
        try await fixture.put("{}", "base/config.json")
        let digest = ContentDigest.sha256(Data(text.utf8))
        let report = try await validate(fixture, fixture.dataset("d/one.jsonl", sha256: digest.uppercased()))
        #expect(report.reason == StageReport.succeeded)
        #expect(report.dataset?.records == 300)
        #expect(report.dataset?.sha256 == digest)
        #expect(
            report.dataset?.modelSha256
                == ContentDigest.folder([("config.json", ContentDigest.sha256(Data("{}".utf8)))]))
        try await fixture.put(records(50), "d/two.jsonl")
        try await fixture.put("not records", "d/readme.txt")
        #expect(try await validate(fixture, fixture.dataset("d")).dataset?.records == 350)
    }

    @Test func `a manifest of someone else's is data in an input`() async throws {
        let fixture = try await AgentFixture()
        let text = records(20)
        let theirs = #"{"sourceBucket": "export", "files": [{"key": "data.jsonl"}], "fileFormat": "JSONL"}"#
        try await fixture.put(text, "d/data.jsonl")
        try await fixture.put(theirs, "d/manifest.json")
        try await fixture.put("{}", "base/config.json")
        try await fixture.put(#"{"name":"tiny","files":["model.safetensors"]}"#, "base/manifest.json")
        let report = try await validate(fixture, fixture.dataset("d"))
        #expect(report.dataset?.records == 20)
        #expect(
            report.dataset?.sha256
                == ContentDigest.folder([("data.jsonl", ContentDigest.sha256(Data(text.utf8)))]))
        let model = #"{"name":"tiny","files":["model.safetensors"]}"#
        #expect(
            report.dataset?.modelSha256
                == ContentDigest.folder([
                    ("config.json", ContentDigest.sha256(Data("{}".utf8))),
                    ("manifest.json", ContentDigest.sha256(Data(model.utf8))),
                ]))
    }

    @Test func `a corrupt record is named`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put("{}", "base/config.json")
        try await fixture.put(records(4710) + "{\"text\": 5}\n" + records(9), "d.jsonl")
        let failure = await failure { try await validate(fixture, fixture.dataset("d.jsonl")) }
        #expect(failure?.reason == "InvalidRecord")
        #expect(failure?.isRetryable == false)
        #expect(failure?.message.contains("record 4,711 of s3://\(fixture.storage.bucket)/d.jsonl") == true)
    }

    @Test func `each missing or wrong part of a dataset has a reason of its own`() async throws {
        let fixture = try await AgentFixture()
        let bucket = fixture.storage.bucket
        func reason(_ dataset: DatasetReference, model: StoredInput? = nil) async -> String? {
            await failure { try await validate(fixture, dataset, model: model) }?.reason
        }
        #expect(await reason(fixture.dataset("d.jsonl")) == "ModelNotFound")
        try await fixture.put("{}", "base/config.json")
        #expect(await reason(fixture.dataset("d.jsonl")) == "DatasetNotFound")
        try await fixture.put("\n", "d.jsonl")
        #expect(await reason(fixture.dataset("d.jsonl")) == "EmptyDataset")
        try await fixture.put("PAR1", "d.parquet")
        #expect(await reason(fixture.dataset("d.parquet")) == "UnsupportedDataset")
        try await fixture.put(records(1), "e.jsonl")
        let zeros = String(repeating: "0", count: 64)
        #expect(await reason(fixture.dataset("e.jsonl", sha256: zeros)) == "ChecksumMismatch")
        let model = StoredInput(storageUri: "s3://\(bucket)/base", sha256: zeros)
        #expect(await reason(fixture.dataset("e.jsonl"), model: model) == "ChecksumMismatch")
        #expect(
            await reason(fixture.dataset("e.jsonl"), model: StoredInput(storageUri: "base"))
                == "InvalidStorageUri")
    }

    private func preprocess(
        _ fixture: AgentFixture, part: PreprocessConfiguration.Part = .whole, expected: String? = nil,
        settings: Preprocessing = Preprocessing()
    ) async throws -> StageReport {
        try await PreprocessCommand(
            configuration: PreprocessConfiguration(
                run: fixture.identity, storage: fixture.connection, dataset: fixture.dataset("d.jsonl"),
                expectedSha256: expected, preprocessing: settings, destinationUri: fixture.root + "/data",
                directory: fixture.storage.path("data"), part: part),
            context: fixture.context
        ).run()
    }

    @Test func `records are cleaned, split and published`() async throws {
        let fixture = try await AgentFixture()
        let unique = records(400)
        try await fixture.put(unique + records(20), "d.jsonl")
        var settings = Preprocessing()
        settings.validationFraction = 0.1
        let summary = try await preprocess(fixture, settings: settings).dataset
        #expect(summary?.records == 420)
        #expect(summary?.exactDuplicates == 20)
        #expect(summary?.nearDuplicates == 0)
        #expect((summary?.trainRecords ?? 0) + (summary?.validationRecords ?? 0) == 400)
        let train = try fixture.text("data/train.jsonl").split(separator: "\n")
        let validation = Set(try fixture.text("data/validation.jsonl").split(separator: "\n"))
        #expect(Int64(validation.count) == summary?.validationRecords)
        #expect(
            train == unique.split(separator: "\n").filter { !validation.contains($0) },
            "in the order of the input")
        let committed = try await fixture.storage.synchroniser.manifest(
            of: fixture.storage.location("uid/data"))
        #expect(committed?.sha256 == summary?.processedManifestSha256)
        #expect(committed?.manifest.files.map(\.path) == ["train.jsonl", "validation.jsonl"])
        #expect(try await preprocess(fixture, settings: settings).dataset == summary, "again is the same")
    }

    @Test func `a transform runs between the parts`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put(records(100), "d.jsonl")
        #expect(try await preprocess(fixture, part: .process).dataset?.processedManifestSha256 == nil)
        try fixture.storage.write("data/train.jsonl", Data("{\"text\": \"a\"}\n{\"text\": \"b\"}".utf8))
        let summary = try await preprocess(fixture, part: .publish).dataset
        #expect(summary?.trainRecords == 2)
        #expect(summary?.records == 100)
        #expect(summary?.processedManifestSha256 != nil)
        try FileManager.default.removeItem(atPath: fixture.storage.path("data/validation.jsonl"))
        #expect(await failure { try await preprocess(fixture, part: .publish) }?.reason == "TransformFailed")
    }

    @Test func `what an earlier attempt's transform left is not published`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put(records(100), "d.jsonl")
        try fixture.storage.write("data/half/done.tmp", Data("old".utf8))
        // It had sent a file, too, before it was killed.
        try await fixture.put("old", "uid/data/vocabulary.txt")
        _ = try await preprocess(fixture, part: .process)
        try fixture.storage.write("data/vocabulary.json", Data("{}".utf8))
        _ = try await preprocess(fixture, part: .publish)
        let objects = try await fixture.storage.client.list(below: fixture.storage.location("uid/data"))
        #expect(
            objects.map(\.location.name)
                == ["anneal-manifest.json", "train.jsonl", "validation.jsonl", "vocabulary.json"])
    }

    @Test func `a changed dataset is not used`() async throws {
        let fixture = try await AgentFixture()
        try await fixture.put(records(10), "d.jsonl")
        let failure = await failure {
            try await preprocess(fixture, expected: String(repeating: "1", count: 64))
        }
        #expect(failure?.reason == "DatasetChanged")
    }

    @Test(arguments: [(1, 1, 0), (2, 1, 1), (3, 2, 1)])
    func `neither side of a small split is empty`(count: Int, train: Int64, validation: Int64) async throws {
        let fixture = try await AgentFixture()
        try await fixture.put(records(count), "d.jsonl")
        for fraction in [0.0001, 0.9999] {
            var settings = Preprocessing()
            settings.validationFraction = fraction
            let summary = try await preprocess(fixture, settings: settings).dataset
            let sides = [summary?.trainRecords, summary?.validationRecords]
            #expect(sides == [train, validation] || sides == [validation, train])
            #expect(summary?.trainRecords ?? 0 > 0)
        }
    }
}
