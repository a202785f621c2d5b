import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Carries out a `JobPlan`. Job and pods are read afresh each time, so that a stale cache cannot lead to a
/// pod too many.
struct JobController: Sendable {
    let client: KubernetesClient
    let clock: ControllerClock
    /// Seconds between a first failure and the next attempt.
    let backoffBase: Int64
    let events: EventRecorder

    func reconcile(_ key: ObjectKey) async throws -> Reconciliation {
        guard let job = try await client.find(BatchJob.self, key) else {
            try await releasePods(ofMissing: key)
            return .done
        }
        let pods = try await pods(of: job)
        let plan = JobPlan(job, pods: pods, now: clock.now, backoffBase: backoffBase)
        if plan.deletesJob {
            try await deleteExpired(job)
            return .done
        }
        // Deletions come first: a status must not say that pods have ended which were not told to.
        for name in plan.deletions { try await delete(ObjectKey(namespace: key.namespace, name: name)) }
        if plan.status != job.status ?? JobStatus(), job.metadata.deletionTimestamp == nil {
            try await write(plan.status, to: job)
        }
        for name in plan.releases {
            guard let pod = pods.first(where: { $0.name == name }) else { continue }
            try await release(pod)
        }
        for _ in 0..<plan.creations { try await createPod(for: job) }
        return Reconciliation(requeueAfter: plan.nextLookIn.map { .seconds($0) })
    }

    private func pods(of job: BatchJob) async throws -> [Pod] {
        let selector = "batch.kubernetes.io/controller-uid=\(job.metadata.uid ?? "")"
        let list = try await client.listAll(
            Pod.self, namespace: job.namespace, options: ListOptions(labelSelector: selector))
        return list.items.filter { $0.metadata.controller?.uid == job.metadata.uid }
    }

    /// Releases the pods of a job that is gone: nobody counts them, so its finalizer must not hold them back.
    private func releasePods(ofMissing key: ObjectKey) async throws {
        let list = try await client.listAll(
            Pod.self, namespace: key.namespace,
            options: ListOptions(labelSelector: "batch.kubernetes.io/job-name=\(key.name)"))
        for pod in list.items where pod.metadata.finalizers?.contains(JobPlan.finalizer) == true {
            try await release(pod)
        }
    }

    private func write(_ status: JobStatus, to job: BatchJob) async throws {
        var value = try JSONValue(encoding: status)
        // A merge keeps absent fields, so they are sent as null.
        for field in ["active", "ready", "succeeded", "failed", "terminating", "startTime", "completionTime"]
        where value[field] == nil { value[field] = .null }
        for field in ["succeeded", "failed"] where value["uncountedTerminatedPods"]?[field] == nil {
            if value["uncountedTerminatedPods"] == nil { value["uncountedTerminatedPods"] = [:] }
            value[path: ["uncountedTerminatedPods", field]] = .null
        }
        let metadata: JSONValue = [
            "uid": .string(job.metadata.uid ?? ""),
            "resourceVersion": .string(job.metadata.resourceVersion ?? ""),
        ]
        _ = try await client.patch(
            BatchJob.self, job.key, .merge(["metadata": metadata, "status": value]), subresource: "status")
    }

    private func release(_ pod: Pod) async throws {
        let kept = (pod.metadata.finalizers ?? []).filter { $0 != JobPlan.finalizer }
        let patch: JSONValue = [
            "metadata": [
                "uid": .string(pod.metadata.uid ?? ""), "finalizers": try JSONValue(encoding: kept),
                "resourceVersion": .string(pod.metadata.resourceVersion ?? ""),
            ]
        ]
        do {
            _ = try await client.patch(Pod.self, pod.key, .merge(patch))
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    private func delete(_ key: ObjectKey) async throws {
        do {
            try await client.delete(Pod.self, key)
        } catch {
            guard error.isNotFound else { throw error }
        }
    }

    private func deleteExpired(_ job: BatchJob) async throws {
        do {
            try await client.delete(
                BatchJob.self, job.key,
                options: DeleteOptions(uid: job.metadata.uid, propagationPolicy: "Foreground"))
        } catch {
            guard error.isNotFound || error.isConflict else { throw error }
        }
    }

    private func createPod(for job: BatchJob) async throws {
        var pod = job.spec.template
        pod["apiVersion"] = "v1"
        pod["kind"] = "Pod"
        pod[path: ["metadata", "name"]] = nil
        pod[path: ["metadata", "generateName"]] = .string("\(job.name)-")
        pod[path: ["metadata", "namespace"]] = .string(job.namespace)
        var finalizers = pod[path: ["metadata", "finalizers"]]?.arrayValue ?? []
        finalizers.append(.string(JobPlan.finalizer))
        pod[path: ["metadata", "finalizers"]] = .array(finalizers)
        guard let owner = job.controllerReference else { return }
        pod[path: ["metadata", "ownerReferences"]] = [try JSONValue(encoding: owner)]
        do {
            _ = try await client.send(
                Pod.resourceType.create(namespace: job.namespace, body: pod.serialized(), fieldManager: nil))
        } catch {
            // Nothing but this event says why a Job has no pod.
            let regarding = ObjectReference(
                apiVersion: "batch/v1", kind: "Job", namespace: job.namespace, name: job.name,
                uid: job.metadata.uid)
            await events.record(
                regarding: regarding, type: "Warning", reason: "FailedCreate", action: "FailedCreate",
                note: "Error creating: \(error.status?.message ?? "\(error)")")
            throw error
        }
    }
}
