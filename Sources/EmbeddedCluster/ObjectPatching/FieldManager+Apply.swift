import KubernetesAPI

extension FieldManager {
    /// The object after `applied` was applied to it: server-side apply.
    ///
    /// Fields that the manager applied before and does not apply now are removed, unless another manager owns
    /// them. An apply that changes nothing returns an object that equals `live`.
    ///
    /// Call it before defaults. The caller protects the members of `metadata` that only the server may set,
    /// and checks a `resourceVersion` that must match.
    ///
    /// - Parameters:
    ///   - live: the stored object; nil if there is none yet.
    ///   - force: takes fields of other managers over instead of failing.
    public func apply(
        live: JSONValue?, applied: JSONValue, manager: String, force: Bool = false, now: Timestamp
    ) throws(PatchError) -> JSONValue {
        do throws(Conflicts) {
            return try applyOrConflict(live: live, applied: applied, manager: manager, force: force, now: now)
        } catch {
            switch error {
            case .refused(let refusal): throw refusal
            case .conflicts(let conflicts):
                let allowed = manager == Self.kubectl ? lastAppliedFields(of: live) : FieldSet()
                let rest = conflicts.filter { !allowed.contains($0.path) }
                guard rest.isEmpty else { throw Conflict.error(rest) }
            }
        }
        // All conflicts are with fields that the same user applied before with client-side apply.
        do throws(Conflicts) {
            return try applyOrConflict(live: live, applied: applied, manager: manager, force: true, now: now)
        } catch {
            switch error {
            case .refused(let refusal): throw refusal
            case .conflicts(let conflicts): throw Conflict.error(conflicts)
            }
        }
    }

    private enum Conflicts: Error {
        case refused(PatchError)
        case conflicts([Conflict])
    }

    private func applyOrConflict(
        live: JSONValue?, applied: JSONValue, manager: String, force: Bool, now: Timestamp
    ) throws(Conflicts) -> JSONValue {
        do throws(PatchError) {
            try check(applied)
        } catch {
            throw .refused(error)
        }
        guard var managed = ManagedFields(decoding: live?[path: ["metadata", "managedFields"]]) else {
            throw .refused(.untyped("failed to decode managed fields: metadata.managedFields is malformed"))
        }
        let old = live?.withoutManagedFields ?? [:]
        if live != nil, managed.entries.isEmpty {
            // An object that was made without field management belongs to another manager as a whole.
            record(from: emptyObject, to: old, manager: "before-first-apply", now: now, in: &managed)
        }
        let id = ManagedFields.Manager(
            name: manager, operation: .apply, apiVersion: apiVersion, subresource: subresource)
        let last = managed.entries[id]
        let configuration = withoutIgnored(applied)
        let fields = FieldSet(of: configuration, type: type).subtractingTrees(ignoredFields)
        managed.entries[id] = ManagedFields.Entry(apiVersion: apiVersion, time: last?.time, fields: fields)

        let merged = ObjectMerge.merge(old, with: configuration, type: type)
        let kept = pruned(merged, last: last?.fields.subtractingTrees(ignoredFields), managed: managed)
        // A list that is now applied as empty was removed with its elements, as nobody owns an empty list.
        let result = ObjectMerge.merge(kept, with: configuration, type: type)
        try takeOver(from: live == nil ? emptyObject : old, to: result, by: id, force: force, in: &managed)
        return finished(
            result, isChanged: !result.means(old), by: id, configuration: applied, managed: managed, now: now)
    }

    private func finished(
        _ object: JSONValue, isChanged: Bool, by id: ManagedFields.Manager, configuration: JSONValue,
        managed: ManagedFields, now: Timestamp
    ) -> JSONValue {
        var managed = managed
        var object = object
        if var entry = managed.entries[id] {
            entry.fields = withoutUnowned(entry.fields)
            if isChanged { entry.time = now.description }
            managed.entries[id] = entry
        }
        managed.removeEmpty()
        managed.capUpdaters()
        if id.name == Self.kubectl { object.refreshLastApplied(configuration) }
        object.setManagedFields(managed)
        return object
    }

    private func check(_ applied: JSONValue) throws(PatchError) {
        guard applied.objectValue != nil else {
            throw .malformed("error decoding patch: the configuration must be an object")
        }
        let version = applied["apiVersion"]?.stringValue ?? ""
        guard version == apiVersion else {
            throw .malformed(
                "Incorrect version specified in apply patch. Specified patch version: \(version), "
                    + "expected: \(apiVersion)")
        }
        if let managedFields = applied[path: ["metadata", "managedFields"]], !managedFields.isNull {
            throw .malformed("metadata.managedFields must be nil")
        }
        if let problem = TypeCheck.firstProblem(in: applied, type: type) {
            throw .untyped("failed to create typed patch object (\(Self.name(of: applied))): \(problem)")
        }
    }

    private static func name(of object: JSONValue) -> String {
        let namespace = object[path: ["metadata", "namespace"]]?.stringValue ?? ""
        let name = object[path: ["metadata", "name"]]?.stringValue ?? ""
        let kind = "\(object["apiVersion"]?.stringValue ?? ""), Kind=\(object["kind"]?.stringValue ?? "")"
        return "\(namespace)/\(name); \(kind)"
    }

    /// Takes changed fields from all other managers.
    ///
    /// - Throws: `.conflicts` if others own them and `force` is not set.
    private func takeOver(
        from old: JSONValue, to new: JSONValue, by id: ManagedFields.Manager, force: Bool,
        in managed: inout ManagedFields
    ) throws(Conflicts) {
        let changes = Comparison(from: old, to: new, type: type).excluding(ignoredFields)
        let gained = changes.modified.union(changes.added)
        var conflicts: [Conflict] = []
        for (manager, entry) in managed.entries where manager != id {
            for path in entry.fields.intersection(gained).paths {
                conflicts.append(Conflict(manager: manager, path: path))
            }
        }
        guard force || conflicts.isEmpty else { throw .conflicts(conflicts) }
        let lost = gained.union(changes.removed)
        for (manager, entry) in managed.entries where manager != id {
            managed.entries[manager]?.fields = entry.fields.subtracting(lost)
        }
    }

    /// `merged` without the fields that the manager applied last time but not now, and that no other manager
    /// owns.
    private func pruned(_ merged: JSONValue, last: FieldSet?, managed: ManagedFields) -> JSONValue {
        guard let last, !last.isEmpty else { return merged }
        let present = FieldSet(of: merged, type: type).includingDeclaredParents(of: type)
        let dropped = last.includingDeclaredParents(of: type)
        let owned = managed.entries.values.reduce(FieldSet()) { $0.union($1.fields) }
            .includingDeclaredParents(of: type)
        // Removal takes three steps, as dropping a container drops the fields that others own in it.
        let withoutDropped = merged.removing(dropped, type: type)
        let left = FieldSet(of: withoutDropped, type: type).includingDeclaredParents(of: type)
        let withOwned = merged.removing(present.subtracting(left.union(owned)), type: type)
        let remaining = FieldSet(of: withOwned, type: type).includingDeclaredParents(of: type)
        return merged.removing(present.subtracting(remaining).intersection(dropped), type: type)
    }
}
