import AnnealAPI
import KubernetesAPI

/// A run's volume that is lost, as a rule with the node that it was on: another is made and filled from S3.
extension TrainingJobDraft {
    /// Name of the run's claim. A volume that was lost is followed by one of another name: what is left of it stays as
    /// long as the run may need it.
    var claimName: String { WorkspaceClaim.name(run, status) }

    /// The claim of the run's present volume; nil if it is not there.
    private var claim: PersistentVolumeClaim? { seen.claims.first { $0.name == claimName } }

    /// The wait of a pod for a node or for its volumes, as the scheduler or the kubelet tells of it.
    struct Wait {
        var since: Timestamp?
        var words: String?

        /// The wait, if that is what the pod does.
        init?(_ outcome: PodOutcome?) {
            switch outcome {
            case .unscheduled(let since, let words): (self.since, self.words) = (since, words)
            case .starting(let trouble): (since, words) = (trouble.since, trouble.message)
            case .active, .succeeded, .ended, nil: return nil
            }
        }

        /// Whether the scheduler says that no node reaches the volume: the words of releases up to and since 1.33.
        fileprivate var isForVolume: Bool {
            says("volume node affinity conflict") || says("didn't match PersistentVolume's node affinity")
        }

        fileprivate func says(_ text: String) -> Bool { words?.contains(text) == true }
    }

    /// Cause for which the volume counts as lost; nil while it does not.
    ///
    /// - Parameter wait: Wait of a pod that mounts it; nil where none is there.
    private func loss(_ wait: Wait?) -> String? {
        let waited = wait.map { max(0, now.seconds(since: $0.since ?? now)) } ?? 0
        guard let claim else {
            let words = ["persistentvolumeclaim", "persistentvolumeclaims"].map {
                "\($0) \"\(claimName)\" not found"
            }
            guard let wait, words.contains(where: wait.says), waited >= settings.silentWaitSeconds else {
                return nil
            }
            return "PersistentVolumeClaim \(claimName) was deleted"
        }
        if claim.status?.phase == "Lost" {
            return "PersistentVolumeClaim \(claimName) has lost its PersistentVolume "
                + (claim.spec?.volumeName ?? "")
        }
        guard let node = claim.selectedNode, seen.goneNodes.contains(node), wait?.isForVolume == true,
            waited >= settings.nodeLostSeconds
        else { return nil }
        return
            "The volume of PersistentVolumeClaim \(claimName) can be reached from no node: it was made for node "
            + "\(node), which is gone"
    }

    /// Has the run go on with another volume where its own is lost, or says what is lost with it.
    ///
    /// - Parameter wait: Wait of a pod that mounts it; nil where none is there.
    /// - Returns: Whether nothing more is to be done in this pass.
    mutating func replacesLostVolume(_ wait: Wait? = nil) -> Bool {
        guard let current = status.current, let loss = loss(wait) else { return false }
        let stage = current.stage
        let failure = AttemptFailure(
            .interrupted, reason: Self.lossReason, message: "\(loss); another is filled from S3")
        switch stage {
        case .preprocessing, .preparing:
            replaceVolume()
            recordFailure(failure, of: stage)
            retry(failure, limit: limit(of: stage))
        case .queued:
            replaceVolume()
            closeRecord()
            begin(.preparing)
            explain(failure)
        case .training:
            replaceVolume()
            endAttempt(failure)
        case .uploading: tellLostModel(loss)
        case .pending, .validating, .evaluating, .registering, .completed, .suspended, .evalFailed, .failed,
            .cancelled, .pruned:
            return false
        }
        return true
    }

    static var lossReason: String { "WorkspaceLost" }

    private mutating func replaceVolume() {
        status.workspaceGeneration = max(1, status.workspaceGeneration ?? 1).next
    }

    /// Says that the model was on the volume alone. A volume may come back, with its node or by an administrator's
    /// hand, for as long as the run waits to be completed; one whose claim is gone will not.
    private mutating func tellLostModel(_ loss: String) {
        let checkpoint = status.checkpoint.map { ", which has the checkpoint at step \($0.step)," } ?? ""
        let message =
            "\(loss), and the trained model was nowhere else. Make the volume available again, or train anew: "
            + "what S3 has of this run\(checkpoint) stays there"
        guard claim != nil else { return end(.failed, reason: Self.lossReason, message: message) }
        status.reason = Self.lossReason
        status.message = Wording.bounded(message)
        wake(after: settings.queuePollSeconds)
    }

    /// Whether a claim of the run is one that was lost, and holds nothing but what was downloaded.
    func isLeftover(_ claim: PersistentVolumeClaim) -> Bool {
        claim.name != claimName && (status.trainingAttempts ?? 0) == 0
    }
}

extension PersistentVolumeClaim {
    /// Node for which the volume was made, where the first pod decided that; nil if none did.
    public var selectedNode: String? {
        metadata.annotations?["volume.kubernetes.io/selected-node"].flatMap { $0.isEmpty ? nil : $0 }
    }
}
