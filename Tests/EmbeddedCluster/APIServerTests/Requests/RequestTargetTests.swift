import KubernetesAPI
import Testing

@testable import APIServer

@Suite struct RequestTargetTests {
    @Test(arguments: [
        (
            "/api/v1/namespaces/a/pods/p/log",
            ResourcePath(
                group: "", version: "v1", plural: "pods", namespace: "a", name: "p", subresource: "log")
        ),
        (
            "/api/v1/pods",
            ResourcePath(group: "", version: "v1", plural: "pods", namespace: "", name: "", subresource: "")
        ),
        (
            "/api/v1/namespaces",
            ResourcePath(
                group: "", version: "v1", plural: "namespaces", namespace: "", name: "", subresource: "")
        ),
        (
            "/api/v1/namespaces/a",
            ResourcePath(
                group: "", version: "v1", plural: "namespaces", namespace: "a", name: "a", subresource: "")
        ),
        (
            "/api/v1/namespaces/a/finalize",
            ResourcePath(
                group: "", version: "v1", plural: "namespaces", namespace: "a", name: "a",
                subresource: "finalize")
        ),
        (
            "/apis/g.dev/v2/namespaces/a/things",
            ResourcePath(
                group: "g.dev", version: "v2", plural: "things", namespace: "a", name: "", subresource: "")
        ),
        (
            "/apis/g.dev/v2/things/t/status",
            ResourcePath(
                group: "g.dev", version: "v2", plural: "things", namespace: "", name: "t",
                subresource: "status")
        ),
    ])
    func `a path names a resource`(path: String, expected: ResourcePath) {
        #expect(RequestTarget(path: path) == .resource(expected))
    }

    @Test(arguments: [
        "/", "/api", "/api/v1", "/apis", "/apis/g.dev", "/apis/g.dev/v1", "/healthz", "/openapi/v3",
    ])
    func `other paths are no resources`(path: String) {
        #expect(RequestTarget(path: path) == .nonResource)
    }

    @Test func `queries are decoded`() throws {
        let request = IncomingRequest(
            method: "GET", target: "/api/v1/pods?labelSelector=a%3Db%2Cc+in+%28d%29&watch=true&limit=x&empty="
        )
        #expect(request.path == "/api/v1/pods")
        #expect(request.query["labelSelector"] == "a=b,c in (d)")
        #expect(request.query.flag("watch"))
        #expect(!request.query.flag("follow"))
        #expect(throws: APIError.badRequest("strconv.ParseInt: parsing \"x\": invalid syntax")) {
            try request.query.integer("limit")
        }
        #expect(throws: APIError.self) { try request.query.integer("empty") }
        #expect(try request.query.integer("continue") == nil)
        #expect(request.query["empty"] == nil)
        #expect(URLEscapes.decode("%zz%4", plusIsSpace: false) == "%zz%4")
    }
}
