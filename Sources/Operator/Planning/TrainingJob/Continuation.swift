import AnnealAPI
import KubernetesAPI

/// What a run takes over from a finished one, as `spec.continueFrom` asks.
public struct Continuation: Hashable, Sendable {
    /// What is taken over, as the status keeps it.
    var taken: ContinuedRun
    /// Cause in one word, and what is taken over in words, for people.
    var reason: String
    var message: String
    /// Status of the finished run, and the name of its claim.
    private var source: TrainingJobStatus
    private var claimName: String

    /// A wish that can't be granted.
    public struct Refusal: Error, Hashable, Sendable {
        /// Cause, one word in CamelCase.
        public var reason: String
        /// Fields that are wrong, and what to do; at least one.
        public var errors: [FieldError]
    }

    /// Judges the wish of a run.
    ///
    /// - Parameters:
    ///   - source: The run that it names; nil if there is none of that name.
    ///   - claims: PersistentVolumeClaims that the source controls.
    /// - Throws: where the source has not finished, or was made with other inputs.
    public init(
        of run: TrainingJob, from source: TrainingJob?, claims: [PersistentVolumeClaim]
    ) throws(Refusal) {
        let wish = run.spec.continueFrom
        let name = wish?.trainingJob ?? ""
        guard let source, let status = source.status, source.metadata.uid != run.metadata.uid else {
            throw .named(
                "SourceNotFound", name,
                "no other TrainingJob of this name is in namespace \(run.namespace): correct the name, or leave "
                    + "continueFrom out")
        }
        guard status.phase.isTerminal, source.metadata.deletionTimestamp == nil else {
            let state =
                source.metadata.deletionTimestamp == nil
                ? "in phase \(status.phase.rawValue)" : "being deleted"
            throw .named(
                "SourceNotFinished", name,
                "TrainingJob \(name) is \(state): only a finished run can be continued; wait for its condition "
                    + "Finished, and create this one again")
        }
        let differences = InputDifferences(of: run.spec, from: source.spec, validated: status.dataset)
        guard differences.errors.isEmpty else {
            throw Refusal(reason: "ContinuedInputsDiffer", errors: differences.errors)
        }
        self.source = status
        claimName = WorkspaceClaim.name(RunObject(source), status)
        taken = ContinuedRun(name: source.name, uid: source.metadata.uid ?? "")
        (reason, message) = (
            "NothingTaken", "TrainingJob \(source.name) has no processed data: all stages run"
        )
        guard status.dataset?.processedManifestSha256 != nil else { return }
        try takeResults(wish, isLonger: differences.lengthDiffers, claims)
        try checkLength(run.spec)
        describe()
    }

    /// Takes the model, a volume with what is only there, or a checkpoint, whichever is the furthest.
    private mutating func takeResults(
        _ wish: ContinuationSource?, isLonger: Bool, _ claims: [PersistentVolumeClaim]
    ) throws(Refusal) {
        let goesOn = isLonger || wish?.checkpoint != nil
        if !goesOn, let model = source.output ?? source.continuedFrom?.model {
            return taken.model = model
        }
        taken.checkpoint =
            wish?.checkpoint == .best ? source.bestCheckpoint ?? source.checkpoint : source.checkpoint
        guard source.output == nil, source.continuedFrom?.model == nil, wish?.checkpoint != .best else {
            return
        }
        let claim = claims.first { claim in
            claim.metadata.deletionTimestamp == nil && claim.name == claimName
                && claim.status?.phase != "Lost"
        }
        guard source.holdsOnlyCopy == true, let claim, let uid = claim.metadata.uid else { return }
        let hasModel = source.completingSince != nil || source.continuedFrom?.volume?.hasModel == true
        guard !hasModel || !goesOn else {
            throw .named(
                "ModelNotSaved", taken.name,
                "its finished model is only on PersistentVolumeClaim \(claim.name), and training on would clear it: "
                    + "continue it with the same hyperparameters and without continueFrom.checkpoint first, and then "
                    + "that run")
        }
        taken.volume = .init(name: claim.name, uid: uid, hasModel: hasModel ? true : nil)
    }

    /// Refuses a run that would end before the checkpoint that it goes on from.
    private func checkLength(_ spec: TrainingJobSpec) throws(Refusal) {
        guard taken.model == nil, let steps = spec.hyperparameters?.maxSteps,
            let checkpoint = taken.checkpoint,
            steps < checkpoint.step
        else { return }
        throw Refusal(
            reason: "ContinuedInputsDiffer",
            errors: [
                .invalid(
                    "spec.hyperparameters.maxSteps", .integer(Int64(steps)),
                    "TrainingJob \(taken.name) has done \(checkpoint.step) steps already: ask for as many at least"
                )
            ])
    }

