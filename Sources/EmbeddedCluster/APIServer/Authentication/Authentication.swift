import KubernetesAPI

extension ServerCore {
    private static let unauthorized = APIError(
        code: 401, reason: "Unauthorized", message: "Unauthorized")

    /// The user who makes the request, by its bearer token; anonymous without one. Throws 401 for a token
    /// that is not valid.
    func authenticate(_ request: IncomingRequest) throws(APIError) -> UserInfo {
        guard let header = request.headers["authorization"], !header.isEmpty else { return .anonymous }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer",
            let user = user(token: parts[1].trimmingWhitespace())
        else { throw Self.unauthorized }
        return user
    }

    /// The user of a token that is valid now, and whose service account and pod still exist; nil for any
    /// other token.
    func user(token: String, audience: String = TokenIssuer.issuer) -> UserInfo? {
        guard let claims = tokens.claims(token, now: now), claims.audiences.contains(audience) else {
            return nil
        }
        guard let account = claims.serviceAccount else {
            return UserInfo(name: claims.user, groups: claims.groups + ["system:authenticated"])
        }
        guard
            isAlive("serviceaccounts", account.namespace, account.name, uid: account.uid),
            account.podName.map({ isAlive("pods", account.namespace, $0, uid: account.podUID ?? "") }) ?? true
        else { return nil }
        var extra = ["authentication.kubernetes.io/credential-id": ["JTI=\(claims.identifier)"]]
        if let pod = account.podName {
            extra["authentication.kubernetes.io/pod-name"] = [pod]
            extra["authentication.kubernetes.io/pod-uid"] = [account.podUID ?? ""]
        }
        return UserInfo(
            name: claims.user, uid: account.uid, groups: Self.groups(namespace: account.namespace),
            extra: extra)
    }

    static func groups(namespace: String) -> [String] {
        ["system:serviceaccounts", "system:serviceaccounts:\(namespace)", "system:authenticated"]
    }

    private func isAlive(_ plural: String, _ namespace: String, _ name: String, uid: String) -> Bool {
        let object = store.get(
            GroupResource(group: "", plural: plural), ObjectKey(namespace: namespace, name: name))
        return object?.value.uid == uid
    }

    /// The user that the request asks to be taken for, if the real one may do that.
    func impersonate(_ request: IncomingRequest, by user: UserInfo) throws(APIError) -> UserInfo {
        guard let name = request.headers["impersonate-user"], !name.isEmpty else { return user }
        let groups = (request.headers["impersonate-group"] ?? "").split(separator: ",")
            .map { $0.trimmingWhitespace() }
        try authorize(
            user, AccessAttributes(verb: "impersonate", group: "", resource: "users", name: name))
        for group in groups {
            try authorize(
                user, AccessAttributes(verb: "impersonate", group: "", resource: "groups", name: group))
        }
        let account = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if account.count == 4, account[0] == "system", account[1] == "serviceaccount" {
            return UserInfo(
                name: name, groups: groups.isEmpty ? Self.groups(namespace: account[2]) : groups)
        }
        return UserInfo(name: name, groups: groups + ["system:authenticated"])
    }
}
