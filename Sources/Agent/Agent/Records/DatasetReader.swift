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
        var split = DatasetSplit.train
    }

    /// Files that are read, sorted by path.
    var files: [File]
    /// Number of the files at the dataset's address: those that are read, and those that are no records or of
    /// the split test.
    var filesFound: Int
    /// Manifest of a folder; nil if there is none.
    var manifest: CommittedManifest?
    /// Whether the dataset is one object rather than a folder.
    var isObject: Bool
    /// Version that the uploader declared; nil if none.
    var version: String?

    /// Whether the dataset has a validation split of its own.
    var hasValidation: Bool { files.contains { $0.split == .validation } }
}

/// Reads the records of a dataset from S3 in order, file by file, line by line. Holds some mebibytes,
/// whatever the dataset's size.
struct DatasetReader {
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
                do throws(DatasetFiles.Refusal) { try DatasetFiles.check(object: location.name) } catch {
                    throw Self.unsupported("\(location)", error.problem)
                }
                return DatasetContents(
                    files: [DatasetContents.File(location: location, path: location.name)], filesFound: 1,
                    isObject: true, version: info.declaredVersion)
            }
            return try await folder(location)
        } catch let error as S3Error {
            throw AgentFailure.naming(missing: "DatasetNotFound", "dataset.storageUri", error)
        }
    }

    private func folder(_ location: S3Location) async throws -> DatasetContents {
        let manifest = try await synchroniser.manifest(of: location)
        let found: [DatasetContents.File]
        if let manifest {
            found = manifest.manifest.files.map {
                DatasetContents.File(location: location.appending($0.path), path: $0.path, sha256: $0.sha256)
            }
        } else {
            found = try await client.list(below: location).map {
                let path = String($0.location.key.dropFirst(location.folderPrefix.count))
                return DatasetContents.File(location: $0.location, path: path)
            }
        }
        guard !found.isEmpty else {
            throw AgentFailure(
                reason: "DatasetNotFound",
                message:
                    "dataset.storageUri: '\(location)' is neither an object nor a folder with objects; upload the "
                    + "dataset or correct the address")
        }
        return DatasetContents(
            files: try Self.choose(found, of: location), filesFound: found.count, manifest: manifest,
            isObject: false, version: manifest?.manifest.metadata["version"])
    }

    private static func choose(
        _ found: [DatasetContents.File], of folder: S3Location
    ) throws(AgentFailure) -> [DatasetContents.File] {
        let chosen: DatasetFiles
        do { chosen = try DatasetFiles(paths: found.map(\.path)) } catch {
            let place = error.path.map { "\(folder.appending($0))" } ?? "\(folder)"
            throw unsupported(place, error.problem)
        }
        let splits = Dictionary(chosen.files.map { ($0.path, $0.split) }) { first, _ in first }
        return found.compactMap { file in
            guard let split = splits[file.path] else { return nil }
            var file = file
            file.split = split
            return file
        }
    }

    /// Calls `body` with every record, its line and its split, those of the split validation first, and returns
    /// the dataset's digest, as `ContentDigest` defines it. For a folder without a manifest it covers the files
    /// that are read.
    func read(
        _ contents: DatasetContents,
        _ body: (_ record: Record, _ line: [UInt8], _ split: DatasetSplit) throws -> Void
    ) async throws -> String {
        var digests: [(path: String, sha256: String)] = []
        let validation = contents.files.filter { $0.split == .validation }
        for file in validation + contents.files.filter({ $0.split != .validation }) {
            let digest = try await read(file) { try body($0, $1, file.split) }
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
        var lines = RecordLines(opensGzip: true)
        let format = dataset.format
        func take(_ line: [UInt8]) throws {
            do { try body(try Record(line, format: format), line) } catch let error as RecordError {
                guard line.last(where: { $0 != 0x20 && $0 != 0x0D }) == UInt8(ascii: ",") else { throw error }
                throw RecordError(
                    problem: "it ends in a comma: write one object a line, without commas between them")
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
            throw failure(
                lines.number + 1, file, "it is longer than \(grouped(RecordLines.lineLimit)) bytes; split it")
        } catch let error as RecordError {
            throw failure(lines.number, file, error.problem)
        } catch let error as UnreadableContent {
            throw Self.unsupported("\(file.location)", error.problem)
        }
        return digest.finish()
    }

    private static func unsupported(_ place: String, _ problem: String) -> AgentFailure {
        AgentFailure(reason: "UnsupportedDataset", message: "dataset.storageUri: '\(place)': \(problem)")
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
