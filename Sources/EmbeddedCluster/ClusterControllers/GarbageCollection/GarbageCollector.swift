import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// Deletes objects that have lost their owners, and lets owners go once their dependents are gone.
struct GarbageCollector: Sendable {
    let client: KubernetesClient
    let index: MetadataIndex

    func reconcile(uid: String) async throws -> Reconciliation {
        // Before every kind was listed, an owner may only seem to be missing.
        guard index.hasSynced else { return Reconciliation(requeueAfter: .milliseconds(300)) }
        guard let object = index.withGraph({ $0[uid] }) else { return .done }
        let existing = try await existingOwners(of: object)
        guard let step = index.withGraph({ $0.step(for: uid, existing: existing) }) else { return .done }
        try await perform(step, on: object)
        return .done
    }

    /// Asks for each unknown owner: only one that is surely gone counts as gone.
    private func existingOwners(of object: OwnedObject) async throws -> Set<String> {
        guard !object.isDeleting else { return [] }
        var existing: Set<String> = []
        for owner in index.withGraph({ $0.unknownOwners(of: object) }) {
            guard let type = index.type(apiVersion: owner.apiVersion, kind: owner.kind) else {
                // The kind is unknown: deleting would be a guess.
                existing.insert(owner.uid)
                continue
            }
            if type.isNamespaced, object.key.namespace.isEmpty { continue }
            let namespace = type.isNamespaced ? object.key.namespace : nil
            if try await uid(of: type, namespace: namespace, name: owner.name) == owner.uid {
                existing.insert(owner.uid)
            }
        }
        return existing
    }

    private func uid(of type: ResourceType, namespace: String?, name: String) async throws -> String? {
        do {
            let response = try await client.send(type.get(namespace: namespace, name: name))
            return try JSONDecoder().decode(PartialObject.self, from: response.body).metadata.uid
        } catch let error as KubernetesError where error.isNotFound {
            return nil
        }
    }

    private func perform(_ step: CollectionStep, on object: OwnedObject) async throws {
        let namespace = object.type.isNamespaced ? object.key.namespace : nil
        do {
            switch step {
            case .delete(let propagation):
                let request = try object.type.delete(
                    namespace: namespace, name: object.key.name,
                    options: DeleteOptions(uid: object.uid, propagationPolicy: propagation))
                _ = try await client.send(request)
            case .dropOwners(let uids):
                let kept = (object.metadata.ownerReferences ?? []).filter { !uids.contains($0.uid) }
                try await patch(object, ["ownerReferences": try JSONValue(encoding: kept)])
            case .removeFinalizer(let name):
                let kept = (object.metadata.finalizers ?? []).filter { $0 != name }
                try await patch(object, ["finalizers": try JSONValue(encoding: kept)])
            }
        } catch let error as KubernetesError where error.isNotFound {
            return
        }
    }

    /// Patches an object only at the version on which the decision was based.
    private func patch(_ object: OwnedObject, _ members: [String: JSONValue]) async throws {
        var metadata = members
        metadata["uid"] = .string(object.uid)
        metadata["resourceVersion"] = object.metadata.resourceVersion.map(JSONValue.string)
        let request = object.type.patch(
            namespace: object.type.isNamespaced ? object.key.namespace : nil, name: object.key.name,
            .merge(["metadata": .object(metadata)]))
        _ = try await client.send(request)
    }
}
