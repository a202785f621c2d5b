import FoundationEssentials
import KubernetesAPI
import Testing

@testable import APIServer

@Suite struct AccessTests {
    private let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
    private let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings"

    private func grant(_ server: TestServer, _ rules: JSONValue) async {
        _ = await server.send(
            "POST", roles,
            body: [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": ["name": "r"],
                "rules": rules,
            ])
        let response = await server.send(
            "POST", bindings,
            body: [
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": ["name": "b"],
                "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"],
                "subjects": [["kind": "ServiceAccount", "name": "agent", "namespace": "default"]],
            ])
        #expect(response.status == 201)
    }

    private func serviceAccountToken(_ server: TestServer) async throws -> String {
        _ = await server.send(
            "POST", "/api/v1/namespaces/default/serviceaccounts",
            body: ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "agent"]])
        let response = await server.send(
            "POST", "/api/v1/namespaces/default/serviceaccounts/agent/token",
            body: [
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": ["expirationSeconds": 600],
            ])
        #expect(response.status == 201)
        return try #require(response.json[path: ["status", "token"]]?.stringValue)
    }

    @Test func `a service account may do what its role says and nothing else`() async throws {
        let server = try await TestServer()
        let headers = ["Authorization": "Bearer \(try await serviceAccountToken(server))"]
        let path = "/api/v1/namespaces/default/configmaps"
        #expect(await server.send("GET", path, headers: headers).status == 403)
        await grant(
            server, [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]]])
        #expect(await server.send("GET", path, headers: headers).status == 200)
        #expect(await server.send("GET", "\(path)/x", headers: headers).status == 403)
        #expect(await server.send("GET", "/api/v1/configmaps", headers: headers).status == 403)
        #expect(
            await server.send("GET", "/api/v1/namespaces/kube-system/configmaps", headers: headers).status
                == 403)
    }

    @Test func `resource names and subresources are told apart`() async throws {
        let server = try await TestServer()
        let headers = ["Authorization": "Bearer \(try await serviceAccountToken(server))"]
        await grant(
            server,
            [
                [
                    "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get"],
                    "resourceNames": ["mine"],
                ], ["apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]],
            ])
        let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        #expect(await server.send("GET", "\(leases)/mine", headers: headers).status == 404)
        #expect(await server.send("GET", "\(leases)/other", headers: headers).status == 403)
        #expect(
            await server.send("GET", "/api/v1/namespaces/default/pods/p/log", headers: headers).status == 404)
        #expect(await server.send("GET", "/api/v1/namespaces/default/pods/p", headers: headers).status == 403)
    }

    @Test func `a role for one name lets that object be listed and watched by name`() async throws {
        let server = try await TestServer()
        let headers = ["Authorization": "Bearer \(try await serviceAccountToken(server))"]
        await grant(
            server,
            [
                [
                    "apiGroups": [""], "resources": ["secrets"], "verbs": ["list"],
                    "resourceNames": ["mine"],
                ]
            ])
        let secrets = "/api/v1/namespaces/default/secrets"
        for (selector, status) in [
            ("", 403), ("?fieldSelector=metadata.name%3Dmine", 200),
            ("?fieldSelector=metadata.name%3D%3Dmine", 200), ("?fieldSelector=metadata.name%3Dother", 403),
            ("?fieldSelector=metadata.name%21%3Dmine", 403), ("?labelSelector=a%3Dmine", 403),
        ] {
            #expect(await server.send("GET", secrets + selector, headers: headers).status == status)
        }
    }

    @Test func `a token ends with its time and with its account`() async throws {
        let server = try await TestServer()
        let token = try await serviceAccountToken(server)
        #expect(server.core.user(token: token)?.name == "system:serviceaccount:default:agent")
        #expect(server.core.user(token: token, audience: "elsewhere") == nil)
        #expect(server.core.user(token: token + "x") == nil)
        #expect(server.core.user(token: String(token.dropLast(3))) == nil)
        let start = server.clock.now
        server.clock.now = start.advanced(by: 601)
        #expect(server.core.user(token: token) == nil)
        server.clock.now = start
        _ = await server.send("DELETE", "/api/v1/namespaces/default/serviceaccounts/agent")
        #expect(server.core.user(token: token) == nil)
        #expect(
            await server.send("GET", "/api", headers: ["Authorization": "Bearer \(token)"]).status == 401)
    }

    @Test func `only health and version are for everybody`() async throws {
        let server = try await TestServer()
        for path in ["/healthz", "/readyz", "/livez", "/version"] {
            #expect(await server.send("GET", path, isAnonymous: true).status == 200)
        }
        for path in ["/api", "/apis", "/openapi/v3", "/api/v1/namespaces"] {
            #expect(await server.send("GET", path, isAnonymous: true).status == 403)
        }
    }

    @Test func `impersonation needs the right to impersonate`() async throws {
        let server = try await TestServer()
        let token = try await serviceAccountToken(server)
        let response = await server.send(
            "GET", "/api/v1/namespaces",
            headers: [
                "Authorization": "Bearer \(token)", "Impersonate-User": "admin",
                "Impersonate-Group": "system:masters",
            ])
        #expect(response.status == 403)
        #expect(response.json["message"]?.stringValue?.contains("cannot impersonate") == true)
    }

    @Test func `protobuf as kubectl sends it is understood`() async throws {
        let server = try await TestServer()
        // The message: k8s\0, TypeMeta{v1, Namespace}, Namespace{metadata{name: "pb", labels{a: b}}}
        let metadata: [UInt8] =
            [0x0A, 2] + Array("pb".utf8) + [0x5A, 6, 0x0A, 1] + Array("a".utf8) + [0x12, 1] + Array("b".utf8)
        let raw = [0x0A, UInt8(metadata.count)] + metadata
        let type = [0x0A, 2] + Array("v1".utf8) + [0x12, 9] + Array("Namespace".utf8)
        let body = Data(
            [0x6B, 0x38, 0x73, 0, 0x0A, UInt8(type.count)] + type + [0x12, UInt8(raw.count)] + raw)
        let headers = ["Content-Type": "application/vnd.kubernetes.protobuf"]
        let response = await server.send("POST", "/api/v1/namespaces", headers: headers, data: body)
        #expect(response.status == 201)
        #expect(response.json[path: ["metadata", "labels", "a"]] == "b")
        for length in 0..<body.count {
            let cut = await server.send(
                "POST", "/api/v1/namespaces", headers: headers, data: body.prefix(length))
            #expect((400..<500).contains(cut.status))
        }
    }
}
