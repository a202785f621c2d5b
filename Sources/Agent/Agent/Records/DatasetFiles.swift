import Encodings

/// Side of a dataset that a file belongs to.
enum DatasetSplit: String, Sendable {
    case train, validation, test

    private static let words: [DatasetSplit: [String]] = [
        .train: ["train", "training"],
        .validation: ["validation", "valid", "val", "dev", "eval", "evaluation"],
        .test: ["test", "testing", "heldout"],
    ]

    /// The split that a path names, by its file's name or a folder's: `train.jsonl`,
    /// `train-00000-of-00002.jsonl`, `validation/part-0.jsonl`, `squad_test.jsonl`. Nil if it names none.
    init?(path: String) {
        for segment in path.split(separator: "/").reversed() {
            // Numbers of shards and suffixes say nothing.
            let stem = segment.split(separator: ".").first ?? ""
            let parts = stem.lowercased().split { !$0.isLetter }.map(String.init).filter {
                !["of", "part", "shard", "split", "data", "set", "chunk"].contains($0)
            }
            guard let first = parts.first, let last = parts.last else { continue }
            for split in [DatasetSplit.train, .validation, .test] {
                let words = Self.words[split] ?? []
                if words.contains(first) || words.contains(last) {
                    self = split
                    return
                }
            }
        }
        return nil
    }
}

/// The files of a folder that make a dataset.
struct DatasetFiles: Equatable {
    struct File: Equatable {
        var path: String
        var split: DatasetSplit
    }

    struct Refusal: Error, Equatable {
        /// Path of a file in the folder; nil if the folder as a whole is refused.
        var path: String?
        var problem: String
    }

    /// Files that are read: of the splits train and validation.
    var files: [File]
    /// Files of the split test, which no training sees.
    var heldBack: [String]

    private static let readable = ["jsonl", "ndjson", "json"]
    /// Files that tools leave beside records, and that hold none.
    private static let companions: Set<String> = [
        "manifest.json", "anneal-manifest.json", "dataset_info.json", "dataset_infos.json",
        "dataset_dict.json", "state.json",
        "metadata.json", "package.json", "license", "licence", "notice", "readme", "changelog", "checksums",
        "sha256sums", "md5sums", "makefile", "dockerfile", "citation.cff", "requirements.txt",
    ]
    private static let companionSuffixes: Set<String> = [
        "md", "rst", "pdf", "yaml", "yml", "toml", "cfg", "ini", "lock", "py", "ipynb", "sh", "png", "jpg",
        "jpeg", "gif", "svg", "crc", "md5", "sha1", "sha256", "sig", "asc", "bib",
    ]
    private static let tables = [
        "parquet", "csv", "tsv", "arrow", "feather", "avro", "orc", "xls", "xlsx", "pkl", "npy", "db",
        "sqlite",
    ]
    private static let compressed = ["zst", "bz2", "xz", "zip", "tar", "tgz", "7z", "lz4", "snappy", "br"]

    /// - Parameter paths: all files of the folder.
    init(paths: [String]) throws(Refusal) {
        var candidates: [String] = []
        for path in paths where try Self.holdsRecords(path) { candidates.append(path) }
        guard !candidates.isEmpty else {
            throw Refusal(problem: "no file of it holds records (.jsonl, .json, .jsonl.gz)")
        }
        let splits = candidates.map { (path: $0, split: DatasetSplit(path: $0)) }
        let named = splits.filter { $0.split != nil }
        guard !named.isEmpty else {
            files = candidates.map { File(path: $0, split: .train) }
            heldBack = []
            return
        }
        if let unclear = splits.first(where: { $0.split == nil }), let other = named.first {
            throw Refusal(
                path: unclear.path,
                problem:
                    "it belongs to no split, while '\(other.path)' is named after one; name each file train…, "
                    + "validation… or test…, or point dataset.storageUri to the files of one split")
        }
        guard named.contains(where: { $0.split == .train }) else {
            throw Refusal(
                path: named.first?.path,
                problem:
                    "it and all others are named as \(named.contains { $0.split == .test } ? "test" : "validation") "
                    + "data, and none as train; rename what is to be trained on, or point dataset.storageUri to one "
                    + "object")
        }
        files = named.compactMap { file in
            guard let split = file.split, split != .test else { return nil }
            return File(path: file.path, split: split)
        }
        heldBack = named.filter { $0.split == .test }.map(\.path)
    }

    /// Refuses one object that is named for a format which is not read; any other name says nothing.
    static func check(object name: String) throws(Refusal) {
        guard let suffix = name.lowercased().split(separator: ".").dropFirst().last.map(String.init),
            tables.contains(suffix) || compressed.contains(suffix)
        else { return }
        _ = try holdsRecords("data." + suffix)
    }

    /// Whether a file is read as records; refuses data that cannot be read, so that no shard is left out
    /// silently.
    static func holdsRecords(_ path: String) throws(Refusal) -> Bool {
        let segments = path.split(separator: "/")
        guard let name = segments.last?.lowercased(),
            !segments.contains(where: { $0.hasPrefix(".") || $0.hasPrefix("_") })
        else { return false }
        var suffixes = name.split(separator: ".").dropFirst().map(String.init)[...]
        guard !companions.contains(name), !companions.contains(String(name.prefix { $0 != "." })) else {
            return false
        }
        guard let last = suffixes.last else { return true }
        if compressed.contains(last) {
            throw Refusal(
                path: path,
                problem: "it is compressed in a way that is not read (.\(last)); unpack it, or use gzip")
        }
        if last == "gz" { suffixes = suffixes.dropLast() }
        guard let kind = suffixes.last else { return true }
        if readable.contains(kind) || kind.allSatisfy(\.isNumber) { return true }
        if companionSuffixes.contains(kind) { return false }
        throw Refusal(
            path: path,
            problem:
                "it is no file of JSON lines (.\(kind)); convert it to one JSON object a line (.jsonl or .jsonl.gz), "
                + "or move it out of the folder")
    }
}
