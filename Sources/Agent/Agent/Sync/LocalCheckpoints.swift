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

    /// Steps of the checkpoints that are being written.
    func unfinished() -> Set<Int64> {
        let names = (try? FileTree.names(in: directory)) ?? []
        return Set(
            names.compactMap { name in
                name.hasSuffix(".tmp")
                    ? CheckpointStore.number(String(name.dropLast(4)), after: "step-") : nil
            })
    }

    /// Entries of a trace at most: a look comes each second.
    private static let traceLimit = 10_000

    /// Names, sizes and times of the folder's entries and of all that unfinished checkpoints hold, however deep:
    /// shards lie in folders of their own.
    func trace() -> Trace {
        var trace: Trace = [:]
        var pending = [""]
        while let folder = pending.popLast(), trace.count < Self.traceLimit {
            let path = folder.isEmpty ? directory : "\(directory)/\(folder)"
            for name in (try? FileTree.names(in: path)) ?? [] {
                let entry = folder.isEmpty ? name : "\(folder)/\(name)"
                trace[entry] = FileTree.stamp("\(directory)/\(entry)")
                let isOpen = !folder.isEmpty || name.hasSuffix(".tmp")
                if isOpen, (try? FileTree.kind("\(directory)/\(entry)")) == .folder { pending.append(entry) }
            }
        }
        return trace
    }
}
