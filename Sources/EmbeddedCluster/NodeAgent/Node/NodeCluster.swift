import KubernetesAPI

/// Requests of a node to its cluster.
public protocol NodeCluster: Sendable {
    /// The named objects, as far as they exist.
    func objects(
        namespace: String, configMaps: Set<String>, secrets: Set<String>
    ) async throws -> NamespaceObjects

    /// The host folder behind a claim.
    ///
    /// - Throws: `ConfigurationError` while the claim is not bound.
    func folder(ofClaim name: String, namespace: String) async throws -> String

    /// A token for a service account, bound to the pod.
    func token(_ projection: ServiceAccountTokenProjection, for pod: Pod) async throws -> String

    func publish(_ status: PodStatus, of pod: Pod) async throws

    /// Removes the object of a pod that has ended, if it still exists.
    func confirmDeletion(of pod: Pod) async throws

    /// Whether a GET is answered in time with a status of 200 to 399.
    func probe(url: String, timeoutSeconds: Int64) async -> Bool

    /// Records an event about the pod, on a best effort. `type` is `Normal` or `Warning`.
    func record(_ pod: Pod, type: String, reason: String, note: String) async

    /// Names of services and of their pods, for `/etc/hosts` of pods in this namespace.
    func hostAliases(namespace: String) -> [HostAlias]
}

/// An address and its names.
public struct HostAlias: Hashable, Sendable {
    public var address: String
    public var names: [String]

    public init(address: String, names: [String]) {
        self.address = address
        self.names = names
    }
}
