import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import ObjectStorage

/// The folder of processed records: `train.jsonl`, `validation.jsonl` and, hidden and not published, the
/// counts for the stage after a user's transform.
struct ProcessedFolder {
    static let train = "train.jsonl"
    static let validation = "validation.jsonl"
    private static let summary = ".preprocessing.json"

    let path: String

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// The files to publish: all but the counts.
    func published() throws -> FolderContents {
        var contents = try FolderContents(of: path)
        contents.files.removeAll { $0.path == Self.summary }
        contents.refuseReserved()
        guard let refusal = contents.refusal else { return contents }
        throw AgentFailure(
            reason: "TransformFailed",
            message:
                "'\(path)' holds what cannot be published: \(refusal); the transform must leave only files")
    }

    private struct Result: Codable {
        var summary: DatasetSummary
        var warnings: [StageWarning]
    }

    func save(_ summary: DatasetSummary, _ warnings: [StageWarning]) throws {
        let file = try LocalFile(creating: file(Self.summary))
        try file.write(try JSONValue(encoding: Result(summary: summary, warnings: warnings)).serialized())
    }

    func saved() throws(AgentFailure) -> (DatasetSummary, [StageWarning]) {
        guard let data = try? Data(contentsOf: URL(filePath: file(Self.summary))),
            let saved = try? JSONDecoder().decode(Result.self, from: data)
        else {
            throw AgentFailure(
                reason: "TransformFailed",
                message:
                    "'\(file(Self.summary))' is missing or damaged; the transform must leave hidden files alone"
            )
        }
        return (saved.summary, saved.warnings)
    }

    /// Number of lines that are not blank. Holds 256 KiB and a line.
    func countLines(of name: String) throws -> Int64 {
        guard try FileTree.kind(file(name)) == .file else {
            throw AgentFailure(
                reason: "TransformFailed",
                message: "'\(file(name))' is missing; the transform must leave it there, if only unchanged")
        }
        var lines: Int64 = 0
        var isBlank = true
        try FileChunks.forEach(file(name)) { chunk in
            for byte in chunk {
                if byte == 0x0A {
                    if !isBlank { lines += 1 }
                    isBlank = true
                } else if byte != 0x20 && byte != 0x09 && byte != 0x0D {
                    isBlank = false
                }
            }
        }
        return lines + (isBlank ? 0 : 1)
    }

    func checkUsable(_ summary: DatasetSummary) throws(AgentFailure) {
        guard (summary.trainRecords ?? 0) > 0 else {
            throw AgentFailure(
                reason: "EmptyDataset",
                message: "no record is left to train on, of \(grouped(summary.records ?? 0)): "
                    + "\(grouped(summary.filtered ?? 0)) were filtered by length, "
                    + "\(grouped(summary.exactDuplicates ?? 0)) were exact and "
                    + "\(grouped(summary.nearDuplicates ?? 0)) near-duplicates; relax preprocessing.minLength and "
                    + "maxLength, raise similarityThreshold, or give more records")
        }
    }
}
