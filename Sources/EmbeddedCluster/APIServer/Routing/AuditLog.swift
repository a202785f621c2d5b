import FoundationEssentials
import KubernetesAPI

/// Writes one JSON line for every request: who did what to which object, and the answer's code.
actor AuditLog {
    private let handle: AppendedFile

    init(path: String) throws { handle = try AppendedFile(path: path) }

    func record(_ request: IncomingRequest, user: UserInfo, code: Int, isRefused: Bool, at time: Timestamp) {
        var line: JSONValue = [
            "time": .string(time.description), "user": .string(user.name), "method": .string(request.method),
            "path": .string(request.path), "code": .integer(Int64(code)),
            "userAgent": .string(request.headers["user-agent"] ?? ""),
            "decision": isRefused ? "forbid" : "allow",
        ]
        if case .resource(let path) = RequestTarget(path: request.path) {
            line["verb"] = .string(request.verb(for: path))
            line["group"] = .string(path.group)
            line["resource"] = .string(path.plural)
            line["subresource"] = .string(path.subresource)
            line["namespace"] = .string(path.namespace)
            line["name"] = .string(path.name)
            line["dryRun"] = .bool(request.query["dryRun"] != nil)
        } else {
            line["verb"] = .string(request.method.lowercased())
        }
        handle.append(line.serialized() + Data([0x0A]))
    }
}
