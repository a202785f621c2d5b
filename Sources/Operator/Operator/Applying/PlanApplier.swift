import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Planning

/// Carries out a plan: the status first, then the effects in order; stops at the first error.
///
/// The order is what makes a crash harmless: an attempt is in the status before anything of it exists, and
/// whatever of a plan was not done is planned again.
struct PlanApplier: Sendable {
    let client: KubernetesClient
    let events: EventRecorder
    let caches: ClusterCaches

    func carryOut<Run: StatefulRun>(_ effects: [Effect], on run: Run) async throws {
        for effect in effects { try await carryOut(effect, on: run) }
    }

    /// An event for what does not pass by itself: a quota, a policy or a name in the way holds the run up
    /// until somebody acts.
    func tell<Run: StatefulRun>(_ error: any Error, of run: Run) {
        let text: String
        switch error {
        case let error as KubernetesError
        where error.status != nil && !error.isRetryable && !error.isConflict && !error.isNotFound:
            text = "\(error)"
        case let error as NameTaken: text = error.description
        default: return
        }
        events.record(
            EventRecord(
                regarding: run.reference, type: "Warning", reason: "ApplyFailed", action: "Apply",
                note: "What the run needs next was refused, and is tried again: \(text)"))
    }

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

    /// An empty patch changes nothing, and fails if the cache was stale.
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

    private func carryOut<Run: StatefulRun>(_ effect: Effect, on run: Run) async throws {
        switch effect {
        case .create(let child):
            try await create(child, owner: run.metadata.uid)
        case .delete(let reference, let gracePeriodSeconds):
            try await delete(reference, gracePeriodSeconds: gracePeriodSeconds)
        case .event(let note):
            await events.record(
                regarding: run.reference, type: note.kind.rawValue, reason: note.reason,
                action: note.reason, note: note.note)
        case .removeFinalizer(let finalizer):
            try await remove(finalizer: finalizer, from: run)
        case .deleteRun(let uid):
            try await ignoringAbsence {
                try await client.delete(Run.self, run.key, options: DeleteOptions(uid: uid))
            }
        }
    }

    private func create(_ child: Child, owner: String?) async throws {
        switch child {
        case .job(let job): caches.assume(.job(try await create(job, owner: owner)))
        case .pod(let pod): caches.assume(.pod(try await create(pod, owner: owner)))
        case .claim(let claim): caches.assume(.claim(try await create(claim, owner: owner)))
        case .service(let service): caches.assume(.service(try await create(service, owner: owner)))
        case .lease(let lease): caches.assume(.lease(try await create(lease, owner: owner)))
        case .evalRun(let evalRun):
            // Its own controller goes by what the server defaulted.
            let created = try await create(evalRun, owner: owner) { run throws(KubernetesError) in
                try await client.create(run, fieldManager: Anneal.fieldManager)
            }
            caches.assume(.evalRun(created))
        }
    }

    /// Names are deterministic: one that is taken by this run's own object was created by an earlier try.
    private func create<R: KubernetesResource>(_ object: R, owner: String?) async throws -> R {
        try await create(object, owner: owner) { object throws(KubernetesError) in
            try await client.createIdentified(object, fieldManager: Anneal.fieldManager)
        }
    }

    private func create<R: KubernetesResource>(
        _ object: R, owner: String?, send: (R) async throws(KubernetesError) -> R
    ) async throws -> R {
        do throws(KubernetesError) {
            return try await send(object)
        } catch {
            guard error.isAlreadyExists else { throw error }
            // By a list, as the role needs that verb anyway.
            let named = ListOptions(fieldSelector: "metadata.name=\(object.name)")
            let found = try await client.list(R.self, namespace: object.namespace, options: named)
            guard let existing = found.items.first else { throw error }
            guard existing.metadata.controller?.uid == owner else {
                throw NameTaken(of: object, by: existing)
            }
            return existing
        }
    }

    private func delete(_ reference: ChildReference, gracePeriodSeconds: Int64?) async throws {
        var options = DeleteOptions(uid: reference.uid)
        options.gracePeriodSeconds = gracePeriodSeconds
        let request = try reference.kind.resourceType.delete(
            namespace: reference.key.namespace, name: reference.key.name, options: options)
        try await ignoringAbsence {
            _ = try await client.send(request, maximumBodyBytes: 4 << 20)
        }
    }

    private func remove<Run: StatefulRun>(finalizer: String, from run: Run) async throws {
        let remaining = (run.metadata.finalizers ?? []).filter { $0 != finalizer }
        var metadata: JSONValue = ["finalizers": .array(remaining.map(JSONValue.string))]
        metadata["resourceVersion"] = run.metadata.resourceVersion.map(JSONValue.string)
        try await ignoringAbsence {
            _ = try await client.patch(Run.self, run.key, .merge(["metadata": metadata]))
        }
    }

    /// What is gone, or is another object by now, need not be deleted.
    private func ignoringAbsence(_ action: () async throws -> Void) async throws {
        do {
            try await action()
        } catch let error as KubernetesError where error.isNotFound || error.isConflict {
            return
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
