import AnnealAPI
import KubernetesAPI

/// The kinds of object that a run's controller creates.
public enum ChildKind: String, Hashable, Sendable, CaseIterable {
    case job, pod, claim, service, lease, evalRun

    public var resourceType: ResourceType {
        switch self {
        case .job: Job.resourceType
        case .pod: Pod.resourceType
        case .claim: PersistentVolumeClaim.resourceType
        case .service: Service.resourceType
        case .lease: Lease.resourceType
        case .evalRun: EvalRun.resourceType
        }
    }
}

/// An object that a run owns, whole, as it is to be created.
public enum Child: Hashable, Sendable {
    case job(Job)
    case pod(Pod)
    case claim(PersistentVolumeClaim)
    case service(Service)
    case lease(Lease)
    case evalRun(EvalRun)

    public var kind: ChildKind {
        switch self {
        case .job: .job
        case .pod: .pod
        case .claim: .claim
        case .service: .service
        case .lease: .lease
        case .evalRun: .evalRun
        }
    }

    public var metadata: ObjectMeta {
        switch self {
        case .job(let job): job.metadata
        case .pod(let pod): pod.metadata
        case .claim(let claim): claim.metadata
        case .service(let service): service.metadata
        case .lease(let lease): lease.metadata
        case .evalRun(let run): run.metadata
        }
    }

    public var key: ObjectKey {
        ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name ?? "")
    }

    /// What a delete needs to hit this very object; nil before it has a UID.
    public var reference: ChildReference? {
        metadata.uid.map { ChildReference(kind: kind, key: key, uid: $0) }
    }
}

/// One existing child, by name and UID.
public struct ChildReference: Hashable, Sendable {
    public var kind: ChildKind
    public var key: ObjectKey
    public var uid: String

    public init(kind: ChildKind, key: ObjectKey, uid: String) {
        self.kind = kind
        self.key = key
        self.uid = uid
    }
}
