import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Planning

/// Carries out a plan: the status first, then the effects in order.
///
/// The order is what makes a crash harmless: an attempt is in the status before anything of it exists, and
/// whatever of a plan was not done is planned again.
struct PlanApplier: Sendable {
    let client: KubernetesClient
    let events: EventRecorder
    let caches: ClusterCaches

    /// Patches what differs, on the condition that the run is still the one that was observed. Answers
    /// with the run as it is then; nil if nothing differed.
    func writeStatus<Run: StatefulRun>(_ status: Run.RunStatus, of run: Run) async throws -> Run? {
        guard status != run.status else { return nil }
        let before = try run.status.map { try JSONValue(encoding: $0) } ?? .object([:])
        guard let difference = MergeDifference.between(before, try JSONValue(encoding: status)) else {
            return nil
        }
        var written = run
        written.status = status
        written.metadata.resourceVersion = try await patchStatus(of: run, difference)
        return written
    }

    /// Sends an empty patch, which changes nothing, and fails if the cache was stale.
    func confirmVersion<Run: StatefulRun>(of run: Run) async throws {
        _ = try await patchStatus(of: run, nil)
    }

    private func patchStatus<Run: StatefulRun>(of run: Run, _ status: JSONValue?) async throws -> String? {
        var metadata: JSONValue = [:]
        metadata["resourceVersion"] = run.metadata.resourceVersion.map(JSONValue.string)
        metadata["uid"] = run.metadata.uid.map(JSONValue.string)
        var body: JSONValue = ["metadata": metadata]
        body["status"] = status
        return try await client.patchVersion(Run.self, run.key, .merge(body), subresource: "status")
    }

    /// Carries out the effects in order; one that fails holds up only those that need it.
    ///
    /// - Returns: What failed; empty if all went well.
    /// - Throws: An error without an answer by the API server: no other effect would fare better.
    func carryOut<Run: StatefulRun>(_ effects: [Effect], on run: Run) async throws -> [EffectFailure] {
        var failures: [EffectFailure] = []
        var missing: Set<ChildIdentity> = []
        for effect in effects {
            switch effect {
            case .create(let child, let needs), .apply(let child, let needs):
                guard missing.isDisjoint(with: needs) else {
                    missing.insert(child.identity)
                    continue
                }
            case .removeFinalizer, .deleteRun: guard failures.isEmpty else { continue }
            case .patch, .delete, .event, .addFinalizer: break
            }
            do {
                try await carryOut(effect, on: run)
            } catch {
                if let error = error as? KubernetesError, error.status == nil { throw error }
                if error is CancellationError { throw error }
                failures.append(EffectFailure(of: effect, error))
                if let child = effect.child { missing.insert(child.identity) }
            }
        }
        return failures
    }

    private func carryOut<Run: StatefulRun>(_ effect: Effect, on run: Run) async throws {
        switch effect {
        case .create(let child, _): _ = try await create(child.object, owner: run.metadata.uid)
        case .apply(let child, _): try await apply(child.object, owner: run.metadata.uid)
        case .patch(let reference, let patch): try await self.patch(reference, patch)
        case .delete(let reference, let gracePeriodSeconds):
            try await delete(reference, gracePeriodSeconds: gracePeriodSeconds)
        case .event(let note):
            await events.record(
                regarding: run.reference, type: note.kind.rawValue, reason: note.reason,
                action: note.reason, note: note.note)
        case .addFinalizer(let finalizer):
            let known = run.metadata.finalizers ?? []
            guard !known.contains(finalizer) else { return }
            try await set(finalizers: known + [finalizer], of: run)
        case .removeFinalizer(let finalizer):
            let known = run.metadata.finalizers ?? []
            try await ignoringAbsence { try await set(finalizers: known.filter { $0 != finalizer }, of: run) }
        case .deleteRun(let uid):
            try await ignoringAbsence {
                try await client.delete(Run.self, run.key, options: DeleteOptions(uid: uid))
            }
        }
    }

    // MARK: Children

