import AnnealAPI
import Encodings
import KubernetesAPI
import ObjectStorage

/// The files of a base model as they are listed in S3: finds what no trainer could load.
struct ModelFolder {
    struct File: Equatable {
        /// Path relative to the folder.
        var path: String
        /// Size in bytes.
        var size: Int64
    }

    /// Bytes of a pointer of Git LFS at most, by its specification.
    private static let pointerSize: Int64 = 1024
    /// Small files that are looked at for pointers, at most; a model has some ten.
    private static let pointerLimit = 1000
    private static let indexSize = 64 << 20

    let client: S3Client
    let location: S3Location
    let files: [File]

    init(client: S3Client, location: S3Location, files: [File]) {
        self.client = client
        self.location = location
        self.files = files
    }

    /// Refuses an adapter, pointers of Git LFS, and an index whose shards are missing.
    func check() async throws {
        let paths = Set(files.map(\.path))
        if paths.contains("adapter_config.json"), !paths.contains("config.json") { throw try await adapter() }
        for file in files.filter({ (1...Self.pointerSize).contains($0.size) }).prefix(Self.pointerLimit) {
            let content = try await client.get(location.appending(file.path), limit: Int(Self.pointerSize))
            guard ContentKind(of: content) == .lfsPointer else { continue }
            throw unusable(
                file.path,
                "is a pointer of Git LFS, not the file itself; run git lfs pull, and upload what that brings")
        }
        for file in files where file.path.hasSuffix(".index.json") {
            try await check(index: file.path, among: paths)
        }
    }

    private func adapter() async throws -> AgentFailure {
        let text = try await client.get(location.appending("adapter_config.json"), limit: 1 << 20)
        let base = (try? JSONValue(parsing: Array(text)))?["base_model_name_or_path"]?.stringValue
        let name = base.map { ", '\($0.prefix(200))'," } ?? ""
        return unusable(
            "adapter_config.json",
            "says that this is an adapter and no whole model; name the model\(name) that it was trained on, or "
                + "merge the two and upload the result")
    }

    private func check(index path: String, among paths: Set<String>) async throws {
        let data = try await client.get(location.appending(path), limit: Self.indexSize)
        guard let map = (try? JSONValue(parsing: Array(data)))?["weight_map"]?.objectValue else {
            throw unusable(
                path,
                "is no index of shards (it is \(ContentKind(of: data).description), without a weight_map); "
                    + "upload the model again")
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let missing = Set(map.values.compactMap(\.stringValue)).filter { !paths.contains(folder + $0) }
            .sorted()
        guard let first = missing.first else { return }
        let others =
            missing.count > 1 ? " and \(missing.count - 1) more, which are not there" : ", which is not there"
        throw unusable(
            path, "names '\(first.prefix(200))'\(others); upload all shards of the model")
    }

    private func unusable(_ path: String, _ problem: String) -> AgentFailure {
        AgentFailure(
            reason: "UnusableModel", message: "model.storageUri: '\(location.appending(path))' \(problem)")
    }
}

/// The layout of the Hugging Face hub's cache: `blobs/`, `refs/` and `snapshots/<revision>/`, below
/// `models--<organisation>--<name>/` or not.
struct HubCache {
    struct Refusal: Error, Equatable {
        var problem: String
    }

    /// Path of the cache of one model; empty or with a slash at its end.
    var root: String
    /// Revisions of which there are files, sorted.
    var revisions: [String]

    /// The cache that a folder holds; nil if its layout is another.
    init?(paths: [String]) throws(Refusal) {
        guard !paths.contains("config.json") else { return nil }
        let models = Set(
            paths.compactMap { path -> String? in
                let first = path.prefix { $0 != "/" }
                return first.hasPrefix("models--") && path.contains("/") ? String(first) : nil
            })
        guard models.count <= 1 else {
            throw Refusal(
                problem:
                    "holds the hub's cache of \(models.count) models (\(models.sorted().prefix(3).joined(separator: ", "))"
                    + "); name the folder of one of them")
        }
        let root = models.first.map { $0 + "/" } ?? ""
        let below = paths.compactMap { $0.hasPrefix(root) ? $0.dropFirst(root.count) : nil }
        let snapshots = below.filter { $0.hasPrefix("snapshots/") }
        revisions = Set(
            snapshots.compactMap { path -> String? in
                let parts = path.split(separator: "/", omittingEmptySubsequences: false)
                return parts.count > 2 && !parts[1].isEmpty ? String(parts[1]) : nil
            }
        ).sorted()
        self.root = root
        if revisions.isEmpty {
            guard !models.isEmpty || below.contains(where: { $0.hasPrefix("blobs/") }),
                below.contains(where: { $0.hasPrefix("blobs/") || $0.hasPrefix("refs/") })
            else { return nil }
            throw Refusal(
                problem:
                    "is the hub's cache without files in snapshots/: the upload left out its links; upload with "
                    + "links followed (aws s3 sync does), or upload snapshots/<revision>/ alone")
        }
    }

    /// The revision that `refs/main` names, or the only one.
    ///
    /// - Parameter main: content of `refs/main`; nil without it.
    func revision(main: String?) throws(Refusal) -> String {
        if let main, revisions.contains(main) { return main }
        if revisions.count == 1, let only = revisions.first { return only }
        throw Refusal(
            problem:
                "is the hub's cache with \(revisions.count) snapshots, of which refs/main names none; name one of "
                + "them, such as …/\(root)snapshots/\(revisions.first ?? "")")
    }
}
