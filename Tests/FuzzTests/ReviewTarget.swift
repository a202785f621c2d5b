import AdmissionWebhook
import AnnealAPI
import KubernetesAPI
import Planning

extension Targets {
    /// Reviews that an API server sends to the webhook for its users.
    static let review = FuzzTarget("AdmissionReview", [Corpus.review]) { bytes in
        guard let request = try? AdmissionRequest(review: bytes) else { return }
        for decision in [controller.mutate(request)] + [controller.decide(request)].compactMap({ $0 }) {
            let answer = decision.review(uid: request.uid)
            guard try JSONValue(parsing: Array(answer.serialized())) == answer else {
                throw Broken("the answer is another after writing and reading")
            }
        }
    }

    private static let controller = AdmissionController([
        .trainingJob(settings: PlannerSettings(agentImage: "agent:1"))
    ])
}
