import AnnealAPI

/// Changes to a finished run that come too late.
enum FinishedRun {
    /// A warning about a change of the policy that has no effect on a finished run: only the time for which
    /// the object is kept still has one. The change is allowed all the same, as a repository that holds it
    /// could otherwise not be applied any more.
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
