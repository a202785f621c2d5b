import KubernetesAPI

/// Serves what stored CRDs declare, and withdraws it again: the part of the server that a real one calls
/// the naming, establishing and finalizing controllers.
struct CustomResourceController: Sendable {
    let core: ServerCore

    /// Serves all stored definitions again, after a restart.
    func restore() {
        for object in core.store.list(CustomResourceDefinition.resource).objects {
            serve(object.value, since: object.revision)
        }
    }

    /// Follows the definitions until the feed ends.
    func run() async {
        let subscription = core.store.subscribe(CustomResourceDefinition.resource, snapshotOf: nil)
        defer { core.store.unsubscribe(subscription) }
        await withDiscardingTaskGroup { group in
            for object in subscription.snapshot { await settle(object.key, &group) }
            for await signal in subscription.signals {
                guard case .change(let change) = signal else { continue }
                if change.kind == .deleted {
                    withdraw(change.value)
                } else {
                    await settle(change.key, &group)
                }
            }
            group.cancelAll()
        }
    }

    /// Brings one definition to the state that it should have.
    private func settle(_ key: ObjectKey, _ group: inout DiscardingTaskGroup) async {
        guard let object = core.store.get(CustomResourceDefinition.resource, key) else { return }
        guard object.value.isBeingDeleted else {
            await establish(object)
            return
        }
        // Others need not wait for objects that are held by finalizers of their own.
        group.addTask { await finalize(key) }
    }

    private func establish(_ object: StoredObject) async {
        var definition = object.value
        let now = core.now.description
        let conflict = conflict(with: definition)
        definition[path: ["status", "acceptedNames"]] =
            conflict == nil ? definition[path: ["spec", "names"]] : ["plural": "", "kind": ""]
        definition.setCondition(
            "NamesAccepted", conflict == nil, reason: conflict == nil ? "NoConflicts" : "PluralConflict",
            message: conflict ?? "no conflicts found", now: now)
        definition.setCondition(
            "Established", conflict == nil,
            reason: conflict == nil ? "InitialNamesAccepted" : "NotAccepted",
            message: conflict == nil ? "the initial names have been accepted" : "not all names are accepted",
            now: now)
        if conflict == nil { serve(object.value, since: object.revision) }
        guard definition != object.value else { return }
        if let resource = core.registry.find(
            group: CustomResourceDefinition.type.group, plural: CustomResourceDefinition.type.plural)
        {
            let ownership = FieldOwnership(
                resource, scope: .status, manager: "kube-apiserver", now: core.now)
            definition = ownership.updated(definition, live: object.value)
        }
        // A definition that has changed meanwhile comes here again with its next change.
        _ = try? await core.store.replace(
            CustomResourceDefinition.resource, object.key, definition, expected: object.revision)
    }

    /// Cause for which the definition's names are refused: another kind has one of them. Nil if none does.
    private func conflict(with definition: JSONValue) -> String? {
        let spec = definition["spec"] ?? [:]
        let group = spec["group"]?.stringValue ?? ""
        let taken = core.registry.all.filter {
            $0.type.group == group && $0.crdName != definition.objectName
        }
        let plural = spec[path: ["names", "plural"]]?.stringValue ?? ""
        if taken.contains(where: { $0.type.plural == plural }) { return "\"\(plural)\" is already in use" }
        let kind = spec[path: ["names", "kind"]]?.stringValue ?? ""
        if taken.contains(where: { $0.type.kind == kind }) { return "\"\(kind)\" is already in use" }
        return nil
    }

    private func serve(_ definition: JSONValue, since revision: Int64) {
        guard let parsed = ResourceDefinition(customResource: definition) else { return }
        let name = definition.objectName
        let old = core.registry.all.first { $0.crdName == name }
        core.registry.serve(
            ServedResource(parsed, servedSince: old?.servedSince ?? revision, crdName: name))
    }

    private func withdraw(_ definition: JSONValue) {
        core.registry.withdraw(crdName: definition.objectName)
        let spec = definition["spec"]
        core.store.closeFeeds(
            of: GroupResource(
                group: spec?["group"]?.stringValue ?? "",
                plural: spec?[path: ["names", "plural"]]?.stringValue ?? ""))
    }

    /// Deletes the objects of a dying definition, and lets it go when none are left.
    private func finalize(_ key: ObjectKey) async {
        guard let object = core.store.get(CustomResourceDefinition.resource, key),
            object.value.finalizers.contains(CustomResourceDefinition.cleanupFinalizer)
        else { return }
        let spec = object.value["spec"]
        let resource = GroupResource(
            group: spec?["group"]?.stringValue ?? "",
            plural: spec?[path: ["names", "plural"]]?.stringValue ?? "")
        for instance in core.store.list(resource).objects { await remove(instance, of: resource) }
        await awaitEmptiness(of: resource)
        guard core.store.list(resource).objects.isEmpty,
            let current = core.store.get(CustomResourceDefinition.resource, key)
        else { return }
        var definition = current.value
        definition.finalizers.removeAll { $0 == CustomResourceDefinition.cleanupFinalizer }
        // A definition that has changed meanwhile comes here again with its next change.
        if definition.finalizers.isEmpty {
            _ = try? await core.store.delete(
                CustomResourceDefinition.resource, key, last: definition, expected: current.revision)
        } else {
            _ = try? await core.store.replace(
                CustomResourceDefinition.resource, key, definition, expected: current.revision)
        }
    }

    private func remove(_ instance: StoredObject, of resource: GroupResource) async {
        if instance.value.finalizers.isEmpty {
            _ = try? await core.store.delete(
                resource, instance.key, last: instance.value, expected: instance.revision)
        } else if !instance.value.isBeingDeleted {
            var dying = instance.value
            dying[metadata: "deletionTimestamp"] = .string(core.now.description)
            dying[metadata: "deletionGracePeriodSeconds"] = 0
            _ = try? await core.store.replace(
                resource, instance.key, dying, expected: instance.revision)
        }
    }

    private func awaitEmptiness(of resource: GroupResource) async {
        let subscription = core.store.subscribe(resource, snapshotOf: nil)
        defer { core.store.unsubscribe(subscription) }
        if subscription.snapshot.isEmpty { return }
        for await _ in subscription.signals where core.store.list(resource).objects.isEmpty { return }
    }
}

extension JSONValue {
    /// Sets a condition of a CRD; the transition time moves only with the status.
    fileprivate mutating func setCondition(
        _ type: String, _ isTrue: Bool, reason: String, message: String, now: String
    ) {
        var conditions = self[path: ["status", "conditions"]]?.arrayValue ?? []
        var condition: JSONValue = [
            "type": .string(type), "status": isTrue ? "True" : "False", "lastTransitionTime": .string(now),
            "reason": .string(reason), "message": .string(message),
        ]
        if let index = conditions.firstIndex(where: { $0["type"]?.stringValue == type }) {
            if conditions[index]["status"] == condition["status"] {
                condition["lastTransitionTime"] = conditions[index]["lastTransitionTime"]
                condition["reason"] = conditions[index]["reason"]
            }
            conditions[index] = condition
        } else {
            conditions.append(condition)
        }
        self[path: ["status", "conditions"]] = .array(conditions)
    }
}
