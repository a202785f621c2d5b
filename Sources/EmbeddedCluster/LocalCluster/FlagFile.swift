import FoundationEssentials
import KubernetesAPI
import NodeAgent
import Yams

/// Reads files that flags name, in YAML or JSON.
enum FlagFile {
    static func decode<T: Decodable>(_ path: String, flag: String, example: String) throws(LocalClusterError)
        -> T
    {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw LocalClusterError(
                "\(flag) \(path): the file cannot be read; give the path of an existing file")
        }
        do {
            return try YAMLDecoder().decode(T.self, from: data)
        } catch {
            throw LocalClusterError("\(flag) \(path): \(describe(error)); it should look like \"\(example)\"")
        }
    }

    private static func describe(_ error: any Error) -> String {
        guard let decoding = error as? DecodingError else { return "\(error)" }
        switch decoding {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            let place = context.codingPath.map(\.stringValue).joined(separator: ".")
            return (place.isEmpty ? "" : "\(place): ") + context.debugDescription
        @unknown default: return "\(decoding)"
        }
    }
}

/// The file given with `--images`: `images: {REFERENCE: {entrypoint, cmd, env, readOnlyBinds, workingDir}}`.
public enum ImageFile {
    public static func load(_ path: String) throws(LocalClusterError) -> ImageMap {
        struct File: Decodable { var images: [String: ContainerImage] }
        let file: File = try FlagFile.decode(
            path, flag: "--images", example: "images: {my/image: {entrypoint: [/usr/bin/env]}}")
        for (name, image) in file.images {
            for bind in image.readOnlyBinds ?? [] where !bind.host.hasPrefix("/") || !bind.path.hasPrefix("/")
            {
                throw LocalClusterError(
                    "--images \(path): images.\(name).readOnlyBinds: \"\(bind.host)\" → \"\(bind.path)\" must "
                        + "both be "
                        + "absolute paths")
            }
        }
        return ImageMap(file.images)
    }
}
