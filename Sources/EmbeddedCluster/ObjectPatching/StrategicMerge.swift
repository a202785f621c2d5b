import KubernetesAPI

/// Kubernetes' strategic merge patch: like a JSON merge patch, but lists that are maps by key, or sets, merge
/// element by element, and directives (`$patch`, `$retainKeys`, `$setElementOrder/…`,
/// `$deleteFromPrimitiveList/…`) express changes that a merge cannot.
///
/// A list merges by the first of its schema's map keys. Recursion goes as deep as the patch nests, which its
/// parser limits.
enum StrategicMerge {
    private static let patchDirective = "$patch"
    private static let retainKeysDirective = "$retainKeys"
    private static let orderPrefix = "$setElementOrder/"
    private static let deletePrefix = "$deleteFromPrimitiveList/"

    static func merge(
        _ original: JSONValue, with patch: JSONValue, type: MergeType
    ) throws(PatchError) -> JSONValue {
        guard let changes = patch.objectValue else { return patch }
        return .object(try merge(original.objectValue ?? [:], with: changes, type: type))
    }

    private static func merge(
        _ original: [String: JSONValue], with patch: [String: JSONValue], type: MergeType
    ) throws(PatchError) -> [String: JSONValue] {
        var patch = patch
        if let directive = patch.removeValue(forKey: patchDirective) {
            switch directive.stringValue {
            case "replace": return withoutDirectives(.object(patch))?.objectValue ?? [:]
            case "delete": return [:]
            case "merge": break
            default: throw unknownDirective(directive)
            }
        }
        var result = original
        try retainKeys(in: &result, &patch)
        for (key, change) in patch.sorted(by: { $0.key < $1.key }) where key.hasPrefix(deletePrefix) {
            patch[key] = nil
            try delete(change, fromList: String(key.dropFirst(deletePrefix.count)), of: &result)
        }
        for (key, order) in patch.sorted(by: { $0.key < $1.key }) where key.hasPrefix(orderPrefix) {
            patch[key] = nil
            let field = String(key.dropFirst(orderPrefix.count))
            let change = patch.removeValue(forKey: field)
            guard let order = order.arrayValue else {
                throw .malformed("invalid patch format of setElementOrder list: \(key) must be a list")
            }
            try mergeOrdered(field, change, order: order, into: &result, type: type.member(field))
        }
        for (key, change) in patch {
            if change.isNull {
                result[key] = nil
            } else {
                result[key] = try mergeMember(result[key], with: change, type: type.member(key))
            }
        }
        return result
    }

    private static func mergeMember(
        _ original: JSONValue?, with change: JSONValue, type: MergeType
    ) throws(PatchError) -> JSONValue? {
        switch (original, change) {
        case (.object(let old), .object(let changes)):
            return .object(try merge(old, with: changes, type: type))
        case (.array(let old), .array(let changes)):
            guard let merging = type.listMerging else { return withoutDirectives(change) }
            return .array(try merge(old, with: changes, by: merging, order: nil))
        default:
            return withoutDirectives(change)
        }
    }

    private static func retainKeys(
        in result: inout [String: JSONValue], _ patch: inout [String: JSONValue]
    ) throws(PatchError) {
        guard let directive = patch.removeValue(forKey: retainKeysDirective) else { return }
        guard let list = directive.arrayValue else {
            throw .malformed("invalid patch format of retainKeys: \(retainKeysDirective) must be a list")
        }
        let kept = Set(list.compactMap(\.stringValue))
        guard patch.allSatisfy({ $0.value.isNull || $0.key.hasPrefix("$") || kept.contains($0.key) }) else {
            throw .malformed("invalid patch format of retainKeys: it must list every key of the patch")
        }
        result = result.filter { kept.contains($0.key) }
    }

    private static func delete(
        _ values: JSONValue, fromList field: String, of result: inout [String: JSONValue]
    ) throws(PatchError) {
        guard let values = values.arrayValue else {
            throw .malformed("invalid patch format of primitive list: \(deletePrefix)\(field) must be a list")
        }
        guard let list = result[field]?.arrayValue else { return }
        let deleted = Set(values.map(\.identity))
        result[field] = .array(list.filter { !deleted.contains($0.identity) })
    }

    private static func mergeOrdered(
        _ field: String, _ change: JSONValue?, order: [JSONValue], into result: inout [String: JSONValue],
        type: MergeType
    ) throws(PatchError) {
        guard let merging = type.listMerging else {
            if let change { result[field] = withoutDirectives(change) }
            return
        }
        let old = result[field]?.arrayValue
        let changes = change?.arrayValue
        guard old != nil || changes != nil else { return }
        result[field] = .array(try merge(old ?? [], with: changes ?? [], by: merging, order: order))
    }

    // MARK: Lists

