import AnnealAPI
import ObjectStorage

/// Download of one input to the workspace.
struct InputDownload {
    let synchroniser: Synchroniser
    let download: PrepareConfiguration.Download

    /// Downloads the input and returns the number of bytes transferred.
    func run() async throws -> Int64 {
        let location = try S3Location(download.source.storageUri)
        let sha256 = download.source.sha256?.lowercased()
        if !location.key.isEmpty, !location.key.hasSuffix("/"),
            let info = try await synchroniser.client.headIfExists(location)
        {
            return try await object(info, sha256: sha256)
        }
        let folder = try await synchroniser.download(location, to: withoutSlash, sha256: sha256)
        // Files that another attempt or a transform left there are no part of the input.
        try FileTree.removeAll(below: withoutSlash, except: folder.paths)
        return folder.transferred
    }

    private func object(_ info: ObjectInfo, sha256: String?) async throws -> Int64 {
        let isFolder = download.destination.hasSuffix("/")
        let path = isFolder ? download.destination + info.location.name : download.destination
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try FileTree.makeFolder(String(path[..<slash]))
        }
        if let wanted = sha256 ?? info.declaredSha256, try FileTree.kind(path) == .file,
            try await ContentDigest.sha256(ofFile: path) == wanted
        {
            return 0
        }
        return try await synchroniser.client.download(
            info.location, to: path, size: info.size, sha256: sha256
        ).size
    }

    private var withoutSlash: String {
        var path = download.destination
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
