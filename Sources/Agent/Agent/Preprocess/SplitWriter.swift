import FoundationEssentials
import ObjectStorage

/// Writes the two sides of a split, in input order. A side that chance left empty gets a record of the other
/// one.
struct SplitWriter: ~Copyable {
    private let folder: ProcessedFolder
    private var train: Side
    private var validation: Side

    /// One side's file. Lines are gathered and written some hundred kibibytes at a time.
    private struct Side: ~Copyable {
        private static let flushAt = 1 << 18

        let file: LocalFile
        var records: Int64 = 0
        /// The record with the lowest rank, which moves to the other side if that stays empty.
        var lowest: (rank: UInt64, index: Int64)?
        private var pending = Data()

        init(_ path: String) throws(S3Error) { file = try LocalFile(creating: path) }

        mutating func append(_ line: [UInt8], rank: UInt64) throws {
            if rank < lowest?.rank ?? .max { lowest = (rank, records) }
            records += 1
            pending.append(contentsOf: line)
            if pending.last == 0x0D { pending.removeLast() }
            pending.append(0x0A)
            if pending.count >= Self.flushAt { try flush() }
        }

        mutating func flush() throws {
            try file.write(pending)
            pending.removeAll(keepingCapacity: true)
        }
    }

    init(folder: ProcessedFolder) throws {
        try FileTree.makeFolder(folder.path)
        let train = try Side(folder.file(ProcessedFolder.train))
        let validation = try Side(folder.file(ProcessedFolder.validation))
        self.folder = folder
        self.train = train
        self.validation = validation
    }

    mutating func train(_ line: [UInt8], rank: UInt64) throws { try train.append(line, rank: rank) }
    mutating func validation(_ line: [UInt8], rank: UInt64) throws { try validation.append(line, rank: rank) }

    /// Sides that get a record of the other one if they are empty.
    enum Filling { case neither, train, both }

    /// Flushes both files and returns the number of records of each.
    consuming func finish(_ filling: Filling) throws -> (train: Int64, validation: Int64) {
        try train.flush()
        try validation.flush()
        guard filling != .neither else { return (train.records, validation.records) }
        if filling == .both, validation.records == 0, train.records > 1, let moved = train.lowest {
            try Self.move(
                moved.index, from: ProcessedFolder.train, to: ProcessedFolder.validation, in: folder)
            return (train.records - 1, 1)
        }
        if train.records == 0, validation.records > 1, let moved = validation.lowest {
            try Self.move(
                moved.index, from: ProcessedFolder.validation, to: ProcessedFolder.train, in: folder)
            return (1, validation.records - 1)
        }
        if train.records == 0, validation.records == 1 {
            try LocalFile.rename(
                folder.file(ProcessedFolder.validation), to: folder.file(ProcessedFolder.train))
            _ = try LocalFile(creating: folder.file(ProcessedFolder.validation))
            return (1, 0)
        }
        return (train.records, validation.records)
    }

    /// Moves one line from a file to an empty one.
    private static func move(
        _ index: Int64, from source: String, to target: String, in folder: ProcessedFolder
    ) throws {
        let rest = folder.file(source + ".part")
        let remaining = try LocalFile(creating: rest)
        let moved = try LocalFile(creating: folder.file(target))
        var number: Int64 = 0
        var lines = LineSplitter(limit: RecordLines.lineLimit)
        try FileChunks.forEach(folder.file(source)) { chunk in
            var kept = Data()
            try lines.take(chunk) { line in
                if number == index {
                    try moved.write(Data(line + [0x0A]))
                } else {
                    kept.append(contentsOf: line + [0x0A])
                }
                number += 1
            }
            try remaining.write(kept)
        }
        try LocalFile.rename(rest, to: folder.file(source))
    }
}
