import KubernetesAPI

extension ServerCore {
    /// `serviceaccounts/token`: a token for a service account, bound to a pod if one is named.
    func requestToken(_ context: RequestContext) throws(APIError) -> APIResponse {
        guard let account = store.get(context.resource.storage, context.key)?.value else {
            throw .notFound(context.type, name: context.key.name)
        }
        var request = try context.parseBody()
        let spec = request["spec"] ?? [:]
        let seconds = spec["expirationSeconds"]?.integerValue ?? 3600
        let type = ResourceType(
            group: "authentication.k8s.io", version: "v1", kind: "TokenRequest", plural: "tokenrequests")
        guard seconds >= TokenIssuer.lifetime.lowerBound else {
            throw .invalid(
                type, name: "",
                [
                    .invalid(
                        "spec.expirationSeconds", .integer(seconds),
                        "may not specify a duration less than 10 minutes")
                ])
        }
        let audiences = (spec["audiences"]?.arrayValue ?? []).compactMap(\.stringValue)
        let expires = context.now.advanced(by: min(seconds, TokenIssuer.lifetime.upperBound))
        var bound = TokenIssuer.Claims.ServiceAccount(
            namespace: context.key.namespace, name: context.key.name, uid: account.uid)
        if let reference = spec["boundObjectRef"], reference["kind"]?.stringValue == "Pod" {
            try bind(&bound, to: reference, context)
        }
        let claims = TokenIssuer.Claims(
            user: "system:serviceaccount:\(context.key.namespace):\(context.key.name)", groups: [],
            audiences: audiences.isEmpty ? [TokenIssuer.issuer] : audiences, issued: context.now,
            expires: expires, identifier: environment.makeUID(), serviceAccount: bound)
        request["kind"] = "TokenRequest"
        request["apiVersion"] = "authentication.k8s.io/v1"
        request[metadata: "name"] = .string(context.key.name)
        request[metadata: "namespace"] = .string(context.key.namespace)
        request[metadata: "creationTimestamp"] = .string(context.now.description)
        request[path: ["spec", "audiences"]] = .array(claims.audiences.map(JSONValue.string))
        request[path: ["spec", "expirationSeconds"]] = .integer(seconds)
        request["status"] = [
            "token": .string(tokens.token(claims)), "expirationTimestamp": .string(expires.description),
        ]
        return .json(201, request)
    }

    private func bind(
        _ account: inout TokenIssuer.Claims.ServiceAccount, to reference: JSONValue, _ context: RequestContext
    ) throws(APIError) {
        let pods = ResourceType(version: "v1", kind: "Pod", plural: "pods")
        let name = reference["name"]?.stringValue ?? ""
        let key = ObjectKey(namespace: context.key.namespace, name: name)
        guard let pod = store.get(GroupResource(pods), key)?.value else { throw .notFound(pods, name: name) }
        if let uid = reference["uid"]?.stringValue, !uid.isEmpty, uid != pod.uid {
            throw .conflict(
                pods, name: name,
                "the UID in the bound object reference (\(uid)) does not match the UID in "
                    + "record. The object might have been deleted and then recreated")
        }
        account.podName = name
        account.podUID = pod.uid
    }
}
