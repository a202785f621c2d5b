import FoundationEssentials
import HTTPTransport
import KubernetesAPI

/// `pods/log`: passes a request on to the agent of the pod's node.
///
/// The agent is an HTTP server on loopback, on the port in the node's
/// `status.daemonEndpoints.kubeletEndpoint.Port`; it answers `/containerLogs/NAMESPACE/POD/CONTAINER`.
struct NodeLogProxy: Sendable {
    private static let errorLimit = 64 << 10

    let transport: HTTPTransport
    /// Bearer token by which the agents know this server.
    let token: String

    func logs(_ context: RequestContext, _ core: ServerCore) async throws(APIError) -> APIResponse {
        let options = try LogQuery(context)
        let pod = try core.get(context)
        let container = try containerName(pod, context)
        guard let node = pod[path: ["spec", "nodeName"]]?.stringValue, !node.isEmpty else {
            return APIResponse(status: 204)
        }
        let url = try agentURL(node, core)
        let path = [context.key.namespace, context.key.name, container].map(URLEscapes.encode)
        let request = HTTPRequest(
            method: "GET",
            url: "\(url)/containerLogs/\(path.joined(separator: "/"))?\(options.text)",
            headers: [HTTPHeader("Authorization", "Bearer \(token)")], timeout: nil)
        do {
            let stream = try await transport.stream(request)
            guard stream.head.status == 200 else { return try await failure(stream, context) }
            return APIResponse(
                status: 200, headers: [("Content-Type", "text/plain")],
                body: .stream(
                    ByteStream { sink in
                        for try await data in stream { try await sink.write(data) }
                    } cancel: {
                        stream.cancel()
                    }))
        } catch {
            throw APIError(
                code: 500, reason: "InternalError",
                message: "Get \"\(url)/containerLogs/\(path.joined(separator: "/"))\": \(error.message); "
                    + "is the agent of node \(node) running?")
        }
    }

    /// The agent's own words, such as that the container is still waiting to start.
    private func failure(
        _ stream: HTTPStream, _ context: RequestContext
    ) async throws(TransportError) -> APIResponse {
        let data = try await stream.remainder(limit: Self.errorLimit)
        let text = String(decoding: data, as: UTF8.self).trimmingWhitespace()
        let status = stream.head.status == 404 ? 404 : stream.head.status < 500 ? 400 : 500
        return .error(
            APIError(
                code: status,
                reason: status == 404 ? "NotFound" : status == 400 ? "BadRequest" : "InternalError",
                message: text))
    }

    private func agentURL(_ node: String, _ core: ServerCore) throws(APIError) -> String {
        let nodes = ResourceType(version: "v1", kind: "Node", plural: "nodes", isNamespaced: false)
        guard let object = core.store.get(GroupResource(nodes), ObjectKey(name: node))?.value else {
            throw .notFound(nodes, name: node)
        }
        let path = ["status", "daemonEndpoints", "kubeletEndpoint", "Port"]
        guard let port = object[path: path]?.integerValue, (1...65_535).contains(port) else {
            throw APIError(
                code: 500, reason: "InternalError",
                message:
                    "node \(node) has no status.daemonEndpoints.kubeletEndpoint.Port: its agent is not up")
        }
        return "http://127.0.0.1:\(port)"
    }

    private func containerName(_ pod: JSONValue, _ context: RequestContext) throws(APIError) -> String {
        func names(_ field: String) -> [String] {
            (pod[path: ["spec", field]]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
        }
        let name = context.key.name
        let (containers, initContainers) = (names("containers"), names("initContainers"))
        if let container = context.request.query["container"] {
            guard (containers + initContainers).contains(container) else {
                throw .badRequest("container \(container) is not valid for pod \(name)")
            }
            return container
        }
        guard containers.count == 1, initContainers.isEmpty, let only = containers.first else {
            let choices = "choose one of: [\(containers.joined(separator: " "))]"
            let inits =
                initContainers.isEmpty
                ? "" : " or one of the init containers: [\(initContainers.joined(separator: " "))]"
            throw .badRequest("a container name must be specified for pod \(name), \(choices)\(inits)")
        }
        return only
    }
}