    private mutating func describe() {
        let subject = "TrainingJob \(taken.name)"
        if let model = taken.model {
            (reason, message) = ("ModelTaken", "Takes over the model of \(subject), \(model.storageUri)")
        } else if let volume = taken.volume, volume.hasModel == true {
            (reason, message) = (
                "VolumeTaken", "Takes over PersistentVolumeClaim \(volume.name) with the model of \(subject)"
            )
        } else if let volume = taken.volume {
            (reason, message) = (
                "VolumeTaken",
                "Goes on from the newest checkpoint of \(subject), in S3 or on PersistentVolumeClaim \(volume.name), "
                    + "which it takes over"
            )
        } else if let checkpoint = taken.checkpoint {
            (reason, message) = (
                "CheckpointTaken",
                "Goes on from step \(checkpoint.step) of \(subject), \(checkpoint.storageUri)"
            )
        } else {
            (reason, message) = (
                "DataTaken",
                "Takes over the processed data of \(subject), which has no checkpoint: trains from step 0"
            )
        }
    }

    /// What the finished run knows, as the new run's status has it from the beginning.
    func inherit(_ status: inout TrainingJobStatus, artifacts: String) {
        status.continuedFrom = taken
        guard source.dataset?.processedManifestSha256 != nil else { return }
        status.dataset = source.dataset
        // A run of an older release did not note it.
        let root = ArtifactLayout.root(artifacts: artifacts, uid: taken.uid)
        status.dataset?.processedStorageUri =
            source.dataset?.processedStorageUri ?? ArtifactLayout.data(root: root)
        status.checkpoint = taken.checkpoint
        let isTrained = taken.model != nil || taken.volume?.hasModel == true
        if isTrained {
            status.configSha256 = source.configSha256 ?? status.configSha256
            status.checkpoint = source.checkpoint
            status.bestCheckpoint = source.bestCheckpoint
        }
        if isTrained || taken.checkpoint != nil { status.progress = source.progress }
        if taken.model != nil, source.evaluation?.passed == true { status.evaluation = source.evaluation }
        guard taken.volume != nil else { return }
        // What is on the volume belongs to attempts with these numbers.
        status.trainingAttempts = source.trainingAttempts
        status.holdsOnlyCopy = true
    }
}

extension Continuation.Refusal {
    fileprivate static func named(_ reason: String, _ name: String, _ text: String) -> Self {
        Self(
            reason: reason, errors: [.invalid("spec.continueFrom.trainingJob", .string(name), text)])
    }
}

/// Inputs in which two runs differ.
private struct InputDifferences {
    /// One error for each field that must be the same and is not.
    private(set) var errors: [FieldError] = []
    /// Whether one of them trains longer than the other, or may.
    let lengthDiffers: Bool

    /// - Parameter validated: What the old run found its inputs to be.
    init(of new: TrainingJobSpec, from old: TrainingJobSpec, validated: DatasetSummary?) {
        let (new, old) = (Self.filled(new), Self.filled(old))
        lengthDiffers =
            new.hyperparameters?.epochs != old.hyperparameters?.epochs
            || new.hyperparameters?.maxSteps != old.hyperparameters?.maxSteps
        compare("method", new.method.rawValue, old.method.rawValue)
        compare("model", Self.withoutDigest(new.model), Self.withoutDigest(old.model))
        compare("dataset", Self.withoutDigest(new.dataset), Self.withoutDigest(old.dataset))
        compare("preprocessing", new.preprocessing ?? Preprocessing(), old.preprocessing ?? Preprocessing())
        compare(
            "hyperparameters", Self.withoutLength(new.hyperparameters),
            Self.withoutLength(old.hyperparameters))
        checkDigest("model", new.model.sha256, old.model.sha256, validated?.modelSha256)
        checkDigest("dataset", new.dataset.sha256, old.dataset.sha256, validated?.sha256)
        checkEpochs(new.hyperparameters?.epochs, old.hyperparameters?.epochs)
    }

    /// The spec as the API server would store it if nothing in it were absent.
    private static func filled(_ spec: TrainingJobSpec) -> TrainingJobSpec {
        var spec = spec
        spec.preprocessing = spec.preprocessing ?? Preprocessing()
        spec.hyperparameters = spec.hyperparameters ?? Hyperparameters()
        return spec.withDefaults() ?? spec
    }

    private static func withoutDigest(_ model: StoredInput) -> StoredInput {
        var model = model
        model.sha256 = nil
        return model
    }

    private static func withoutDigest(_ dataset: DatasetReference) -> DatasetReference {
        var dataset = dataset
        dataset.sha256 = nil
        return dataset
    }