    private static func merge(
        _ original: [JSONValue], with patch: [JSONValue], by merging: MergeType.ListMerging,
        order: [JSONValue]?
    ) throws(PatchError) -> [JSONValue] {
        switch merging {
        case .values:
            var seen: Set<JSONValue> = []
            let merged = (original + patch).filter { seen.insert($0.identity).inserted }
            return arrange(merged, first: order ?? patch, live: original, by: \.identity)
        case .key(let key, let element):
            let ordinary = try applyListDirectives(original, patch, key: key)
            var merged = ordinary.original
            var positions = positions(of: merged) { $0[key]?.identity }
            for change in ordinary.patch {
                let identity = try identity(of: change, key: key)
                if let index = positions[identity] {
                    merged[index] = try mergeMember(merged[index], with: change, type: element) ?? .null
                } else if let added = withoutDirectives(change) {
                    positions[identity] = merged.count
                    merged.append(added)
                }
            }
            return arrange(merged, first: order ?? ordinary.patch, live: original) { $0[key]?.identity }
        }
    }

    /// Carries out the elements that are directives; the others merge element by element.
    private static func applyListDirectives(
        _ original: [JSONValue], _ patch: [JSONValue], key: String
    ) throws(PatchError) -> (original: [JSONValue], patch: [JSONValue]) {
        var deleted: Set<JSONValue> = []
        var ordinary: [JSONValue] = []
        var replaces = false
        for change in patch {
            guard let directive = change[patchDirective] else {
                ordinary.append(change)
                continue
            }
            switch directive.stringValue {
            case "replace": replaces = true
            case "delete":
                deleted.insert(try identity(of: change, key: key))
            case "merge":
                var rest = change
                rest[patchDirective] = nil
                ordinary.append(rest)
            default: throw unknownDirective(directive)
            }
        }
        guard !replaces else { return ([], ordinary) }
        let kept = original.filter { element in !(element[key].map { deleted.contains($0.identity) } ?? false)
        }
        return (kept, ordinary)
    }

    private static func identity(of element: JSONValue, key: String) throws(PatchError) -> JSONValue {
        guard let identity = element[key] else {
            throw PatchError(
                .unprocessable,
                status: Status(
                    message: "\(element.text) does not contain declared merge key: \(key)", code: 500))
        }
        return identity.identity
    }

    /// First position of each identity.
    private static func positions(
        of list: [JSONValue], by identity: (JSONValue) -> JSONValue?
    ) -> [JSONValue: Int] {
        var positions: [JSONValue: Int] = [:]
        for (index, element) in list.enumerated() {
            guard let key = identity(element), positions[key] == nil else { continue }
            positions[key] = index
        }
        return positions
    }

    /// Orders a merged list: elements named by `first` in that order, the others as in `live`; if the two
    /// orders leave a choice, those of `first` come first.
    private static func arrange(
        _ merged: [JSONValue], first: [JSONValue], live: [JSONValue],
        by identity: (JSONValue) -> JSONValue?
    ) -> [JSONValue] {
        let wanted = positions(of: first, by: identity)
        let present = positions(of: live, by: identity)
        func place(_ element: JSONValue, in positions: [JSONValue: Int]) -> Int? {
            identity(element).flatMap { positions[$0] }
        }
        func sorted(_ elements: [JSONValue], by positions: [JSONValue: Int]) -> [JSONValue] {
            elements.map { (place($0, in: positions) ?? Int.max, $0) }
                .enumerated().sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }
                .map(\.element.1)
        }
        let named = sorted(merged.filter { place($0, in: wanted) != nil }, by: wanted)
        let others = sorted(merged.filter { place($0, in: wanted) == nil }, by: present)
        var result: [JSONValue] = []
        var (left, right) = (named[...], others[...])
        while let mine = left.first, let other = right.first {
            if let here = place(mine, in: present), let there = place(other, in: present), here >= there {
                result.append(right.removeFirst())
            } else {
                result.append(left.removeFirst())
            }
        }
        return result + left + right
    }

    // MARK: Values that replace others

    /// The value without directives and nulls; nil if a directive deletes it.
    private static func withoutDirectives(_ value: JSONValue) -> JSONValue? {
        switch value {
        case .null, .bool, .integer, .number, .string: return value
        case .array(let elements): return .array(elements.compactMap { withoutDirectives($0) })
        case .object(let members):
            if members[patchDirective] == "delete" { return nil }
            var kept: [String: JSONValue] = [:]
            for (key, member) in members where !isDirective(key) && !member.isNull {
                kept[key] = withoutDirectives(member)
            }
            // An element that consisted of a directive is left out.
            if kept.isEmpty, members[patchDirective] != nil { return nil }
            return .object(kept)
        }
    }

    private static func isDirective(_ key: String) -> Bool {
        key == patchDirective || key == retainKeysDirective || key.hasPrefix(orderPrefix)
            || key.hasPrefix(deletePrefix)
    }

    private static func unknownDirective(_ directive: JSONValue) -> PatchError {
        .malformed(
            "unknown $patch type \(directive.text): it must be \"merge\", \"replace\" or \"delete\"")
    }
}

extension JSONValue {
    /// The value as an identity of list elements: `1` and `1.0` are the same.
    fileprivate var identity: JSONValue { integerValue.map { .integer($0) } ?? self }
}
