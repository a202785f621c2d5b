import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import Testing

@testable import Agent

@Suite struct ReportTests {
    @Test(arguments: [0, 10, 4000, 4096, 5000, 100_000], ["a", "é", "\"", "\u{1}"])
    func `a report fits the termination message`(length: Int, character: String) throws {
        var report = StageReport(
            reason: "InvalidRecord", message: String(repeating: character, count: length), isRetryable: false)
        report.dataset = DatasetSummary()
        let data = ResultFile.encode(report)
        #expect(data.count <= 4096)
        let read = try JSONDecoder().decode(StageReport.self, from: data)
        #expect(read.reason == "InvalidRecord")
        #expect(read.isRetryable == false)
        if length > 0 { #expect(read.message?.hasPrefix(character) == true) }
    }

    @Test func `warnings that do not fit are given up before counts and digests`() throws {
        var report = StageReport(reason: StageReport.succeeded, message: "m")
        report.dataset = DatasetSummary()
        report.dataset?.sha256 = String(repeating: "a", count: 64)
        report.warnings = [StageWarning(reason: "Many", message: "few words")]
        func read() throws -> StageReport {
            try JSONDecoder().decode(StageReport.self, from: ResultFile.encode(report))
        }
        #expect(try read() == report)
        report.warnings = [StageWarning(reason: "Many", message: String(repeating: "w", count: 5000))]
        #expect(try read().dataset == report.dataset)
        #expect(try read().warnings == nil)
    }

    @Test func `a report that cannot fit keeps its reason`() throws {
        var report = StageReport(reason: "Succeeded", message: "m")
        report.output = ModelReference(storageUri: String(repeating: "s", count: 5000), manifestSha256: "")
        #expect(
            try JSONDecoder().decode(StageReport.self, from: ResultFile.encode(report)).reason == "Succeeded")
    }
}

@Suite struct ConfigurationFileTests {
    @Test(arguments: [
        (#"{"run": {"namespace": "n", "name": "x", "attempt": 1}}"#, "run.uid: is missing"),
        (
            #"{"run": {"namespace": "n", "name": "x", "uid": "u", "attempt": "one"}}"#,
            "run.attempt: is no whole number"
        ),
        (#"{"run": null}"#, "run: is null"),
        ("{", "the configuration"),
    ])
    func `a wrong configuration is refused by its key`(text: String, problem: String) {
        let failure = #expect(throws: AgentFailure.self) {
            try ConfigurationFile.decode(Data(text.utf8), as: UploadConfiguration.self)
        }
        #expect(failure?.reason == "InvalidConfiguration")
        #expect(failure?.message.contains(problem) == true, "\(failure?.message ?? "")")
        #expect(failure?.exitCode == ExitCode.terminal)
    }

    @Test func `a missing configuration file is named`() {
        let failure = #expect(throws: AgentFailure.self) {
            try ConfigurationFile.load("/no/such/file", as: UploadConfiguration.self)
        }
        #expect(failure?.message.contains("/no/such/file") == true)
    }
}
