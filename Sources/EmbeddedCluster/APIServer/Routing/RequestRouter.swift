import FoundationEssentials
import KubernetesAPI

/// Takes a request from its authentication to its answer.
struct RequestRouter: Sendable {
    let core: ServerCore
    let audit: AuditLog?
    let nodeProxy: NodeLogProxy
    let openAPICache = OpenAPICache()
    let bookmarkInterval: Duration
    /// `127.0.0.1:6443`, as discovery tells it.
    let address: String

    func respond(to request: IncomingRequest) async -> APIResponse {
        let warnings = WarningCollector()
        var user = UserInfo.anonymous
        var response: APIResponse
        do throws(APIError) {
            user = try core.authenticate(request)
            user = try core.impersonate(request, by: user)
            response = try await route(request, user, warnings)
        } catch {
            response = .error(error)
        }
        for warning in warnings.warnings {
            response.headers.append((name: "Warning", value: Self.warningHeader(warning)))
        }
        if let audit {
            await audit.record(
                request, user: user, code: response.status,
                isRefused: response.status == 403 && isRefused(request, user), at: core.now)
        }
        return response
    }

    /// Whether the roles refuse the request, rather than a quota or another rule of admission.
    private func isRefused(_ request: IncomingRequest, _ user: UserInfo) -> Bool {
        let attributes =
            switch RequestTarget(path: request.path) {
            case .resource(let path): AccessAttributes(path, of: request)
            case .nonResource: AccessAttributes(verb: request.method.lowercased(), path: request.path)
            }
        return (try? core.authorize(user, attributes)) == nil
    }

    /// RFC 7234: code, agent, quoted text.
    private static func warningHeader(_ text: String) -> String {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            .replacing("\n", with: " ").replacing("\r", with: " ")
        return "299 - \"\(escaped)\""
    }

    private func route(
        _ request: IncomingRequest, _ user: UserInfo, _ warnings: WarningCollector
    ) async throws(APIError) -> APIResponse {
        switch RequestTarget(path: request.path) {
        case .nonResource:
            return try nonResource(request, user)
        case .resource(let path):
            try core.authorize(user, AccessAttributes(path, of: request))
            guard
                let resource = core.registry.find(
                    group: path.group, version: path.version, plural: path.plural),
                resource.type.isNamespaced || !path.isInNamespace
            else { return .pageNotFound }
            let context = RequestContext(
                request: request, path: path, resource: resource, user: user, warnings: warnings,
                now: core.now)
            return try await ResourceHandler(router: self, context: context).respond()
        }
    }

    private func nonResource(_ request: IncomingRequest, _ user: UserInfo) throws(APIError) -> APIResponse {
        let path = request.path
        try core.authorize(user, AccessAttributes(verb: request.method.lowercased(), path: path))
        switch path {
        case "/healthz", "/livez", "/readyz": return .text(200, "ok")
        case "/version", "/version/": return .json(200, Self.version)
        default: break
        }
        let segments = path.split(separator: "/").map(String.init)
        if segments.first == "openapi" { return openAPI(request, Array(segments.dropFirst())) }
        return discovery(request, segments)
    }

    private func discovery(_ request: IncomingRequest, _ segments: [String]) -> APIResponse {
        let discovery = Discovery(resources: core.registry.all)
        let aggregated = Discovery.wantsAggregated(accept: request.headers["accept"])
        switch (segments.first, segments.count) {
        case ("api", 1), ("apis", 1):
            let isCore = segments.first == "api"
            if aggregated {
                return .json(
                    200, discovery.aggregated(core: isCore), contentType: Discovery.aggregatedMediaType)
            }
            return .json(200, isCore ? discovery.versions(address: address) : discovery.groupList)
        case ("api", 2):
            return .jsonOrNotFound(discovery.resourceList(group: "", version: segments[1]))
        case ("apis", 2):
            return .jsonOrNotFound(discovery.group(segments[1]))
        case ("apis", 3):
            return .jsonOrNotFound(discovery.resourceList(group: segments[1], version: segments[2]))
        default: return .pageNotFound
        }
    }

    private func openAPI(_ request: IncomingRequest, _ segments: [String]) -> APIResponse {
        guard let version = segments.first else { return .pageNotFound }
        if version == "v2", segments.count == 1 {
            // Clients that ask for protobuf alone go on without it.
            guard Representation(accept: request.headers["accept"]) != nil else {
                return .error(.notAcceptable)
            }
            return .json(200, OpenAPIDocument(resources: []).swagger)
        }
        let path = segments.dropFirst().joined(separator: "/")
        let data =
            path.isEmpty
            ? openAPICache.index(core.registry) : openAPICache.document(path, core.registry)
        guard version == "v3", let data else { return .pageNotFound }
        return APIResponse(
            status: 200, headers: [("Content-Type", "application/json")], body: .data(data))
    }

    /// Version of Kubernetes that this server behaves like.
    static let version: JSONValue = [
        "major": "1", "minor": "36", "gitVersion": "v1.36.2+anneal", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "swift",
        "platform": "linux/amd64", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
    ]
}

extension APIError {
    static let notAcceptable = APIError(
        code: 406, reason: "NotAcceptable",
        message: "only the following media types are accepted: application/json, application/yaml")
}

extension APIResponse {
    static let pageNotFound = APIResponse.text(404, "404 page not found\n")

    static func json(
        _ status: Int, _ value: JSONValue, contentType: String = "application/json"
    ) -> APIResponse {
        APIResponse(
            status: status, headers: [("Content-Type", contentType)], body: .data(value.serialized()))
    }

    static func jsonOrNotFound(_ value: JSONValue?) -> APIResponse {
        value.map { .json(200, $0) } ?? .pageNotFound
    }

    static func error(_ error: APIError) -> APIResponse {
        var response = json(error.code, error.body)
        if let seconds = error.retryAfter { response.headers.append(("Retry-After", String(seconds))) }
        return response
    }
}
