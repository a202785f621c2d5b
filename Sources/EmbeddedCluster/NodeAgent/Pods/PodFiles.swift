import FoundationEssentials
import Glibc
import KubernetesAPI

/// Writes the files that a pod's containers see: `/etc` and the volumes.
struct PodFiles: Sendable {
    let folder: PodFolder

    /// Writes `hosts`, `hostname`, `passwd` and `group`.
    func writeEtc(hostname: String, hosts: String, users: Set<Int64>) throws {
        try FileManager.default.createDirectory(atPath: folder.etc, withIntermediateDirectories: true)
        try Data("\(hostname)\n".utf8).write(to: URL(filePath: "\(folder.etc)/hostname"))
        var passwd = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
        var group = "root:x:0:\nnogroup:x:65534:\n"
        for user in users.sorted() where user != 0 && user != 65534 {
            passwd += "user\(user):x:\(user):\(user)::/:/bin/sh\n"
            group += "user\(user):x:\(user):\n"
        }
        try Data(passwd.utf8).write(to: URL(filePath: "\(folder.etc)/passwd"))
        try Data(group.utf8).write(to: URL(filePath: "\(folder.etc)/group"))
        try writeHosts(hosts)
    }

    /// Writes the file in place: running containers have this very file bound.
    func writeHosts(_ text: String) throws {
        let path = "\(folder.etc)/hosts"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemCallError(call: "opening \(path)", code: errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count,
            ftruncate(descriptor, off_t(bytes.count)) == 0
        else { throw SystemCallError(call: "writing \(path)", code: errno) }
    }

    /// Makes an empty folder that everyone may write to, as an emptyDir is.
    func makeEmpty(volume: String) throws {
        let path = folder.volume(volume)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
    }

    /// The host path of a volume's `subPath`, made if it is missing; a link that leads out of the volume is
    /// refused.
    static func resolve(subPath: String?, in root: String) throws -> String {
        guard let subPath, !subPath.isEmpty else { return root }
        guard VolumeFiles.isRelative(subPath) else {
            throw ConfigurationError("subPath \"\(subPath)\" must be relative and must not contain '..'")
        }
        guard let realRoot = realPath(root) else { throw ConfigurationError("volume folder is gone") }
        var current = realRoot
        for component in subPath.split(separator: "/") where component != "." {
            let next = "\(current)/\(component)"
            if mkdir(next, 0o777) == 0 { chmod(next, 0o777) }
            guard let real = realPath(next), real == realRoot || real.hasPrefix(realRoot + "/") else {
                throw ConfigurationError("subPath \"\(subPath)\" leads out of the volume")
            }
            current = real
        }
        return current
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// The text of a pod's `/etc/hosts`.
enum HostsFile {
    /// - Parameter subdomain: service and namespace in the pod's own name; nil if it has none.
    static func text(
        hostname: String, subdomain: (service: String, namespace: String)?, address: String,
        aliases: [HostAlias]
    ) -> String {
        var lines = [
            "# Written by anneal's node agent; rewritten when services change.", "127.0.0.1\tlocalhost",
            "::1\tlocalhost ip6-localhost ip6-loopback",
        ]
        var own = [hostname]
        if let subdomain {
            let short = "\(hostname).\(subdomain.service)"
            let qualified = "\(short).\(subdomain.namespace)"
            own = ["\(qualified).svc.cluster.local", hostname, "\(qualified).svc", qualified, short]
        }
        lines.append("\(address)\t\(own.joined(separator: " "))")
        lines += aliases.map { "\($0.address)\t\($0.names.joined(separator: " "))" }
        return lines.joined(separator: "\n") + "\n"
    }
}
