import AnnealAPI
import Encodings
import Foundation
import FoundationNetworking
import KubernetesAPI

/// An S3 server, seen through the `aws` command line, without Anneal's own code.
struct S3Server: Sendable {
    let port: Int
    let aws: Program

    var endpoint: String { "http://127.0.0.1:\(port)" }

    static let accessKey = "end-to-end"
    static let secretKey = "end-to-end-secret"

    init(port: Int, installation: Installation) throws {
        self.port = port
        var aws = try installation.tool("servers/bin/aws")
        aws.environment["AWS_ACCESS_KEY_ID"] = Self.accessKey
        aws.environment["AWS_SECRET_ACCESS_KEY"] = Self.secretKey
        aws.environment["AWS_DEFAULT_REGION"] = "us-east-1"
        self.aws = aws
    }

    @discardableResult
    func s3(_ arguments: String...) async throws -> String {
        let result = try await aws.run(["--endpoint-url", endpoint, "s3"] + arguments)
        guard result.succeeded else {
            throw ProgramFailure(command: "aws s3 \(arguments.joined(separator: " "))", result: result)
        }
        return result.text
    }

    /// Creates a bucket, or an object in one. It is for the inputs of fixtures, which are many and small.
    func put(_ path: String, _ data: Data = Data()) async throws {
        guard let url = URL(string: "\(endpoint)/\(path)") else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = "PUT"
        let (_, answer) = try await URLSession.shared.upload(for: request, from: data)
        guard (answer as? HTTPURLResponse)?.statusCode == 200 else { throw URLError(.badServerResponse) }
    }

    func upload(_ folder: URL, to uri: String) async throws {
        try await s3("cp", "--only-show-errors", "--recursive", folder.path, uri)
    }

    /// All objects below a prefix: relative paths and contents.
    func contents(below uri: String) async throws -> [String: Data] {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try await s3("cp", "--only-show-errors", "--recursive", uri, folder.url.path)
        let names =
            FileManager.default.enumerator(atPath: folder.url.path)?.compactMap { $0 as? String } ?? []
        var contents: [String: Data] = [:]
        for name in names {
            var isFolder: ObjCBool = false
            let file = folder.file(name)
            guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder),
                !isFolder.boolValue
            else { continue }
            contents[name] = try Data(contentsOf: file)
        }
        return contents
    }

    /// The keys below a prefix; empty if there is none.
    func keys(below uri: String) async throws -> [String] {
        let result = try await aws.run(["--endpoint-url", endpoint, "s3", "ls", "--recursive", uri])
        return result.text.split(separator: "\n").compactMap {
            $0.split(separator: " ").last.map(String.init)
        }
    }

    /// A folder that a manifest commits.
    func committed(at uri: String) async throws -> CommittedFolder {
        CommittedFolder(files: try await contents(below: uri))
    }
}

/// The objects of a folder in S3, with its `anneal-manifest.json`.
struct CommittedFolder: Sendable {
    var files: [String: Data]

    /// The digest of the folder; nil without a manifest.
    var digest: String? { files["anneal-manifest.json"].map { Hexadecimal.sha256($0) } }

    func text(_ name: String) -> String? { files[name].map { String(decoding: $0, as: UTF8.self) } }

    /// Descriptions of files that differ from the manifest, or that it does not list; empty if there are
    /// none.
    var problems: [String] {
        guard let data = files["anneal-manifest.json"], let manifest = try? JSONValue(parsing: Array(data))
        else {
            return ["there is no manifest"]
        }
        var problems: [String] = []
        var listed: Set<String> = ["anneal-manifest.json"]
        for entry in manifest["files"]?.arrayValue ?? [] {
            let path = entry["path"]?.stringValue ?? ""
            listed.insert(path)
            guard let file = files[path] else {
                problems.append("\(path) is missing")
                continue
            }
            if Hexadecimal.sha256(file) != entry["sha256"]?.stringValue {
                problems.append("\(path) has another SHA-256")
            }
            if Int64(file.count) != entry["size"]?.integerValue {
                problems.append("\(path) has another size")
            }
        }
        return problems + files.keys.filter { !listed.contains($0) }.map { "\($0) is not in the manifest" }
    }
}