    private static func withoutLength(_ hyperparameters: Hyperparameters?) -> Hyperparameters {
        var result = hyperparameters ?? Hyperparameters()
        result.epochs = nil
        result.maxSteps = nil
        return result
    }

    private mutating func compare(_ field: String, _ new: some Encodable, _ old: some Encodable) {
        let (new, old) = ((try? JSONValue(encoding: new)) ?? .null, (try? JSONValue(encoding: old)) ?? .null)
        guard let members = new.objectValue, let others = old.objectValue else {
            return note("spec.\(field)", new, old)
        }
        for name in Set(members.keys).union(others.keys).sorted() {
            note("spec.\(field).\(name)", members[name] ?? .null, others[name] ?? .null)
        }
    }

    private mutating func note(_ field: String, _ new: JSONValue, _ old: JSONValue) {
        guard new != old else { return }
        let was = old == .null ? "left out" : String(old.text.prefix(200))
        errors.append(
            .invalid(
                field, new,
                "it was \(was) in the run that is continued: make it the same, or leave continueFrom out"))
    }

    /// A digest may be left out of either, but must not contradict what is known.
    private mutating func checkDigest(_ field: String, _ new: String?, _ old: String?, _ validated: String?) {
        guard let new, let known = validated ?? old, new.lowercased() != known.lowercased() else { return }
        note("spec.\(field).sha256", .string(new), .string(known))
    }

    private mutating func checkEpochs(_ new: Int?, _ old: Int?) {
        guard let new, let old, new < old else { return }
        errors.append(
            .invalid(
                "spec.hyperparameters.epochs", .integer(Int64(new)),
                "it was \(old) in the run that is continued: ask for as many at least"))
    }
}

// MARK: The run that continues another

extension TrainingJobDraft {
    /// Takes over what `spec.continueFrom` asks for, before the first stage. It is in the status before anything
    /// is done about it.
    mutating func takeOver() {
        guard let taken = status.continuedFrom else { return judgeContinuation() }
        guard let volume = taken.volume, !seen.claims.contains(where: { isTaken($0, volume) }) else {
            return advance(to: .validating)
        }
        guard let claim = seen.sourceClaims.first(where: { $0.metadata.uid == volume.uid }),
            let reference = Child(claim).reference, let owner = run.owner,
            let owners = try? JSONValue(encoding: [owner])
        else {
            return end(
                .failed, reason: "VolumeLost",
                message:
                    "PersistentVolumeClaim \(volume.name), which only TrainingJob \(taken.name) had, is gone or "
                    + "was taken over by another run: continue that one")
        }
        var metadata: JSONValue = ["ownerReferences": owners]
        metadata["labels"] = .object(run.labels().mapValues(JSONValue.string))
        metadata["resourceVersion"] = claim.metadata.resourceVersion.map(JSONValue.string)
        steps.creations.append(.patch(reference, ["metadata": metadata]))
        wake(after: 1)
    }

    private mutating func judgeContinuation() {
        do throws(Continuation.Refusal) {
            let continuation = try Continuation(of: seen.run, from: seen.source, claims: seen.sourceClaims)
            continuation.inherit(&status, artifacts: seen.source?.spec.artifacts.storageUri ?? "")
            set(
                "Continued", true, reason: continuation.reason, message: Wording.bounded(continuation.message)
            )
            note(.normal, continuation.reason, continuation.message)
            if continuation.taken.volume == nil { advance(to: .validating) } else { wake(after: 1) }
        } catch {
            end(
                .failed, reason: error.reason,
                message: error.errors.map(\.description).joined(separator: "; "))
        }
    }

    private func isTaken(_ claim: PersistentVolumeClaim, _ volume: ContinuedRun.Volume) -> Bool {
        claim.metadata.uid == volume.uid && run.controls(claim.metadata)
    }

    /// Goes on after validation with the first stage whose result is not there.
    mutating func advanceAfterValidating() {
        if let model = status.continuedFrom?.model {
            closeRecord()
            status.output = model
            status.completingSince = now
            advanceAfterUploading()
        } else if status.continuedFrom?.volume?.hasModel == true {
            status.completingSince = now
            advance(to: .uploading)
        } else {
            advance(to: status.dataset?.processedManifestSha256 == nil ? .preprocessing : .preparing)
        }
    }

    /// Whether the verdict that was taken over is on this very model, and on all that is asked.
    var hasVerdict: Bool {
        guard let verdict = status.evaluation, verdict.passed == true, let output = status.output,
            let request = evaluationRequest
        else { return false }
        return verdict.modelSha256 == output.manifestSha256 && verdict.requestSha256 == request
    }
}
