import ObjectStorage

/// The checkpoints that a trainer has written: `step-N` is finished, `step-N.tmp` is not.
struct LocalCheckpoints {
    struct Folder: Hashable, Sendable {
        var step: Int64
        var path: String
    }

    /// State of the folder, by path, in which a change shows that a trainer is at work.
    typealias Trace = [String: FileTree.Stamp]

    let directory: String

    /// Finished checkpoints, the newest step first.
    func finished() -> [Folder] {
        guard let names = try? FileTree.names(in: directory) else { return [] }
        return names.compactMap { name -> Folder? in
            guard let step = CheckpointStore.number(name, after: "step-"),
                (try? FileTree.kind("\(directory)/\(name)")) == .folder
            else { return nil }
            return Folder(step: step, path: "\(directory)/\(name)")
        }.sorted { $0.step > $1.step }
    }

    /// Names, sizes and times of the folder's entries and of the files in unfinished checkpoints.
    func trace() -> Trace {
        var trace: Trace = [:]
        for name in (try? FileTree.names(in: directory)) ?? [] {
            let path = "\(directory)/\(name)"
            trace[name] = FileTree.stamp(path)
            guard name.hasSuffix(".tmp") else { continue }
            for file in (try? FileTree.names(in: path)) ?? [] {
                trace["\(name)/\(file)"] = FileTree.stamp("\(path)/\(file)")
            }
        }
        return trace
    }
}
