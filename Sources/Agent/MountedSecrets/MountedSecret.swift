import FoundationEssentials
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A Secret that is mounted as a folder with a file a key, which changes when the Secret does.
///
/// It is looked at anew at each use, at the cost of a `stat` a key, and read again when a file is another.
public final class MountedSecret: Sendable {
    /// Key that lists the hosts that the Secret may be sent to.
    public static let allowedHostsKey = "allowedHosts"
    /// Bytes of a value, at most, as of a whole Secret.
    private static let sizeLimit: Int64 = 1 << 20

    /// Field of the run that names the Secret: `storage.credentialsSecretName`.
    public let field: String
    private let folder: String
    private let namespace: String
    private let name: String
    private let keys: [String]
    private let cache = Mutex<Snapshot?>(nil)

    /// Values that were read at once, and the marks of the files at that time.
    private struct Snapshot {
        var marks: [FileMark?]
        var values: [String: String]
    }

    /// - Parameters:
    ///   - folder: folder that it is mounted at
    ///   - namespace: namespace of the Secret, for remedies
    ///   - name: name of the Secret, for messages
    ///   - field: field of the run that names it
    ///   - keys: keys that are used
    public init(folder: String, namespace: String, name: String, field: String, keys: [String]) {
        self.folder = folder
        self.namespace = namespace
        self.name = name
        self.field = field
        self.keys = keys + [Self.allowedHostsKey]
    }

    /// The Secret for people: `storage.credentialsSecretName: Secret 's3'`.
    public var title: String { "\(field): Secret '\(name)'" }

    /// The values of the keys that are there, if the Secret may be sent to an address.
    ///
    /// - Parameters:
    ///   - url: address that they would be sent to
    ///   - target: field that the address is from, `storage.endpoint`
    /// - Throws: `.notAllowed` if its `allowedHosts` does not list the host; `.missing` if it has no key at all.
    public func values(for url: String, of target: String) throws(SecretError) -> [String: String] {
        let values = try current()
        guard !values.isEmpty else {
            throw SecretError(.missing, "\(title) is not there, or has none of the keys \(wanted); create it")
        }
        try check(values, url, target)
        return values
    }

    /// Checks that the Secret may be sent to an address, whatever else is in it.
    ///
    /// - Throws: `.notAllowed` if its `allowedHosts` does not list the host; `.missing` if it has no such list.
    public func check(_ url: String, of target: String) throws(SecretError) {
        try check(try current(), url, target)
    }

    /// Forgets what was read, so that the next use reads all files again.
    public func forget() { cache.withLock { $0 = nil } }

    /// The error for a key that must be there and is not.
    public func lacks(_ key: String) -> SecretError {
        SecretError(.missing, "\(title) has no key \(key); add it")
    }

    private var wanted: String { keys.joined(separator: ", ") }

    private func check(_ values: [String: String], _ url: String, _ target: String) throws(SecretError) {
        guard let address = NetworkAddress(url) else {
            throw SecretError(
                .notAllowed,
                "\(title) is sent to no address without a plain host, which \(target) has not; write "
                    + "http[s]://host[:port]")
        }
        let hosts = AllowedHosts(values[Self.allowedHostsKey] ?? "")
        guard !hosts.allows(address) else { return }
        let isThere = values.isEmpty ? "is not there, or does not say" : "does not say"
        let malformed = hosts.malformed.isEmpty ? "" : " (its list has a word that is no host)"
        throw SecretError(
            values.isEmpty ? .missing : .notAllowed,
            "\(title) \(isThere) that it may be sent to '\(address)', the host of \(target)\(malformed). If it may, "
                + "say so: \(Self.patch(name, namespace, Self.allowedHostsKey, hosts.adding(address)))")
    }

    /// The command that sets a key of a Secret.
    public static func patch(_ name: String, _ namespace: String, _ key: String, _ value: String) -> String {
        "kubectl -n \(namespace) patch secret \(name) -p '{\"stringData\":{\"\(key)\":\"\(value)\"}}'"
    }

    private func current() throws(SecretError) -> [String: String] {
        // The files are swapped all at once: marks that differ after reading mean a swap in between.
        for _ in 0..<10 {
            let marks = keys.map { FileMark(of: "\(folder)/\($0)") }
            if let known = cache.withLock({ $0 }), known.marks == marks { return known.values }
            var values: [String: String] = [:]
            for (key, mark) in zip(keys, marks) {
                guard let mark else { continue }
                values[key] = try value(of: key, mark)
            }
            guard keys.map({ FileMark(of: "\(folder)/\($0)") }) == marks else { continue }
            let snapshot = Snapshot(marks: marks, values: values)
            cache.withLock { $0 = snapshot }
            return values
        }
        throw SecretError(.missing, "\(title) changes faster than it can be read; try again")
    }

    /// The value of a key, without line feeds at its end, as files leave them; nil if it is empty.
    private func value(of key: String, _ mark: FileMark) throws(SecretError) -> String? {
        guard mark.size <= Self.sizeLimit,
            let data = FileManager.default.contents(atPath: "\(folder)/\(key)")
        else { throw SecretError(.missing, "\(title): key \(key) cannot be read at '\(folder)'") }
        guard var text = String(validating: data, as: UTF8.self) else { throw malformed(key) }
        while text.last?.isNewline == true { text.removeLast() }
        guard
            key == Self.allowedHostsKey
                || text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
        else { throw malformed(key) }
        return text.isEmpty ? nil : text
    }

    private func malformed(_ key: String) -> SecretError {
        SecretError(
            .malformed,
            "\(title): the value of key \(key) has bytes that no key, password or token has; write it anew, as text"
        )
    }
}

/// Properties of a file that change with its content.
private struct FileMark: Equatable {
    var inode: UInt64
    var device: UInt64
    var size: Int64
    var seconds: Int64
    var nanoseconds: Int64

    /// The mark of a regular file; nil if there is none at the path.
    init?(of path: String) {
        var info = stat()
        guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        inode = UInt64(truncatingIfNeeded: info.st_ino)
        device = UInt64(truncatingIfNeeded: info.st_dev)
        size = Int64(truncatingIfNeeded: info.st_size)
        #if canImport(Darwin)
        seconds = Int64(info.st_ctimespec.tv_sec)
        nanoseconds = Int64(info.st_ctimespec.tv_nsec)
        #else
        seconds = Int64(info.st_ctim.tv_sec)
        nanoseconds = Int64(info.st_ctim.tv_nsec)
        #endif
    }
}
