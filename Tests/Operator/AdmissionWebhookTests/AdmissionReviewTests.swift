import AnnealAPI
import Foundation
import KubernetesAPI
import TestSupport
import Testing

@testable import AdmissionWebhook

@Suite("Admission reviews")
struct AdmissionReviewTests {
    @Test
    func `every review that a real API server sent is read, and its answer is one that it would read`() throws
    {
        let file = RepositoryManifest.repository
            .appending(path: "Tests/EmbeddedCluster/APIServerTests/Recorded/kube-apiserver-1.36.jsonl")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        let reviews = try lines.map { try JSONValue(parsing: $0.utf8) }
            .filter { $0["name"]?.stringValue?.hasPrefix("webhook/") == true }
            .compactMap { $0[path: ["request", "body"]] }.filter { $0["kind"] == "AdmissionReview" }
        #expect(reviews.count >= 10)
        for review in reviews {
            let request = try AdmissionRequest(review: review.serialized())
            #expect(request.uid == review[path: ["request", "uid"]]?.stringValue)
            #expect(request.user.name == "admin")
            #expect((request.object == nil) == (request.operation == .delete))
            #expect((request.oldObject == nil) == (request.operation == .create))
            #expect(request.isDryRun == (request.name == "h3"))
            let answer = AdmissionDecision.allowed(patch: [["op": "remove", "path": "/x"]], warnings: ["w"])
                .review(uid: request.uid)
            #expect(answer["kind"] == "AdmissionReview")
            #expect(answer["apiVersion"] == review["apiVersion"])
            let response = try #require(answer["response"])
            #expect(response["uid"]?.stringValue == request.uid)
            #expect(response["patchType"] == "JSONPatch")
            let patch = try #require(Data(base64Encoded: response["patch"]?.stringValue ?? ""))
            #expect(try JSONValue(parsing: patch) == [["op": "remove", "path": "/x"]])
        }
    }

    @Test(arguments: [
        ("", "the body is no JSON"),
        ("{", "the body is no JSON"),
        ("[]", "expected an AdmissionReview of admission.k8s.io/v1, got apiVersion none, kind none"),
        (
            #"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#,
            "admission.k8s.io/v1beta1"
        ),
        (#"{"apiVersion":"admission.k8s.io/v1","kind":"Pod"}"#, "kind Pod"),
        (#"{"apiVersion":7,"kind":"AdmissionReview"}"#, "that is no text"),
        (#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#, "has no request"),
        (
            #"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":null}"#,
            "has no request"
        ),
        (#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}"#, "request.uid"),
    ])
    func `a malformed review is refused with a reason`(_ body: String, _ message: String) {
        let error = #expect(throws: MalformedReview.self) { try AdmissionRequest(review: body.utf8) }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test(
        arguments: [
            (["uid"], .null, "request.uid is missing"),
            (["uid"], 7, "request.uid is missing"),
            (["kind"], "TrainingJob", "request.kind.group is missing"),
            (["kind", "version"], "", "request.kind.version is missing"),
            (["operation"], "PATCH", "'PATCH'"),
            (["object"], .null, "request.object is missing"),
            (["object"], [1, 2], "request.object is no object"),
            (["oldObject"], "x", "request.oldObject is no object"),
        ] as [([String], JSONValue, String)])
    func `a member that is missing or of another type is named`(
        _ path: [String], _ value: JSONValue, _ message: String
    ) {
        var review = ReviewSamples.review(ReviewSamples.request(ReviewSamples.trainingJob()))
        review[path: ["request"] + path] = value
        let error = #expect(throws: MalformedReview.self) {
            try AdmissionRequest(review: review.serialized())
        }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test
    func `an update needs the object that it replaces`() {
        var review = ReviewSamples.review(
            ReviewSamples.request(ReviewSamples.trainingJob(), replacing: ReviewSamples.trainingJob()))
        review[path: ["request", "oldObject"]] = .null
        #expect(throws: MalformedReview(message: "request.oldObject is missing")) {
            try AdmissionRequest(review: review.serialized())
        }
    }

    @Test
    func `deep JSON is refused, however deep`() {
        let body = String(repeating: "[", count: 1_000_000)
        let error = #expect(throws: MalformedReview.self) { try AdmissionRequest(review: body.utf8) }
        #expect(error?.message.contains("no JSON") == true)
    }

    @Test
    func `a refusal carries a Status with code, reason, message and causes`() throws {
        let request = ReviewSamples.request(ReviewSamples.trainingJob())
        let answer = AdmissionDecision.invalid(
            request, [.invalid("spec.x", 1, "must be 2"), .forbidden("spec.y", "remove it")],
            warnings: ["careful"]
        ).review(uid: "7")
        let response = try #require(answer["response"])
        #expect(response["allowed"] == false)
        #expect(response["warnings"] == ["careful"])
        let status: Status = try #require(response["status"]).decoded()
        #expect(status.code == 422)
        #expect(status.reason == "Invalid")
        #expect(
            status.message
                == #"TrainingJob.anneal.dev "run" is invalid: [spec.x: Invalid value: 1: must be 2, "#
                + "spec.y: Forbidden: remove it]")
        #expect(status.details?.causes?.map(\.field) == ["spec.x", "spec.y"])
        #expect(response["patch"] == nil && response["patchType"] == nil)
    }
}
