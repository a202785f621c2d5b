import AnnealAPI
import Foundation
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Synchronization
import TestSupport
import Testing

@testable import AdmissionWebhook

/// Policies that want more than creations and updates, and judges that ask the API server.
@Suite(.timeLimit(.minutes(1))) struct AskingJudgeTests {
    private static let type = TrainingJob.resourceType

    /// A judge that lets pass who may patch models.
    private static func policy(
        rules: [AdmissionPolicy.Rule] = [.writes], fallback: AdmissionPolicy.Fallback = .refuse
    ) -> AdmissionPolicy {
        AdmissionPolicy(type, rules: rules, fallback: fallback) { request, access in
            let may = try await access.allows(
                request.user,
                .init(verb: "patch", group: "anneal.dev", resource: "models", namespace: request.namespace))
            return .init(denial: may ? nil : "user \(request.user.name) may not patch models")
        }
    }

    private static func deciding(
        _ policy: AdmissionPolicy,
        _ request: AdmissionRequest = ReviewSamples.request(ReviewSamples.trainingJob()),
        timeout: String = "5s", asking access: AccessReviewer
    ) async -> AdmissionDecision {
        await AdmissionController([policy]).validate(
            request, until: ReviewDeadline(timeout: timeout), asking: access)
    }

    private static func client(_ server: ScriptedServer) -> AccessReviewer {
        AccessReviewer(
            client: KubernetesClient(
                configuration: ClusterConfiguration(server: server.url, credentials: .none),
                transport: HTTPTransport(), userAgent: "anneal-test/1"))
    }

    struct Route: Sendable {
        var operation: AdmissionRequest.Operation
        var subresource: String?
        /// Whether the judge is asked.
        var isJudged: Bool
        /// Part of the only warning; nil where there is none.
        var warning: String?
    }

    @Test(arguments: [
        Route(operation: .create, isJudged: false), Route(operation: .update, isJudged: true),
        Route(operation: .delete, isJudged: true),
        Route(operation: .update, subresource: "status", isJudged: true),
        Route(operation: .create, subresource: "status", isJudged: false),
        Route(operation: .connect, subresource: "log", isJudged: true),
        Route(operation: .update, subresource: "scale", isJudged: false, warning: "trainingjobs/scale"),
        Route(operation: .connect, isJudged: false, warning: "CONNECT of trainingjobs"),
    ])
    func `a policy judges what its rules name, and nothing else`(_ route: Route) async {
        let policy = AdmissionPolicy(
            Self.type,
            rules: [
                .init([.update, .delete]), .init([.update], subresource: "status"),
                .init([.connect], subresource: "log"),
            ]
        ) { _, _ in .init(denial: "judged") }
        var request = ReviewSamples.request(
            ReviewSamples.trainingJob({ $0.method = .full }), replacing: ReviewSamples.trainingJob())
        request.operation = route.operation
        request.subresource = route.subresource
        if route.operation == .delete { request.object = nil }
        let controller = AdmissionController([policy])
        let decision = await controller.validate(
            request, until: ReviewDeadline(timeout: "5s"),
            asking: AccessReviewer { _ in throw CancellationError() })
        #expect(decision.isAllowed != route.isJudged)
        #expect(decision.status?.code == (route.isJudged ? 403 : nil))
        #expect(decision.warnings.count == (route.warning == nil ? 0 : 1))
        #expect(decision.warnings.allSatisfy { $0.contains(route.warning ?? "") })
        // Neither a deletion nor a part of an object is stamped.
        if route.operation == .delete || route.subresource != nil {
            #expect(controller.mutate(request).patch == [])
        }
    }

    @Test func `the rules to publish are the policies' own`() {
        let controller = AdmissionController([
            Self.policy(rules: [.init([.create, .delete]), .init([.update], subresource: "status")]),
            .evalRun,
        ])
        #expect(
            controller.validatingRules == [
                "trainingjobs": [.create, .delete], "trainingjobs/status": [.update],
                "evalruns": [.create, .update],
            ])
        #expect(
            controller.mutatingRules == ["trainingjobs": [.create], "evalruns": [.create, .update]])
    }

    @Test(arguments: [true, false])
    func `a judge decides by the answer to a SubjectAccessReview`(_ isAllowed: Bool) async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(
                201,
                #"{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{"creationTimestamp":null},"#
                    + #""spec":{"user":"ada"},"status":{"allowed":\#(isAllowed),"reason":"RBAC"}}"#)
        }
        var request = ReviewSamples.request(ReviewSamples.trainingJob())
        request.user.groups = ["team", "system:authenticated"]
        request.user.extra = ["scopes": ["a"]]
        let decision = await Self.deciding(Self.policy(), request, asking: Self.client(server))
        #expect(decision.isAllowed == isAllowed)
        if !isAllowed {
            #expect(decision.status?.code == 403)
            #expect(decision.status?.message?.contains("may not patch models") == true)
        }
        let sent = try #require(server.requests.first)
        #expect(sent.method == "POST" && sent.target == "/apis/authorization.k8s.io/v1/subjectaccessreviews")
        let spec = try #require(try JSONValue(parsing: sent.body)["spec"])
        #expect(
            spec == [
                "user": "ada", "groups": ["team", "system:authenticated"], "extra": ["scopes": ["a"]],
                "resourceAttributes": [
                    "verb": "patch", "group": "anneal.dev", "resource": "models", "namespace": "team",
                ],
            ])
    }

    @Test(arguments: [403, 500])
    func `without an answer the request is refused, or let through with a warning, as the policy says`(
        _ code: Int
    ) async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(code, #"{"kind":"Status","message":"no roles","code":\#(code)}"#)
        }
        let refused = await Self.deciding(Self.policy(), asking: Self.client(server))
        #expect(refused.status?.code == 500)
        #expect(refused.status?.message?.contains("no roles") == true)
        let allowed = await Self.deciding(Self.policy(fallback: .allow), asking: Self.client(server))
        #expect(allowed.isAllowed && allowed.warnings.first?.contains("no roles") == true)
        server.stop()
        let down = await Self.deciding(Self.policy(), asking: Self.client(server))
        #expect(down.status?.code == 500)
    }

    @Test func `a judge that waits for a slow API server is cancelled, and the answer comes in time`()
        async throws
    {
        let server = try ScriptedServer { _, _ in Thread.sleep(forTimeInterval: 3) }
        let start = ContinuousClock.now
        let decision = await Self.deciding(Self.policy(), timeout: "1s", asking: Self.client(server))
        #expect(start.duration(to: .now) < .seconds(1))
        #expect(decision.status?.code == 504)
        #expect(decision.status?.message?.contains("within 0.75 seconds") == true)
    }

    @Test func `a judge that heeds no cancellation is not waited for`() async {
        let stubborn = AccessReviewer { _ in
            await withCheckedContinuation { continuation in
                DispatchQueue.global().asyncAfter(deadline: .now() + 2) { continuation.resume() }
            }
            return .init(allowed: true)
        }
        let start = ContinuousClock.now
        let decision = await Self.deciding(Self.policy(fallback: .allow), timeout: "500ms", asking: stubborn)
        #expect(start.duration(to: .now) < .seconds(1))
        #expect(decision.isAllowed && decision.warnings.count == 1)
    }

    @Test func `a judge is cancelled when its request is`() async {
        let isCancelled = Mutex(false)
        let (begun, signal) = AsyncStream.makeStream(of: Void.self)
        let policy = AdmissionPolicy(Self.type) { _, _ in
            signal.yield()
            do { try await Task.sleep(for: .seconds(30)) } catch { isCancelled.withLock { $0 = true } }
            signal.finish()
            return .init()
        }
        let task = Task {
            await Self.deciding(
                policy, timeout: "30s", asking: AccessReviewer { _ in throw CancellationError() })
        }
        for await _ in begun.prefix(1) { task.cancel() }
        #expect(await task.value.isAllowed == false)
        for await _ in begun {}
        #expect(isCancelled.withLock { $0 })
    }

    @Test func `64 slow judges do not hold up a quick one`() async throws {
        let controller = AdmissionController([
            AdmissionPolicy(EvalRun.resourceType) { _, _ in
                try await Task.sleep(for: .seconds(20))
                return .init()
            },
            .trainingJob(settings: .init(agentImage: "registry.example/agent:1")),
        ])
        let slow = ReviewSamples.review(ReviewSamples.request(ReviewSamples.evalRun())).serialized()
        let quick = ReviewSamples.review(ReviewSamples.request(ReviewSamples.trainingJob())).serialized()
        try await LiveWebhook.run(controller: controller) { webhook, _ in
            try await withThrowingTaskGroup(of: Duration.self) { group in
                let start = ContinuousClock.now
                for _ in 0..<64 {
                    group.addTask {
                        let response = try await webhook.post("/validate?timeout=4s", slow)
                        let review = try JSONValue(parsing: response.body)
                        #expect(review[path: ["response", "status", "code"]] == 504)
                        return start.duration(to: .now)
                    }
                }
                try await Task.sleep(for: .milliseconds(1500))
                let before = ContinuousClock.now
                #expect(try await webhook.post("/validate?timeout=4s", quick).status == 200)
                #expect(before.duration(to: .now) < .milliseconds(500))
                for try await time in group { #expect(time > .seconds(3) && time < .seconds(6)) }
            }
        }
    }

    @Test(arguments: [
        ("5s", 4500), ("1s", 750), ("500ms", 250), ("1m0s", 27_000), ("1.5s", 1250), (nil, 9000),
        ("soon", 9000), ("-5s", 9000), ("0s", 9000), ("1e9s", 9000), ("s", 9000),
    ])
    func `a judge has the API server's time, less a margin`(_ timeout: String?, _ milliseconds: Int) {
        let limit = ReviewDeadline(timeout: timeout).limit
        #expect(abs((limit - .milliseconds(milliseconds)) / .milliseconds(1)) < 1, "\(limit)")
    }
}
