import KubernetesAPI

/// Answers access, rules, token and self reviews.
struct ReviewHandler: Sendable {
    let core: ServerCore
    let context: RequestContext

    /// The answer to a review; nil if the resource is no review.
    func respond() throws(APIError) -> APIResponse? {
        let isReview = ["authorization.k8s.io", "authentication.k8s.io"].contains(context.type.group)
        guard isReview else { return nil }
        guard context.request.method == "POST" else {
            throw .methodNotAllowed("the server does not allow this method on the requested resource")
        }
        let context = try context.writing()
        let body = try context.decodeObject()
        var object = FieldOwnership(context, scope: .object).updated(body, live: nil)
        object["status"] = try answer(body["spec"] ?? [:])
        object.tidyMetadata()
        return .json(201, object)
    }

    private func answer(_ spec: JSONValue) throws(APIError) -> JSONValue {
        switch context.type.kind {
        case "SelfSubjectAccessReview": return try access(context.user, spec)
        case "SubjectAccessReview", "LocalSubjectAccessReview":
            let user = spec["user"]?.stringValue ?? ""
            let groups = (spec["groups"]?.arrayValue ?? []).compactMap(\.stringValue)
            guard !user.isEmpty || !groups.isEmpty else {
                throw .invalid(
                    context.type, name: "",
                    [
                        .invalid("spec.user", "", "at least one of user or group must be specified")
                    ])
            }
            return try access(UserInfo(name: user, groups: groups), spec)
        case "SelfSubjectRulesReview": return rules(spec)
        case "TokenReview": return token(spec)
        default: return ["userInfo": context.user.json]
        }
    }

    private func access(_ user: UserInfo, _ spec: JSONValue) throws(APIError) -> JSONValue {
        func text(_ attributes: JSONValue, _ field: String) -> String {
            attributes[field]?.stringValue ?? ""
        }
        let attributes: AccessAttributes
        if let resource = spec["resourceAttributes"], !resource.isNull {
            attributes = AccessAttributes(
                verb: text(resource, "verb"), group: text(resource, "group"),
                resource: text(resource, "resource"), subresource: text(resource, "subresource"),
                namespace: text(resource, "namespace"), name: text(resource, "name"))
        } else if let path = spec["nonResourceAttributes"], !path.isNull {
            attributes = AccessAttributes(verb: text(path, "verb"), path: text(path, "path"))
        } else {
            throw .invalid(
                context.type, name: "",
                [
                    .invalid(
                        "spec.resourceAttributes", .null,
                        "exactly one of nonResourceAttributes or resourceAttributes must be specified")
                ])
        }
        return ["allowed": .bool(core.isAllowed(user, attributes))]
    }

    private func rules(_ spec: JSONValue) -> JSONValue {
        var rules = core.rules(for: context.user, namespace: spec["namespace"]?.stringValue ?? "")
        if context.user.groups.contains(ServerCore.masters) {
            rules.append(PolicyRule(["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]))
            rules.append(PolicyRule(["verbs": ["*"], "nonResourceURLs": ["*"]]))
        }
        func list(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
        return [
            "incomplete": false,
            "resourceRules": .array(
                rules.filter { !$0.resources.isEmpty }.map { rule in
                    var entry: JSONValue = [
                        "verbs": list(rule.verbs), "apiGroups": list(rule.groups),
                        "resources": list(rule.resources),
                    ]
                    if !rule.names.isEmpty { entry["resourceNames"] = list(rule.names) }
                    return entry
                }),
            "nonResourceRules": .array(
                rules.filter { !$0.paths.isEmpty }.map {
                    ["verbs": list($0.verbs), "nonResourceURLs": list($0.paths)]
                }),
        ]
    }

    private func token(_ spec: JSONValue) -> JSONValue {
        let audiences = (spec["audiences"]?.arrayValue ?? []).compactMap(\.stringValue)
        let token = spec["token"]?.stringValue ?? ""
        for audience in audiences.isEmpty ? [TokenIssuer.issuer] : audiences {
            guard let user = core.user(token: token, audience: audience) else { continue }
            return [
                "authenticated": true, "user": user.json, "audiences": [.string(audience)],
            ]
        }
        return [
            "authenticated": false, "error": "the token is malformed, forged, over, or not meant for this",
        ]
    }
}

extension UserInfo {
    /// `authentication.k8s.io/v1` `UserInfo`
    public var json: JSONValue {
        var user: JSONValue = [
            "username": .string(name), "groups": .array(groups.map(JSONValue.string)),
        ]
        if !uid.isEmpty { user["uid"] = .string(uid) }
        if !extra.isEmpty {
            user["extra"] = .object(extra.mapValues { .array($0.map(JSONValue.string)) })
        }
        return user
    }
}
