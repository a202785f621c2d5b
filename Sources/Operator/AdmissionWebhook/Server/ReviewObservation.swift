/// Outcome of one request to the webhook, for metrics.
public struct ReviewObservation: Sendable {
    /// The answer's kind; `error`: the body was no review, and got none for an answer.
    public enum Outcome: String, Sendable { case allowed, denied, error }

    /// Kind of the object; `other` if the webhook does not know it, or the request named none.
    public var kind: String
    public var outcome: Outcome
    /// Time from the request's head to its answer, including that in which the body arrived.
    public var duration: Duration
}