    /// Creates the object. Names are deterministic: one that is taken by this run's own object was created by
    /// an earlier pass. Throws `NameTaken` where it is another's.
    ///
    /// - Returns: Whether the object was there.
    private func create<R: KubernetesResource>(_ object: R, owner: String?) async throws -> Bool {
        do throws(KubernetesError) {
            // Objects of our own kinds need the server's answer: it has the defaults that a controller goes
            // by.
            let created =
                R.resourceType.group == Anneal.group
                ? try await client.create(object, fieldManager: Anneal.fieldManager)
                : try await client.createIdentified(object, fieldManager: Anneal.fieldManager)
            caches.creations.note(created.metadata.uid, of: owner)
            caches.assume(created)
            return false
        } catch {
            guard error.isAlreadyExists else { throw error }
            // A list finds the object, as the role needs that verb anyway.
            let named = ListOptions(fieldSelector: "metadata.name=\(object.name)")
            let found = try await client.list(R.self, namespace: object.namespace, options: named)
            guard let existing = found.items.first else { throw error }
            guard existing.metadata.controller?.uid == owner else {
                throw NameTaken(of: object, by: existing)
            }
            caches.assume(existing)
            return true
        }
    }

    /// Applies to an object of the run's own only: apply alone would take over one that nobody controls.
    private func apply<R: KubernetesResource>(_ object: R, owner: String?) async throws {
        let known = caches.informer(R.self)?.store.get(object.key)
        if known?.metadata.controller?.uid != owner || owner == nil {
            guard try await create(object, owner: owner) else { return }
        }
        caches.assume(try await client.apply(object, fieldManager: Anneal.fieldManager))
    }

    private func patch(_ reference: ChildReference, _ patch: JSONValue) async throws {
        var patch = patch
        var metadata = patch["metadata"] ?? [:]
        metadata["uid"] = .string(reference.uid)
        patch["metadata"] = metadata
        let request = reference.type.patch(
            namespace: reference.key.namespace, name: reference.key.name, .merge(patch))
        do throws(KubernetesError) {
            _ = try await client.send(request, maximumBodyBytes: 4 << 20)
        } catch {
            // Another object has that name: to the server, the patch changes a UID.
            let isAnother = error.isInvalid && error.status?.message?.contains("metadata.uid") == true
            guard error.isNotFound || error.isConflict || isAnother else { throw error }
        }
    }

    private func delete(_ reference: ChildReference, gracePeriodSeconds: Int64?) async throws {
        var options = DeleteOptions(uid: reference.uid)
        options.gracePeriodSeconds = gracePeriodSeconds
        let request = try reference.type.delete(
            namespace: reference.key.namespace, name: reference.key.name, options: options)
        try await ignoringAbsence { _ = try await client.send(request, maximumBodyBytes: 4 << 20) }
    }

    private func set<Run: StatefulRun>(finalizers: [String], of run: Run) async throws {
        var metadata: JSONValue = ["finalizers": .array(finalizers.map(JSONValue.string))]
        metadata["resourceVersion"] = run.metadata.resourceVersion.map(JSONValue.string)
        _ = try await client.patch(Run.self, run.key, .merge(["metadata": metadata]))
    }

    /// Does a deletion, and passes over an object that is gone, or is another by now.
    private func ignoringAbsence(_ action: () async throws -> Void) async throws {
        do {
            try await action()
        } catch let error as KubernetesError where error.isNotFound || error.isConflict {
            return
        }
    }
}

extension Effect {
    /// The child that the effect makes; nil if it makes none.
    var child: Child? {
        switch self {
        case .create(let child, _), .apply(let child, _): child
        case .patch, .delete, .event, .addFinalizer, .removeFinalizer, .deleteRun: nil
        }
    }

    /// Whether the watch has to tell of the effect before another plan makes sense.
    var isToldByWatch: Bool {
        switch self {
        case .apply, .patch, .delete, .addFinalizer, .removeFinalizer, .deleteRun: true
        case .create, .event: false
        }
    }
}

/// A child's name belongs to an object that the run does not own.
struct NameTaken: Error, CustomStringConvertible {
    var description: String

    init<R: KubernetesResource>(of wanted: R, by existing: R) {
        let owner = existing.metadata.controller.map { "\($0.kind) \($0.name)" } ?? "nobody"
        description =
            "\(R.resourceType.kind) \(wanted.key) exists and is controlled by \(owner); "
            + "delete or rename it, or give the run another name"
    }
}
