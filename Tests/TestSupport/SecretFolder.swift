import Foundation
import Synchronization

/// A folder that is written as the kubelet writes a mounted Secret: each version in a folder of its own, to which a
/// link leads. It is removed with the test.
public final class SecretFolder: Sendable {
    public struct Failure: Error {}

    public let path = FileManager.default.temporaryDirectory.appending(path: "secret-\(UUID().uuidString)")
        .path
    private let version = Mutex(0)

    public init(_ values: [String: String] = [:]) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try rotate(values)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Replaces all keys at once.
    public func rotate(_ values: [String: String]) throws {
        let manager = FileManager.default
        let version = version.withLock { number in
            number += 1
            return "..version-\(number)"
        }
        try manager.createDirectory(atPath: "\(path)/\(version)", withIntermediateDirectories: true)
        for (key, value) in values {
            try Data(value.utf8).write(to: URL(filePath: "\(path)/\(version)/\(key)"))
            try? manager.createSymbolicLink(atPath: "\(path)/\(key)", withDestinationPath: "..data/\(key)")
        }
        try manager.createSymbolicLink(atPath: "\(path)/..data_tmp", withDestinationPath: version)
        guard rename("\(path)/..data_tmp", "\(path)/..data") == 0 else { throw Failure() }
    }
}
