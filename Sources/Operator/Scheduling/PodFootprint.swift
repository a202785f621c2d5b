import KubernetesAPI
import Synchronization

/// A pod, whoever owns it, as far as placing needs it; the rest is not kept in memory.
///
/// Decodes from a whole `v1` `Pod`. Pods of one workload share their shape, where `PodShapes` has interned it.
public struct PodFootprint: KubernetesResource, Hashable {
    public static let resourceType = Pod.resourceType

    /// Name, namespace, UID, version and deletion time; no labels, annotations or owners.
    public var metadata: ObjectMeta {
        get { identity.metadata }
        set { identity = Identity(newValue) }
    }
    private var identity: Identity
    /// The node that has the pod; nil while none has.
    public var nodeName: String?
    public var shape: PodShape
    /// Whether it has ended, and so holds nothing.
    public var isFinished: Bool

    public init(_ pod: Pod) {
        identity = Identity(pod.metadata)
        nodeName = pod.spec?.nodeName.flatMap { $0.isEmpty ? nil : $0 }
        shape = PodShape(pod.spec ?? PodSpec())
        isFinished = pod.isFinished
    }

    /// Part of a pod's metadata that is kept: one object, as rounds copy pods by the thousand.
    private final class Identity: Hashable, Sendable {
        private let name: String?
        private let namespace: String?
        private let uid: String?
        private let resourceVersion: String?
        private let deletionTimestamp: Timestamp?

        init(_ metadata: ObjectMeta) {
            name = metadata.name
            namespace = metadata.namespace
            uid = metadata.uid
            resourceVersion = metadata.resourceVersion
            deletionTimestamp = metadata.deletionTimestamp
        }

        var isDeleted: Bool { deletionTimestamp != nil }

        var metadata: ObjectMeta {
            var metadata = ObjectMeta(name: name, namespace: namespace)
            metadata.uid = uid
            metadata.resourceVersion = resourceVersion
            metadata.deletionTimestamp = deletionTimestamp
            return metadata
        }

        static func == (lhs: Identity, rhs: Identity) -> Bool {
            lhs === rhs || lhs.metadata == rhs.metadata
        }

        func hash(into hasher: inout Hasher) { hasher.combine(metadata) }
    }

    /// Whether its deletion was asked for.
    public var isDeleted: Bool { identity.isDeleted }

    private enum CodingKeys: String, CodingKey { case metadata, spec, status }

    private struct Spec: Decodable {
        struct Container: Decodable {
            var resources: ResourceRequirements?
            var restartPolicy: String?
        }

        var containers: [Container]?
        var initContainers: [Container]?
        var resources: ResourceRequirements?
        var overhead: [String: Quantity]?
        var nodeName: String?
        var nodeSelector: [String: String]?
        var affinity: Affinity?
        var tolerations: [Toleration]?
    }

    private struct Status: Decodable { var phase: String? }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        identity = Identity(try container.decode(ObjectMeta.self, forKey: .metadata))
        let spec = try container.decodeIfPresent(Spec.self, forKey: .spec)
        let phase = try container.decodeIfPresent(Status.self, forKey: .status)?.phase
        nodeName = spec?.nodeName.flatMap { $0.isEmpty ? nil : $0 }
        isFinished = Pod.isFinished(phase: phase)
        shape = PodShape(Self.podSpec(spec))
    }

    private static func podSpec(_ spec: Spec?) -> PodSpec {
        func containers(_ list: [Spec.Container]?) -> [Container] {
            (list ?? []).map { item in
                var container = Container(name: "")
                container.resources = item.resources
                container.restartPolicy = item.restartPolicy
                return container
            }
        }
        var result = PodSpec(containers: containers(spec?.containers))
        result.initContainers = containers(spec?.initContainers)
        result.resources = spec?.resources
        result.overhead = spec?.overhead
        result.nodeSelector = spec?.nodeSelector
        result.affinity = spec?.affinity
        result.tolerations = spec?.tolerations
        return result
    }

    /// Encodes the metadata alone.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(metadata, forKey: .metadata)
    }
}

/// Demands of one pod on a node: amounts in thousandths, and which nodes it may go to.
public final class PodShape: Hashable, Sendable {
    /// Resource name → thousandths; `pods` too.
    public let requests: [String: Int64]
    public let demands: NodeDemands

    public init(requests: [String: Int64], demands: NodeDemands) {
        self.requests = requests
        self.demands = demands
    }

    convenience init(_ spec: PodSpec) {
        self.init(
            requests: spec.scheduledRequests.mapValues { Int64(clamping: $0) },
            demands: NodeDemands(spec))
    }

    public static func == (lhs: PodShape, rhs: PodShape) -> Bool {
        lhs === rhs || (lhs.requests == rhs.requests && lhs.demands == rhs.demands)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(requests)
        hasher.combine(demands)
    }
}

extension GangRequest {
    /// Demands of each of its pods on a node.
    public var shape: PodShape {
        var requests = resources.requests.mapValues { Int64(clamping: $0.milliunits) }
        requests["pods"] = 1000
        return PodShape(requests: requests, demands: demands)
    }
}

/// The shapes in use. Thousands of pods ask for the same, and share one shape here.
public final class PodShapes: Sendable {
    private let known = Mutex<Set<PodShape>>([])
    /// Shapes that are kept; past it, all are forgotten and those in use are learnt anew.
    private static let limit = 4096

    public init() {}

    /// The pod, with the shape that others of its kind have too.
    public func interned(_ pod: PodFootprint) -> PodFootprint {
        var pod = pod
        pod.shape = known.withLock { known in
            if known.count >= Self.limit { known.removeAll() }
            return known.insert(pod.shape).memberAfterInsert
        }
        return pod
    }
}
