/// The version of an object or a list as a number that grows with each change: the API server promises one
/// since Kubernetes 1.35, and etcd always gave one.
struct ResourceVersion: Comparable, Hashable, Sendable {
    private let number: UInt64

    /// Nil if the text is no such number: the version's age is then unknown.
    init?(_ text: String) {
        guard let number = UInt64(text) else { return nil }
        self.number = number
    }

    static func < (lhs: ResourceVersion, rhs: ResourceVersion) -> Bool { lhs.number < rhs.number }
}
