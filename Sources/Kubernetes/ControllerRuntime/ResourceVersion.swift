/// The version of an object or a list, where it is a number that grows with each change, as the API server
/// promises since Kubernetes 1.35 and etcd always gave.
struct ResourceVersion: Comparable, Hashable, Sendable {
    private let number: UInt64

    /// Nil if the text is no such number: then nothing can be said of its age.
    init?(_ text: String) {
        guard let number = UInt64(text) else { return nil }
        self.number = number
    }

    static func < (lhs: ResourceVersion, rhs: ResourceVersion) -> Bool { lhs.number < rhs.number }
}
