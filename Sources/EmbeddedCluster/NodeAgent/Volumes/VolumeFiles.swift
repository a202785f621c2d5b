import FoundationEssentials
import KubernetesAPI

/// A file of a ConfigMap, Secret, projected or downward API volume.
public struct VolumeFile: Hashable, Sendable {
    /// Path relative to the volume.
    public var path: String
    public var contents: Data
    public var mode: Int

    public init(path: String, contents: Data, mode: Int) {
        self.path = path
        self.contents = contents
        self.mode = mode
    }
}

/// Files of the volumes that are made of API objects: a pure function of these objects.
public struct VolumeFiles: Sendable {
    public var objects: NamespaceObjects
    public var fields: DownwardFields
    /// Tokens that were fetched beforehand, by projection.
    public var tokens: [ServiceAccountTokenProjection: String]

    public init(
        objects: NamespaceObjects, fields: DownwardFields,
        tokens: [ServiceAccountTokenProjection: String] = [:]
    ) {
        self.objects = objects
        self.fields = fields
        self.tokens = tokens
    }

    /// The files of a volume; nil for volumes that are folders.
    public func files(of volume: Volume) throws(ConfigurationError) -> [VolumeFile]? {
        if let source = volume.configMap {
            return try configMap(source, mode: source.defaultMode)
        }
        if let source = volume.secret {
            return try secret(
                source.secretName ?? "", items: source.items, optional: source.optional,
                mode: source.defaultMode)
        }
        if let source = volume.downwardAPI { return try downward(source, mode: source.defaultMode) }
        guard let projected = volume.projected else { return nil }
        var files: [VolumeFile] = []
        for source in projected.sources ?? [] {
            files += try self.files(of: source, mode: projected.defaultMode)
        }
        return files
    }

    private func files(
        of source: VolumeProjection, mode: Int64?
    ) throws(ConfigurationError) -> [VolumeFile] {
        var files: [VolumeFile] = []
        if let map = source.configMap { files += try configMap(map, mode: mode) }
        if let named = source.secret {
            files += try secret(named.name ?? "", items: named.items, optional: named.optional, mode: mode)
        }
        if let api = source.downwardAPI { files += try downward(api, mode: mode) }
        if let projection = source.serviceAccountToken {
            guard let token = tokens[projection] else {
                throw ConfigurationError("no token was issued for \(projection.path)")
            }
            files.append(try file(projection.path, Data(token.utf8), mode: mode))
        }
        return files
    }

    private func configMap(_ source: ConfigMapVolumeSource, mode: Int64?) throws(ConfigurationError)
        -> [VolumeFile]
    {
        let name = source.name ?? ""
        guard let map = objects.configMaps[name] else {
            if source.optional == true { return [] }
            throw ConfigurationError("configmap \"\(name)\" not found")
        }
        let data = (map.data ?? [:]).mapValues { Data($0.utf8) }
        return try select(
            data, items: source.items, optional: source.optional, mode: mode,
            lack: "configmap references non-existent config key")
    }

    private func secret(
        _ name: String, items: [KeyToPath]?, optional: Bool?, mode: Int64?
    ) throws(ConfigurationError) -> [VolumeFile] {
        guard let secret = objects.secrets[name] else {
            if optional == true { return [] }
            throw ConfigurationError("secret \"\(name)\" not found")
        }
        return try select(
            secret.data ?? [:], items: items, optional: optional, mode: mode,
            lack: "references non-existent secret key")
    }

    private func select(
        _ data: [String: Data], items: [KeyToPath]?, optional: Bool?, mode: Int64?, lack: String
    ) throws(ConfigurationError) -> [VolumeFile] {
        var files: [VolumeFile] = []
        guard let items, !items.isEmpty else {
            for (key, value) in data.sorted(by: { $0.key < $1.key }) {
                files.append(try file(key, value, mode: mode))
            }
            return files
        }
        for item in items {
            guard let value = data[item.key] else {
                if optional == true { continue }
                throw ConfigurationError("\(lack): \(item.key)")
            }
            files.append(try file(item.path, value, mode: item.mode ?? mode))
        }
        return files
    }

    private func downward(_ source: DownwardAPIVolumeSource, mode: Int64?) throws(ConfigurationError)
        -> [VolumeFile]
    {
        var files: [VolumeFile] = []
        for item in source.items ?? [] {
            let path = item.fieldRef?.fieldPath ?? ""
            guard let value = fields.value(of: path) else {
                throw ConfigurationError(
                    "downwardAPI item \"\(item.path)\": unsupported fieldPath: \"\(path)\"")
            }
            files.append(try file(item.path, Data(value.utf8), mode: mode))
        }
        return files
    }

    private func file(_ path: String, _ contents: Data, mode: Int64?) throws(ConfigurationError) -> VolumeFile
    {
        guard Self.isRelative(path) else {
            throw ConfigurationError("path \"\(path)\" must be relative and must not contain '..'")
        }
        return VolumeFile(path: path, contents: contents, mode: Int(clamping: mode ?? 0o644) & 0o777)
    }

    /// Whether a path stays inside the folder it is appended to.
    static func isRelative(_ path: String) -> Bool {
        !path.isEmpty && !path.hasPrefix("/") && !path.split(separator: "/").contains("..")
            && !path.utf8.contains(0)
    }
}
