import APIServer
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Testing

@testable import AdmissionPlugins

@Suite("Admission webhooks")
struct WebhookAdmissionTests {
    private let cluster = FakeCluster()

    private func plugin(_ webhooks: FakeWebhooks) -> WebhookAdmission {
        let counter = Counter()
        return WebhookAdmission(transport: webhooks, makeUID: { "call-\(counter.next())" })
    }

    private let widget = json(
        #"""
        {"apiVersion":"example.dev/v1","kind":"Widget","metadata":{"name":"h1","namespace":"rec",
        "labels":{"tier":"a"}},"spec":{"mode":"fast"}}
        """#)

    private let stamp: JSONValue = [
        ["op": "add", "path": "/metadata/annotations", "value": ["stamped": "admin"]]
    ]

    // MARK: As recorded

    @Test
    func `a mutating webhook gets the recorded review in the recorded request`() async throws {
        let webhooks = FakeWebhooks { _, _ in FakeWebhooks.allowed }
        cluster.webhook(
            .mutating, "mutate",
            #"{"clientConfig":{"url":"https://127.0.0.1:42567/mutate","caBundle":"UEVN"}}"#)
        let user = UserInfo(
            name: "admin", groups: ["system:masters", "system:authenticated"],
            extra: ["authentication.kubernetes.io/credential-id": ["X509SHA256=ea"]])
        _ = try await plugin(webhooks).process(
            admission("widgets", group: "example.dev", widget, user: user), cluster)
        let request = try #require(webhooks.requests.first)
        #expect(request.method == "POST")
        #expect(request.url == "https://127.0.0.1:42567/mutate?timeout=2s")
        #expect(request.headers[header: "User-Agent"] == "kube-apiserver-admission")
        #expect(request.headers[header: "Accept"] == "application/json, */*")
        #expect(request.tls.certificateAuthority == Data("PEM".utf8))
        #expect(request.timeout == .seconds(2))
        #expect(
            webhooks.reviews.first
                == json(
                    #"""
                    {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"call-1",
                    "kind":{"group":"example.dev","version":"v1","kind":"Widget"},
                    "resource":{"group":"example.dev","version":"v1","resource":"widgets"},
                    "requestKind":{"group":"example.dev","version":"v1","kind":"Widget"},
                    "requestResource":{"group":"example.dev","version":"v1","resource":"widgets"},
                    "name":"h1","namespace":"rec","operation":"CREATE",
                    "userInfo":{"username":"admin","groups":["system:masters","system:authenticated"],
                    "extra":{"authentication.kubernetes.io/credential-id":["X509SHA256=ea"]}},
                    "object":\#(widget.text),"oldObject":null,"dryRun":false,
                    "options":{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}
                    """#))
    }

    @Test
    func `a review of a status write names the subresource twice`() async throws {
        let webhooks = FakeWebhooks { _, _ in FakeWebhooks.allowed }
        cluster.webhook(.validating, "validate")
        let request = admission(
            .update, "widgets", group: "example.dev", widget, old: widget, subresource: "status")
        _ = try await plugin(webhooks).process(request, cluster)
        let asked = webhooks.reviews.first?["request"]
        #expect(asked?["subResource"] == "status")
        #expect(asked?["requestSubResource"] == "status")
        #expect(asked?["oldObject"] == widget)
        #expect(asked?["options"] == ["kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1"])
    }

    @Test
    func `a webhook's patch is applied, and each warning passed on once`() async throws {
        let patch = stamp
        let webhooks = FakeWebhooks { path, _ in
            guard path == "/mutate" else { return FakeWebhooks.allowed }
            return .response([
                "allowed": true, "patchType": "JSONPatch",
                "patch": .string(patch.serialized().base64EncodedString()),
                "warnings": ["a warning from admission"],
            ])
        }
        cluster.webhook(.mutating, "mutate")
        cluster.webhook(.validating, "validate")
        let request = admission("widgets", group: "example.dev", widget)
        let object = try await plugin(webhooks).process(request, cluster)
        #expect(object?[path: ["metadata", "annotations"]] == ["stamped": "admin"])
        #expect(webhooks.paths == ["/mutate", "/validate"])
        #expect(webhooks.reviews.last?[path: ["request", "object"]] == object)
        #expect(request.warnings.warnings == ["a warning from admission"])
    }

    @Test
    func `a webhook's denial is passed on as recorded`() async {
        let webhooks = FakeWebhooks { _, _ in
            .response([
                "allowed": false,
                "status": [
                    "code": 403, "reason": "Forbidden", "message": "project team-a has 0 GPU-hours left",
                ],
            ])
        }
        cluster.webhook(.validating, "validate")
        let status = await plugin(webhooks).refusal(
            of: admission("widgets", group: "example.dev", widget), cluster)
        #expect(
            status
                == Status(
                    message: "admission webhook \"validate.example.dev\" denied the request: "
                        + "project team-a has 0 GPU-hours left", reason: "Forbidden", code: 403))
    }

    @Test
    func `a webhook's patch of a deletion is an error`() async {
        let patch = stamp
        let webhooks = FakeWebhooks { _, _ in FakeWebhooks.patching(patch) }
        cluster.webhook(.mutating, "mutate")
        let status = await plugin(webhooks).refusal(
            of: admission(.delete, "widgets", group: "example.dev", nil, old: widget), cluster)
        let message =
            "admission webhook \"mutate.example.dev\" attempted to modify the object, which is not "
            + "supported for this operation"
        #expect(status?.message == "Internal error occurred: \(message)")
        #expect(status?.reason == "InternalError")
        #expect(status?.details?.causes == [StatusCause(message: message)])
        #expect(status?.code == 500)
    }

    @Test
    func `a webhook that is down fails the request or is ignored, as recorded`() async {
        let webhooks = FakeWebhooks { _, _ in .failure(.cannotConnect) }
        cluster.webhook(.mutating, "mutate")
        let status = await plugin(webhooks).refusal(
            of: admission("widgets", group: "example.dev", widget), cluster)
        #expect(
            status?.message
                == "Internal error occurred: failed calling webhook \"mutate.example.dev\": failed "
                + "to call webhook: Post \"https://127.0.0.1:42567/mutate?timeout=2s\": dial tcp "
                + "127.0.0.1:42567: connect: connection refused")
        #expect(status?.code == 500)
    }

    // MARK: Failures

    @Test(arguments: [
        (FakeWebhooks.Answer.failure(.timedOut), "context deadline exceeded"),
        (.failure(.tls), "tls: failed to verify certificate"),
        (.failure(.cannotResolve), "lookup 127.0.0.1: no such host"),
        (.raw(404, ""), "the server could not find the requested resource"),
        (.raw(500, "boom"), #"an error on the server ("boom") has prevented the request"#),
        (.raw(200, "{"), "couldn't get object from the response"),
        (
            .raw(200, #"{"kind":"X","apiVersion":"v1"}"#),
            "expected webhook response of admission.k8s.io/v1"
        ),
        (.response(["uid": "other", "allowed": true]), #"expected response.uid="call-1", got "other""#),
        (.response(["allowed": true, "patch": "W10="]), #"invalid response.patchType """#),
        (.response(["allowed": true, "patchType": "JSONPatch"]), "but not response.patch"),
        (.response(["allowed": true, "patchType": "JSONPatch", "patch": "?"]), "is no JSON in base64"),
    ])
    func `an unusable answer fails the request, or is ignored, as the webhook's policy says`(
        _ answer: FakeWebhooks.Answer, _ message: String
    ) async throws {
        let webhooks = FakeWebhooks { _, _ in answer }
        cluster.webhook(.mutating, "hook")
        let request = admission("widgets", group: "example.dev", widget)
        let status = await plugin(webhooks).refusal(of: request, cluster)
        #expect(status?.message?.contains("failed calling webhook \"hook.example.dev\": ") == true)
        #expect(status?.message?.contains(message) == true, "\(status?.message ?? "")")
        cluster.webhook(.mutating, "hook", #"{"failurePolicy":"Ignore"}"#)
        #expect(try await plugin(webhooks).process(request, cluster) == widget)
    }

    @Test
    func `a refusal is never taken for a success, and always carries a reason`() async {
        let cases: [(JSONValue, String, Int)] = [
            (["allowed": false], "without explanation", 400),
            (["allowed": false, "status": ["code": 200, "reason": "Busy"]], "the request: Busy", 400),
            (["allowed": false, "status": ["code": 422, "message": "m", "reason": "Invalid"]], ": m", 422),
        ]
        cluster.webhook(.validating, "v")
        for (response, text, code) in cases {
            let status = await plugin(FakeWebhooks { _, _ in .response(response) }).refusal(
                of: admission("widgets", group: "example.dev", widget), cluster)
            #expect(status?.message?.hasSuffix(text) == true)
            #expect(status?.code == code)
            #expect(status?.status == "Failure")
        }
    }

    @Test
    func `a patch that doesn't fit is an internal error, and validating webhooks may not patch`() async {
        let webhooks = FakeWebhooks { _, _ in
            FakeWebhooks.patching([["op": "remove", "path": "/nothing/here"]])
        }
        cluster.webhook(.mutating, "m")
        let request = admission("widgets", group: "example.dev", widget)
        let status = await plugin(webhooks).refusal(of: request, cluster)
        #expect(status?.message?.contains("answered with a patch that cannot be applied") == true)
        let other = FakeCluster()
        other.webhook(.validating, "v")
        let refused = await plugin(webhooks).refusal(of: request, other)
        #expect(refused?.message?.contains("validating webhook response must not have a patch") == true)
    }

    // MARK: Who is called

    @Test(arguments: [
        (#"{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["*"]}"#, true),
        (#"{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["*/*"]}"#, true),
        (#"{"apiGroups":[""],"apiVersions":["*"],"operations":["*"],"resources":["*"]}"#, false),
        (#"{"apiGroups":["*"],"apiVersions":["v2"],"operations":["*"],"resources":["*"]}"#, false),
        (#"{"apiGroups":["*"],"apiVersions":["*"],"operations":["UPDATE"],"resources":["*"]}"#, false),
        (#"{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["widgets/*"]}"#, true),
        (
            #"{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["widgets/status"]}"#,
            false
        ),
        (
            #"{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["pods","widgets"]}"#,
            true
        ),
        (
            #"{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["*"],"scope":"Cluster"}"#,
            false
        ),
        (
            #"{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["*"],"scope":"Namespaced"}"#,
            true
        ),
    ])
    func `rules choose requests`(_ rule: String, _ matches: Bool) {
        let request = admission("widgets", group: "example.dev", widget)
        #expect(WebhookRule(json(rule)).matches(request) == matches)
    }

    @Test
    func `a rule for a resource isn't one for its subresources`() {
        let status = admission(
            .update, "widgets", group: "example.dev", widget, old: widget, subresource: "status")
        for (resource, matches) in [("*", false), ("*/status", true), ("widgets", false), ("*/*", true)] {
            let rule = WebhookRule([
                "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"],
                "resources": [.string(resource)],
            ])
            #expect(rule.matches(status) == matches, "\(resource)")
        }
    }

    @Test(arguments: [
        (#"{"objectSelector":{"matchLabels":{"tier":"a"}}}"#, true),
        (#"{"objectSelector":{"matchLabels":{"tier":"b"}}}"#, false),
        (
            #"{"objectSelector":{"matchExpressions":[{"key":"tier","operator":"NotIn","values":["b"]}]}}"#,
            true
        ),
        (#"{"objectSelector":{"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]}}"#, false),
        (#"{"namespaceSelector":{"matchLabels":{"team":"a"}}}"#, true),
        (#"{"namespaceSelector":{"matchExpressions":[{"key":"gone","operator":"Exists"}]}}"#, false),
        (#"{"matchConditions":[{"name":"fast","expression":"object.spec.mode == 'fast'"}]}"#, true),
        (#"{"matchConditions":[{"name":"who","expression":"request.userInfo.username == 'x'"}]}"#, false),
        (
            #"{"matchConditions":[{"name":"bad","expression":"object.nothing == 1"},{"name":"no","expression":"false"}]}"#,
            false
        ),
    ])
    func `selectors and conditions choose objects`(_ extra: String, _ isCalled: Bool) async throws {
        cluster.put("namespaces", namespace: "", "rec", #"{"metadata":{"labels":{"team":"a"}}}"#)
        cluster.webhook(.validating, "v", extra)
        let webhooks = FakeWebhooks { _, _ in FakeWebhooks.allowed }
        _ = try await plugin(webhooks).process(
            admission("widgets", group: "example.dev", widget), cluster)
        #expect(webhooks.paths == (isCalled ? ["/v"] : []))
    }

    @Test
    func `a condition that cannot be evaluated refuses or passes over, as the failure policy says`() async {
        let condition = #""matchConditions":[{"name":"bad","expression":"object.nothing == 1"}]"#
        cluster.webhook(.validating, "v", "{\(condition)}")
        let webhooks = FakeWebhooks { _, _ in FakeWebhooks.allowed }
        let request = admission("widgets", group: "example.dev", widget)
        let status = await plugin(webhooks).refusal(of: request, cluster)
        #expect(status?.code == 403)
        #expect(status?.message?.contains("match condition 'bad'") == true)
        cluster.webhook(.validating, "v", "{\(condition),\"failurePolicy\":\"Ignore\"}")
        #expect(await plugin(webhooks).refusal(of: request, cluster) == nil)
        #expect(webhooks.paths.isEmpty)
    }

    @Test
    func `a dry run doesn't reach a webhook with side effects`() async throws {
        let webhooks = FakeWebhooks { _, _ in FakeWebhooks.allowed }
        let request = admission("widgets", group: "example.dev", widget, isDryRun: true)
        cluster.webhook(.mutating, "m", #"{"sideEffects":"NoneOnDryRun"}"#)
        _ = try await plugin(webhooks).process(request, cluster)
        #expect(webhooks.reviews.first?[path: ["request", "dryRun"]] == true)
        cluster.webhook(.mutating, "m", #"{"sideEffects":"Some"}"#)
        let status = await plugin(webhooks).refusal(of: request, cluster)
        #expect(status?.message == "admission webhook \"m.example.dev\" does not support dry run")
        #expect(status?.code == 400)
    }

    @Test
    func `webhooks never see their own configuration`() async throws {
        let webhooks = FakeWebhooks { _, _ in .response(["allowed": false]) }
        cluster.webhook(
            .validating, "v",
            #"{"rules":[{"apiGroups":["*"],"apiVersions":["*"],"operations":["*"],"resources":["*/*"]}]}"#)
        let request = admission(
            .delete, "validatingwebhookconfigurations", group: Webhook.group, nil,
            old: json(#"{"metadata":{"name":"v"}}"#))
        _ = try await plugin(webhooks).process(request, cluster)
        #expect(webhooks.requests.isEmpty)
    }

    @Test
    func `a webhook with IfNeeded is called again if a later one changes the object, others aren't`()
        async throws
    {
        let webhooks = FakeWebhooks { path, review in
            guard path == "/c", review[path: ["request", "object", "spec", "c"]] == nil else {
                return FakeWebhooks.allowed
            }
            return FakeWebhooks.patching([["op": "add", "path": "/spec/c", "value": true]])
        }
        cluster.webhook(.mutating, "a", #"{"reinvocationPolicy":"IfNeeded"}"#)
        cluster.webhook(.mutating, "b")
        cluster.webhook(.mutating, "c", #"{"reinvocationPolicy":"IfNeeded"}"#)
        _ = try await plugin(webhooks).process(
            admission("widgets", group: "example.dev", widget), cluster)
        #expect(webhooks.paths == ["/a", "/b", "/c", "/a"])
        #expect(webhooks.reviews.last?[path: ["request", "object", "spec", "c"]] == true)
    }

    @Test
    func `the refusal of the first configuration is told`() async {
        let webhooks = FakeWebhooks { path, _ in
            .response(["allowed": false, "status": ["message": .string("no from \(path)")]])
        }
        for name in ["c", "b", "d"] { cluster.webhook(.validating, name) }
        for _ in 0..<10 {
            let status = await plugin(webhooks).refusal(
                of: admission("widgets", group: "example.dev", widget), cluster)
            #expect(status?.message?.hasSuffix("no from /b") == true)
        }
    }

    @Test
    func `a webhook behind a service is reached at an endpoint, under the service's name`() async throws {
        let webhooks = FakeWebhooks { _, _ in FakeWebhooks.allowed }
        cluster.webhook(
            .validating, "v",
            #"{"clientConfig":{"service":{"namespace":"anneal","name":"hooks","path":"/check","port":443}}}"#)
        let request = admission("widgets", group: "example.dev", widget)
        let missing = await plugin(webhooks).refusal(of: request, cluster)
        #expect(missing?.message?.contains("service \"hooks\" not found") == true)

        cluster.put(
            "services", namespace: "anneal", "hooks",
            #"{"spec":{"ports":[{"name":"https","port":443,"targetPort":9443}]}}"#)
        let idle = await plugin(webhooks).refusal(of: request, cluster)
        #expect(idle?.message?.contains("no endpoints available for service \"hooks\"") == true)

        cluster.put(
            "endpoints", namespace: "anneal", "hooks",
            #"{"subsets":[{"addresses":[{"ip":"127.0.0.5"}],"ports":[{"name":"https","port":9443}]}]}"#)
        _ = try await plugin(webhooks).process(request, cluster)
        let asked = try #require(webhooks.requests.first)
        #expect(asked.url == "https://127.0.0.5:9443/check?timeout=2s")
        #expect(asked.tls.serverName == "hooks.anneal.svc")
    }
}
