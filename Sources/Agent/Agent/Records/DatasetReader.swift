import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import ObjectStorage

/// The objects of a dataset.
struct DatasetContents: Sendable {
    struct File: Sendable {
        var location: S3Location
        /// Path relative to the dataset's folder.
        var path: String
        /// SHA-256 from the manifest; nil without one.
        var sha256: String?
    }

    var files: [File]
    /// Manifest of a folder; nil if there is none.
    var manifest: CommittedManifest?
    /// Whether the dataset is one object rather than a folder.
    var isObject: Bool
    /// Version that the uploader declared; nil if none.
    var version: String?
}

/// Reads the records of a dataset from S3 in order, file by file, line by line. Holds some mebibytes,
/// whatever the dataset's size.
struct DatasetReader {
    /// Bytes of one record, at most.
    static let lineLimit = 8 << 20

    let client: S3Client
    let synchroniser: Synchroniser
    let dataset: DatasetReference

    /// Finds the objects at the dataset's address.
    func contents() async throws -> DatasetContents {
        do {
            let location = try S3Location(dataset.storageUri)
            if !location.key.isEmpty, !location.key.hasSuffix("/"),
                let info = try await client.headIfExists(location)
            {
                try Self.checkName(location)
                return DatasetContents(
                    files: [DatasetContents.File(location: location, path: location.name)], isObject: true,
                    version: info.declaredVersion)
            }
            return try await folder(location)
        } catch let error as S3Error {
            throw AgentFailure.naming(missing: "DatasetNotFound", "dataset.storageUri", error)
        }
    }

    private static func checkName(_ location: S3Location) throws(AgentFailure) {
        let other = [".parquet", ".csv", ".gz", ".zst", ".zip", ".arrow"].first { location.key.hasSuffix($0) }
        guard other != nil else { return }
        throw AgentFailure(
            reason: "UnsupportedDataset",
            message:
                "dataset.storageUri: '\(location)' is no JSONL file; convert it to one JSON object a line "
                + "(.jsonl, not compressed)")
    }

    private func folder(_ location: S3Location) async throws -> DatasetContents {
        let manifest = try await synchroniser.manifest(of: location)
        let files: [DatasetContents.File]
        if let manifest {
            files = manifest.manifest.files.map {
                DatasetContents.File(location: location.appending($0.path), path: $0.path, sha256: $0.sha256)
            }
        } else {
            files = try await client.list(below: location).map {
                let path = String($0.location.key.dropFirst(location.folderPrefix.count))
                return DatasetContents.File(location: $0.location, path: path)
            }
        }
        let records = files.filter { $0.path.hasSuffix(".jsonl") }
        guard !records.isEmpty else {
            throw AgentFailure(
                reason: "DatasetNotFound",
                message:
                    "dataset.storageUri: '\(location)' is neither an object nor a folder with .jsonl objects; "
                    + "upload the dataset or correct the address")
        }
        return DatasetContents(
            files: records, manifest: manifest, isObject: false,
            version: manifest?.manifest.metadata["version"])
    }

    /// Calls `body` with every record and its line, and returns the dataset's digest, as `ContentDigest`
    /// defines it. For a folder without a manifest it covers the `.jsonl` files.
    func read(
        _ contents: DatasetContents, _ body: (_ record: Record, _ line: [UInt8]) throws -> Void
    ) async throws -> String {
        var digests: [(path: String, sha256: String)] = []
        for file in contents.files {
            let digest = try await read(file, body)
            if let expected = file.sha256, expected != digest {
                throw AgentFailure(
                    reason: "ChecksumMismatch",
                    message: "\(file.location) has SHA-256 \(digest) instead of its manifest's \(expected); "
                        + "upload the dataset again")
            }
            digests.append((file.path, digest))
        }
        if let manifest = contents.manifest { return manifest.sha256 }
        if contents.isObject, let only = digests.first { return only.sha256 }
        return ContentDigest.folder(digests)
    }

    private func read(
        _ file: DatasetContents.File, _ body: (_ record: Record, _ line: [UInt8]) throws -> Void
    ) async throws -> String {
        var digest = StreamingDigest()
        var lines = LineSplitter(limit: Self.lineLimit)
        var number = 0
        func take(_ line: [UInt8]) throws {
            number += 1
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { return }
            do {
                try body(try Record(line, format: dataset.format), line)
            } catch let error as RecordError {
                throw self.failure(number, file, error.problem)
            }
        }
        do {
            var reader = try await ObjectReader(client, file.location)
            while let chunk = try await reader.next() {
                digest.update(chunk)
                try lines.take(chunk, take)
            }
            try lines.finish(take)
        } catch is LineSplitter.LineTooLong {
            throw failure(number + 1, file, "it is longer than \(grouped(Self.lineLimit)) bytes; split it")
        }
        return digest.finish()
    }

    private func failure(_ number: Int, _ file: DatasetContents.File, _ problem: String) -> AgentFailure {
        AgentFailure(
            reason: "InvalidRecord",
            message: "record \(grouped(number)) of \(file.location): \(problem); correct or remove the line "
                + "(the format is \(dataset.format.rawValue))")
    }
}

/// A number with a comma between thousands.
func grouped(_ number: some BinaryInteger) -> String {
    let digits = Array(String(number))
    var output = ""
    for (index, digit) in digits.enumerated() {
        if index > 0, digit != "-", digits[index - 1] != "-", (digits.count - index) % 3 == 0 {
            output.append(",")
        }
        output.append(digit)
    }
    return output
}
