import KubernetesAPI

/// Versions of the objects that were deleted last, so that a late event of one of them does not bring it
/// back.
struct Tombstones: Sendable {
    /// Number of objects that are kept. Events overtake each other by a few places, not by hundreds.
    static let limit = 256

    private var versions: [String: ResourceVersion] = [:]
    private var order: [String] = []
    private var next = 0

    mutating func insert(_ metadata: ObjectMeta) {
        guard let uid = metadata.uid, let version = metadata.resourceVersion.flatMap(ResourceVersion.init)
        else { return }
        if let known = versions[uid] {
            versions[uid] = max(known, version)
            return
        }
        versions[uid] = version
        if order.count < Self.limit {
            order.append(uid)
        } else {
            versions[order[next]] = nil
            order[next] = uid
            next = (next + 1) % Self.limit
        }
    }

    /// Whether the object was deleted at this version or a later one. An object that only ceased to match a
    /// selector may come back, at a later version.
    func cover(_ metadata: ObjectMeta) -> Bool {
        guard let uid = metadata.uid, let deleted = versions[uid],
            let version = metadata.resourceVersion.flatMap(ResourceVersion.init)
        else { return false }
        return version <= deleted
    }
}
