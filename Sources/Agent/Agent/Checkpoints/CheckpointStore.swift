import AnnealAPI
import Logging
import ObjectStorage

/// A checkpoint's folder in S3, committed or not.
struct CheckpointFolder: Hashable, Sendable {
    var location: S3Location
    var attempt: Int
    var step: Int64
}

/// A committed checkpoint.
struct StoredCheckpoint: Hashable, Sendable {
    var folder: CheckpointFolder
    var committed: CommittedManifest

    static let evalLossKey = "evalLoss"

    /// Validation loss that the sidecar noted at the upload; nil if it knew none.
    var evalLoss: Double? {
        committed.manifest.metadata[Self.evalLossKey].flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil }
    }

    var reference: CheckpointReference {
        CheckpointReference(
            step: folder.step, attempt: folder.attempt, storageUri: "\(folder.location)",
            manifestSha256: committed.sha256, evalLoss: evalLoss)
    }
}

/// A run's checkpoints in S3, in folders `attempt-NNNN/step-NNNNNNNNNN/` as `ArtifactLayout` names them.
struct CheckpointStore: Sendable {
    let synchroniser: Synchroniser
    /// `…/checkpoints`
    let root: S3Location
    /// UID of the run.
    let run: String
    /// Number of the newest attempt that has begun. Folders of later ones can only be somebody else's work: they
    /// neither stop an upload nor are resumed from.
    let newestAttempt: Int
    let logger: Logger

    /// The folders of all attempts that have begun, the newest step first; of one step, the newest attempt
    /// first.
    func folders() async throws(S3Error) -> [CheckpointFolder] {
        var found: [CheckpointFolder] = []
        for attemptFolder in try await synchroniser.client.listFolders(below: root) {
            guard let attempt = Self.number(attemptFolder.name, after: "attempt-"),
                let attempt = Int(exactly: attempt)
            else { continue }
            guard attempt <= newestAttempt else {
                logger.warning("\(attemptFolder) is of no attempt up to \(newestAttempt); it is left out")
                continue
            }
            for stepFolder in try await synchroniser.client.listFolders(below: attemptFolder) {
                guard let step = Self.number(stepFolder.name, after: "step-") else { continue }
                var location = stepFolder
                while location.key.hasSuffix("/") { location.key.removeLast() }
                found.append(CheckpointFolder(location: location, attempt: attempt, step: step))
            }
        }
        return found.sorted { ($0.step, $0.attempt) > ($1.step, $1.attempt) }
    }

    /// The newest committed checkpoint; nil if there is none.
    func newest() async throws(S3Error) -> StoredCheckpoint? {
        for folder in try await folders() {
            if let checkpoint = try await checkpoint(in: folder) { return checkpoint }
        }
        return nil
    }

    /// The checkpoint in a folder; nil, and a line in the log, unless it is committed: its manifest is there,
    /// belongs to this run, and is about this folder.
    func checkpoint(in folder: CheckpointFolder) async throws(S3Error) -> StoredCheckpoint? {
        switch try await content(of: folder) {
        case .checkpoint(let checkpoint): return checkpoint
        case .uncommitted:
            logger.notice("\(folder.location) was never committed; it is left out")
            return nil
        case .unusable(let problem):
            logger.warning("\(problem); the checkpoint is left out")
            return nil
        }
    }

    /// Worth of a folder.
    private enum Content {
        case checkpoint(StoredCheckpoint)
        /// There is no manifest.
        case uncommitted
        case unusable(String)
    }

    private func content(of folder: CheckpointFolder) async throws(S3Error) -> Content {
        let committed: CommittedManifest
        do {
            guard let found = try await synchroniser.manifest(of: folder.location) else {
                return .uncommitted
            }
            committed = found
        } catch  where error.code == .invalidManifest || error.code == .unsafePath {
            return .unusable(error.message)
        }
        let manifest = committed.manifest
        guard manifest.run == run, manifest.step == folder.step, manifest.attempt == folder.attempt,
            !manifest.files.isEmpty
        else { return .unusable("\(folder.location) has the manifest of something else") }
        return .checkpoint(StoredCheckpoint(folder: folder, committed: committed))
    }

    /// Removes what attempts that are over have left unfinished: checkpoints without a manifest, and multipart
    /// uploads. It costs space and nothing else, so that a refusal is no failure.
    func removeUnfinished() async {
        do throws(S3Error) {
            for folder in try await folders() {
                guard case .uncommitted = try await content(of: folder) else { continue }
                try await synchroniser.remove(folder.location)
                logger.notice("removed \(folder.location), which was never committed")
            }
        } catch {
            logger.warning("\(error.message); checkpoints that were never committed may stay in S3")
        }
        await synchroniser.abortUploads(below: root) { key in
            guard let folder = key.split(separator: "/").first,
                let attempt = Self.number(String(folder), after: "attempt-")
            else { return false }
            return attempt <= newestAttempt
        }
    }

    /// `12` of `step-12` and of `step-0000000012`.
    static func number(_ name: String, after prefix: String) -> Int64? {
        guard name.hasPrefix(prefix) else { return nil }
        let digits = name.dropFirst(prefix.count)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(digits)
    }
}
