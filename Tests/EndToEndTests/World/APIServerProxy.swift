import Foundation
import FoundationNetworking
import KubernetesAPI

/// A fault that `fault_proxy.py` makes in requests, or in the events of watches.
struct Fault: Sendable {
    var rule: [String: JSONValue]

    private init(_ action: String, _ rule: [String: JSONValue] = [:]) {
        self.rule = rule
        self.rule["action"] = .string(action)
    }

    /// The connection is reset before the server sees the request.
    static let resetBefore = Fault("resetBefore")
    /// The connection is reset after the server has carried the request out.
    static let resetAfter = Fault("resetAfter")
    static func status(_ code: Int64, _ reason: String, retryAfter: Int64? = nil) -> Fault {
        var rule: [String: JSONValue] = ["code": .integer(code), "reason": .string(reason)]
        rule["retryAfter"] = retryAfter.map(JSONValue.integer)
        return Fault("status", rule)
    }
    /// A process is killed at its write of that number, before or after the server has done what was asked.
    ///
    /// - Parameters:
    ///   - nth: Number of the write among those that `text` matches; from 1.
    ///   - text: Regular expression that method, path, a line break and body of the write must match.
    ///   - since: Regular expression of the write that is counted first.
    ///   - until: Regular expression of the write that is counted last.
    static func kill(
        _ process: pid_t, _ moment: Moment, nth: Int, text: String, since: String, until: String
    ) -> Fault {
        let rule: [String: JSONValue] = [
            "process": .integer(Int64(process)), "nth": .integer(Int64(nth)), "text": .string(text),
            "since": .string(since), "until": .string(until), "kind": "write", "limit": 1,
        ]
        return Fault(moment.rawValue, rule)
    }
    /// When a process is killed that writes.
    enum Moment: String, Sendable, CaseIterable {
        case before = "killBefore"
        case after = "killAfter"
    }
    /// Watches end after so long, one half of them with a reset.
    static func close(after seconds: Double) -> Fault { Fault("close", ["seconds": .number(seconds)]) }
    static let expireAtOpen = Fault("expireAtOpen")
    static let expireInStream = Fault("expireInStream")
    static let drop = Fault("drop")
    static let double = Fault("double")
    static let reorder = Fault("reorder")
    /// Lists show an earlier state.
    static let stale = Fault("stale")
    /// Answers come in small pieces.
    static let slow = Fault("slow", ["bytes": 11, "seconds": 0.001])
    /// The value at `path` of the object with that name reads as `value`.
    static func poison(_ name: String, _ path: [JSONValue], _ value: JSONValue) -> Fault {
        Fault("poison", ["name": .string(name), "path": .array(path), "value": value])
    }

    /// Limits the fault to `watch`, `list`, `write` or `read`.
    func of(_ kind: String) -> Fault { with("kind", .string(kind)) }
    /// Limits the fault to requests whose `METHOD path?query` matches the regular expression.
    func on(_ pattern: String) -> Fault { with("on", .string(pattern)) }
    func probability(_ probability: Double) -> Fault { with("probability", .number(probability)) }
    func limit(_ count: Int64) -> Fault { with("limit", .integer(count)) }

    private func with(_ key: String, _ value: JSONValue) -> Fault {
        var fault = self
        fault.rule[key] = value
        return fault
    }
}

/// A request of the operator's that passed the proxy.
struct Exchange: Sendable {
    var time: Double
    var method: String
    var path: String
    var code: Int64
    var fault: String?
    /// Name of the object that the server wrote; nil for other requests. For a status patch, `status` is the
    /// new status.
    var name: String?
    var status: JSONValue?
    /// Body of a write at which its process was killed.
    var request: JSONValue?

    init(_ line: JSONValue) {
        time = line["time"]?.doubleValue ?? 0
        method = line["method"]?.stringValue ?? ""
        path = line["path"]?.stringValue ?? ""
        code = line["code"]?.integerValue ?? 0
        fault = line["fault"]?.stringValue
        name = line["name"]?.stringValue
        status = line["status"]
        request = line["request"]
    }

    var isWrite: Bool { method != "GET" }
    var resource: String { path.split(separator: "/").last.map(String.init) ?? "" }
    /// The right that a role needs to allow for it: the method, and the path without the object's name.
    var right: String {
        let parts = path.split(separator: "/").map(String.init)
        guard let namespaces = parts.firstIndex(of: "namespaces"), parts.count > namespaces + 3 else {
            return "\(method) \(path)"
        }
        let kind = parts[...(namespaces + 2)] + parts.dropFirst(namespaces + 4)
        return "\(method) \(kind.joined(separator: "/"))"
    }
    var hasSucceeded: Bool { (200..<300).contains(code) && fault == nil }
}

/// A proxy between an operator and the API server: it passes everything on, apart from the faults that it is
/// told to make.
final class APIServerProxy: Sendable {
    let kubeconfig: URL
    private let address: String
    private let history: URL
    private let process: BackgroundProgram

    init(_ name: String, to cluster: Cluster, in folder: TemporaryFolder, seed: UInt64) async throws {
        let port = try freePort()
        address = "http://127.0.0.1:\(port)"
        history = folder.file("\(name)-history.jsonl")
        kubeconfig = folder.file("\(name).kubeconfig")
        let authority = folder.file("\(name)-ca.pem")
        var config = try JSONValue(parsing: Array(try Data(contentsOf: cluster.operatorKubeconfig)))
        let server = config[path: ["clusters"]]?[0]?["cluster"]
        guard let target = server?["server"]?.stringValue,
            let pem = server?["certificate-authority-data"]?.stringValue.flatMap({ Data(base64Encoded: $0) })
        else { throw Mistake(description: "the operator's kubeconfig names no server or no authority") }
        try pem.write(to: authority)
        config["clusters"] = [["name": "cluster", "cluster": ["server": .string(address)]]]
        try config.serialized().write(to: kubeconfig)
        process = try BackgroundProgram(
            Program(path: "/usr/bin/python3"),
            [
                cluster.servers.installation.fixture("fault_proxy.py").path, "\(port)", target,
                authority.path,
                history.path, "\(seed)",
            ], log: cluster.servers.logs.appendingPathComponent("\(name)-proxy.log"))
        _ = try await eventually("the fault proxy", every: .milliseconds(50)) { answers(port) ? true : nil }
    }

    struct Mistake: Error, CustomStringConvertible { var description: String }

    /// Makes these faults from now on, and no others.
    func make(_ faults: [Fault]) async throws {
        _ = try await request("PUT", JSONValue.array(faults.map { .object($0.rule) }).serialized())
    }

    func makeNone() async throws { _ = try await request("PUT", Data("[]".utf8)) }

    /// Number of times that each kind of fault was made.
    func counts() async throws -> [String: Int64] {
        let counts = try JSONValue(parsing: Array(try await request("GET", nil)))
        return counts.objectValue?.compactMapValues(\.integerValue) ?? [:]
    }

    func exchanges() throws -> [Exchange] {
        try String(contentsOf: history, encoding: .utf8).split(separator: "\n").compactMap { line in
            (try? JSONValue(parsing: Array(line.utf8))).map(Exchange.init)
        }
    }

    func stop() async { await process.stop(within: .seconds(2)) }

    private func request(_ method: String, _ body: Data?) async throws -> Data {
        guard let url = URL(string: "\(address)/faults") else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        return try await URLSession.shared.data(for: request).0
    }
}
