import AnnealAPI
import KubernetesAPI
import ObjectStorage

/// The data of an evaluation's suite in S3, looked at before training and not after it.
struct EvaluationData {
    let client: S3Client
    let suite: EvaluationSuite
    /// Format of the records where the suite names none.
    let datasetFormat: DatasetFormat

    private struct LimitReached: Error {}

    /// Checks that the data are one object with what was declared, and that the evaluator can read as much of
    /// it as it will. An evaluator's own data must only be there.
    func check() async throws {
        guard let data = suite.data else { return }
        do {
            let location = try S3Location(data.storageUri)
            guard !location.key.isEmpty, !location.key.hasSuffix("/") else {
                throw failure("UnsupportedDataset", "'\(location)' is a folder; name one object")
            }
            let info = try await client.head(location)
            try check(info, data)
            if suite.type != .custom { try await read(location, declared: data.sha256) }
        } catch let error as S3Error {
            throw AgentFailure.naming(missing: "EvaluationDataNotFound", field, error)
        }
    }

    private var field: String { "evaluation.suites[\(suite.name)].data.storageUri" }

    private func failure(_ reason: String, _ problem: String) -> AgentFailure {
        AgentFailure(reason: reason, message: "\(field): \(problem)")
    }

    private func check(_ info: ObjectInfo, _ data: StoredInput) throws(AgentFailure) {
        if let declared = data.version, let actual = info.declaredVersion, declared != actual {
            throw failure(
                "VersionMismatch",
                "version '\(declared)' was declared, but \(info.location) says that it is '\(actual)'; correct the "
                    + "declaration or the address")
        }
        guard let declared = data.sha256, let actual = info.declaredSha256 else { return }
        try compare(declared, actual, info.location)
    }

    private func compare(_ declared: String, _ actual: String, _ location: S3Location) throws(AgentFailure) {
        guard declared.lowercased() != actual else { return }
        throw failure(
            "ChecksumMismatch",
            "sha256 '\(declared)' was declared, but \(location) has '\(actual)'; correct the declaration, or upload "
                + "the right data")
    }

    /// Parses the records that the evaluator will read: all, or as many as the suite's limit.
    private func read(_ location: S3Location, declared: String?) async throws {
        var lines = RecordLines(opensGzip: false)
        var digest = StreamingDigest()
        var records = 0
        let suite = suite
        let format = suite.format ?? datasetFormat
        func take(_ line: [UInt8]) throws {
            guard records < suite.limit ?? .max else {
                // A declared digest is of all bytes.
                if declared == nil { throw LimitReached() }
                return
            }
            if suite.type == .tasks {
                try TaskRecord.check(line)
            } else {
                _ = try Record(line, format: format)
            }
            records += 1
        }
        do {
            var reader = try await ObjectReader(client, location)
            while let chunk = try await reader.next() {
                digest.update(chunk)
                try lines.take(chunk, take)
            }
            try lines.finish(take)
            if let declared { try compare(declared, digest.finish(), location) }
        } catch is LimitReached {
            return
        } catch is LineSplitter.LineTooLong {
            throw failure(
                "InvalidRecord",
                "record \(grouped(lines.number + 1)) of \(location) is longer than "
                    + "\(grouped(RecordLines.lineLimit)) bytes; split it")
        } catch let error as RecordError {
            let kind = suite.type == .tasks ? "a task file" : "the format \(format.rawValue)"
            throw failure(
                "InvalidRecord",
                "record \(grouped(lines.number)) of \(location): \(error.problem); correct or remove "
                    + "the line (it must be of \(kind))")
        } catch let error as UnreadableContent {
            throw failure("UnsupportedDataset", "'\(location)': \(error.problem)")
        }
        guard records > 0 else {
            throw failure("EmptyDataset", "\(location) has no records; upload some, or correct the address")
        }
    }
}

/// A line of a task file. The rules are those of `examples/runtimes/evaluate/tasks.py`, but for those of
/// patterns, which Python alone can judge.
enum TaskRecord {
    private static let depthLimit = 64

    static func check(_ line: [UInt8]) throws(RecordError) {
        guard String(validating: line, as: UTF8.self) != nil else {
            throw RecordError(problem: "it is not UTF-8")
        }
        let value: JSONValue
        do { value = try JSONValue(parsing: line, depthLimit: depthLimit) } catch {
            throw RecordError(problem: error.description)
        }
        guard value.objectValue != nil, value["prompt"]?.stringValue != nil else {
            throw RecordError(problem: "it must be an object with a string \"prompt\"")
        }
        let expected = value["expected"]
        let answers = expected?.stringValue.map { [JSONValue.string($0)] } ?? expected?.arrayValue ?? []
        guard !answers.isEmpty, answers.allSatisfy({ $0.stringValue != nil }) else {
            throw RecordError(problem: "\"expected\" must be a string or a list of strings that is not empty")
        }
        guard !SurrogateCheck.hasLoneSurrogate(line) else {
            throw RecordError(
                problem: "it has half of a surrogate pair (\\ud800 to \\udfff), which is no text")
        }
    }
}
