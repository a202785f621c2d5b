import AnnealAPI
import Logging
import ObjectStorage

/// Remains on the volume of training attempts that are over.
struct LeftAttempts {
    let left: PrepareConfiguration.LeftAttempts
    let store: CheckpointStore
    let logger: Logger

    /// Times that a folder is tried to be removed while somebody writes to it.
    private static let removals = 3

    /// A finished checkpoint on the volume, and the attempt that wrote it.
    private struct Found {
        var attempt: Int
        var folder: LocalCheckpoints.Folder
    }

    /// Commits the finished checkpoints that are newer than all in S3, each as its own attempt's: a sidecar that
    /// was killed could not upload the last.
    ///
    /// - Parameter step: Step of a checkpoint that a run which this one continues has in S3; -1 where there is none.
    func save(beyond step: Int64) async throws(S3Error) {
        let newest = max(step, try await store.newest()?.folder.step ?? -1)
        for found in finished() where found.folder.step > newest { try await commit(found) }
    }

    /// The newest step first; of one step, the newest attempt first.
    private func finished() -> [Found] {
        var found = LocalCheckpoints(directory: left.formerDirectory).finished().map { folder in
            Found(attempt: left.newest, folder: folder)
        }
        for attempt in attempts() {
            let directory = "\(path(attempt))/\(Self.checkpoints)"
            found += LocalCheckpoints(directory: directory).finished().map { folder in
                Found(attempt: attempt.number, folder: folder)
            }
        }
        return found.sorted { ($0.folder.step, $0.attempt) > ($1.folder.step, $1.attempt) }
    }

    private static let checkpoints =
        WorkspacePath.checkpoints.split(separator: "/").last.map(String.init) ?? "checkpoints"

    /// Commits one of them; one that can never be uploaded is given up, and named.
    private func commit(_ found: Found) async throws(S3Error) {
        let path = found.folder.path
        let location = try S3Location(
            ArtifactLayout.checkpoint(
                root: left.artifactRoot, attempt: found.attempt, step: found.folder.step))
        let description = UploadDescription(
            run: store.run, attempt: found.attempt, step: found.folder.step, isShared: false)
        do throws(S3Error) {
            _ = try await store.synchroniser.upload(path, to: location, description)
            logger.notice("committed '\(path)', which attempt \(found.attempt) left, as \(location)")
        } catch {
            // A sidecar that lives on, on a node that is cut off, may have removed it.
            let isGone = error.isOfLocalFile && (try? FileTree.kind(path)) == .missing
            guard error.code == .unsafePath || isGone else { throw error }
            logger.error("\(error.message); this checkpoint is given up")
        }
    }

    private struct Attempt {
        var number: Int
        /// Name of its folder.
        var name: String
    }

    /// The attempts that have a folder. None is newer than `left.newest`: a folder of a later one would be in
    /// use.
    private func attempts() -> [Attempt] {
        ((try? FileTree.names(in: left.directory)) ?? []).compactMap { name in
            guard let number = CheckpointStore.number(name, after: WorkspacePath.attemptPrefix),
                let number = Int(exactly: number), (1...max(1, left.newest)).contains(number)
            else { return nil }
            return Attempt(number: number, name: name)
        }
    }

    private func path(_ attempt: Attempt) -> String { "\(left.directory)/\(attempt.name)" }

    /// Removes the attempts' folders. One that cannot be removed, because a pod on a node that is cut off still
    /// writes to it, costs only space: no other attempt sees it.
    func clear() {
        for attempt in attempts() {
            let path = path(attempt)
            var problem: S3Error?
            for _ in 0..<Self.removals {
                do throws(S3Error) {
                    try FileTree.remove(path)
                    problem = nil
                    break
                } catch { problem = error }
            }
            if let problem {
                logger.warning("\(problem.message); the next attempt has a folder of its own")
            } else {
                logger.info("removed '\(path)'")
            }
        }
    }
}
