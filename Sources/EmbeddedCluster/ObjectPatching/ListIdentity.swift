import KubernetesAPI

/// A list's elements by identity.
struct IdentifiedList {
    /// Identities in the list's order; one that occurs twice is here twice.
    var order: [PathElement] = []
    var elements: [PathElement: [JSONValue]] = [:]

    /// Groups the elements of a list. An element without identity goes by its position: stored objects are
    /// taken as they are.
    init(_ list: [JSONValue], type: MergeType) {
        order.reserveCapacity(list.count)
        for (index, element) in list.enumerated() {
            let identity = PathElement.identifying(element, in: type) ?? .index(index)
            order.append(identity)
            elements[identity, default: []].append(element)
        }
    }

    /// The element of an identity that occurs once; nil for any other.
    func unique(_ identity: PathElement) -> JSONValue? {
        guard let found = elements[identity], found.count == 1 else { return nil }
        return found.first
    }

    func contains(_ identity: PathElement) -> Bool { elements[identity] != nil }
}
