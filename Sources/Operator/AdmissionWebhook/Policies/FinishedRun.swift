import AnnealAPI

/// Changes that come too late.
enum FinishedRun {
    /// Of a run's spec, only the policy can change, and of that only how long the object is kept matters
    /// once the run has finished. The change is let through all the same: a repository that holds it could
    /// otherwise not be applied any more.
    static func warning(
        phase: String?, isTerminal: Bool, _ new: RunPolicy?, _ old: RunPolicy?, kind: String
    ) -> [String] {
        guard isTerminal else { return [] }
        var (new, old) = (new ?? RunPolicy(), old ?? RunPolicy())
        new.ttlSecondsAfterFinished = nil
        old.ttlSecondsAfterFinished = nil
        guard new != old else { return [] }
        return [
            "the run has finished (\(phase ?? "")): of spec.runPolicy only ttlSecondsAfterFinished has an "
                + "effect now; create another \(kind) to run again"
        ]
    }
}
