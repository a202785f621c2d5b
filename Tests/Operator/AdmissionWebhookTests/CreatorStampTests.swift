import AnnealAPI
import KubernetesAPI
import Testing

@testable import AdmissionWebhook

@Suite("Who created an object")
struct CreatorStampTests {
    private static let member = "/metadata/annotations/anneal.dev~1created-by"

    private func patch(_ request: AdmissionRequest) -> [JSONValue] {
        ReviewSamples.controller.mutate(request).patch
    }

    @Test
    func `a new object is stamped with the user that the server names`() {
        let bare = ReviewSamples.request(ReviewSamples.trainingJob(), createdBy: nil)
        #expect(
            patch(bare) == [
                ["op": "add", "path": "/metadata/annotations", "value": ["anneal.dev/created-by": "ada"]]
            ])
        var annotated = bare
        annotated.object?[path: ["metadata", "annotations", "note"]] = "kept"
        #expect(patch(annotated) == [["op": "add", "path": .string(Self.member), "value": "ada"]])
        var empty = bare
        empty.object?[path: ["metadata", "annotations"]] = .null
        #expect(patch(empty).first?["path"] == "/metadata/annotations")
    }

    @Test
    func `a creator's own stamp is overwritten; the true one is left as it is`() {
        let forged = ReviewSamples.request(ReviewSamples.trainingJob(), by: "eve", createdBy: "ada")
        #expect(patch(forged) == [["op": "add", "path": .string(Self.member), "value": "eve"]])
        #expect(patch(ReviewSamples.request(ReviewSamples.trainingJob())) == [])
    }

    @Test
    func `an update restores the stamp, whoever makes it`() {
        let job = ReviewSamples.trainingJob()
        var request = ReviewSamples.request(job, replacing: job, by: "eve")
        #expect(patch(request) == [])
        request.object?[path: ["metadata", "annotations", CreatorStamp.annotation]] = "eve"
        #expect(patch(request) == [["op": "add", "path": .string(Self.member), "value": "ada"]])
        request.object?[path: ["metadata", "annotations"]] = nil
        #expect(patch(request).first?["value"] == ["anneal.dev/created-by": "ada"])
    }

    @Test
    func `an object older than the webhook gets no stamp by an update`() {
        let job = ReviewSamples.trainingJob()
        var request = ReviewSamples.request(job, replacing: job, by: "eve", createdBy: nil)
        #expect(patch(request) == [])
        request.object?[path: ["metadata", "annotations", CreatorStamp.annotation]] = "eve"
        #expect(patch(request) == [["op": "remove", "path": .string(Self.member)]])
        #expect(ReviewSamples.controller.validate(request).causes.first?.reason == "FieldValueForbidden")
    }

    @Test
    func `an object without its stamp after mutation is refused`() {
        let forged = ReviewSamples.controller.validate(
            ReviewSamples.request(ReviewSamples.trainingJob(), by: "eve"))
        #expect(forged.causes.first?.field == "metadata.annotations[anneal.dev/created-by]")
        #expect(forged.causes.first?.message?.contains(#"must be "eve""#) == true)
        let missing = ReviewSamples.controller.validate(
            ReviewSamples.request(ReviewSamples.trainingJob(), createdBy: nil))
        #expect(missing.causes.first?.message?.contains("MutatingWebhookConfiguration") == true)
    }

    @Test
    func `nothing in a spec is ever changed, and a dry run is answered alike`() {
        for creator in [nil, "ada", "eve"] {
            var request = ReviewSamples.request(ReviewSamples.evalRun(), createdBy: creator)
            let operations = patch(request)
            for operation in operations {
                #expect(operation["path"]?.stringValue?.hasPrefix("/metadata/annotations") == true)
            }
            request.isDryRun = true
            #expect(patch(request) == operations)
        }
    }
}
