/// How one request to the webhook ended, for metrics.
public struct ReviewObservation: Sendable {
    /// `error`: what came was no review, and got none for an answer.
    public enum Outcome: String, Sendable { case allowed, denied, error }

    /// Of the object; `other` where the webhook knows no such kind, or the request named none.
    public var kind: String
    public var outcome: Outcome
    /// From the request's head to its answer, the time in which the body arrived included.
    public var duration: Duration
}
