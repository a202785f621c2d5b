import KubernetesAPI

/// Names that all of Anneal's objects share.
public enum Anneal {
    /// API group of every kind.
    public static let group = "anneal.dev"
    /// Version that every kind is served and stored in.
    public static let version = "v1alpha1"
    /// The field manager of every server-side apply that the operator makes.
    public static let fieldManager = "anneal-operator"

    /// Keys of labels on children and nodes.
    public enum Label {
        /// Name of the owner, or its hash where the name is too long.
        public static let run = "anneal.dev/run"
        /// UID of the owner.
        public static let runUID = "anneal.dev/run-uid"
        /// Kind of the owner, in lower case.
        public static let kind = "anneal.dev/kind"
        /// Stage of the owner that the child works for.
        public static let stage = "anneal.dev/stage"
        /// Number of the attempt that the child belongs to, from 1.
        public static let attempt = "anneal.dev/attempt"
        /// Index of a training pod's node, from 0.
        public static let nodeRank = "anneal.dev/node-rank"
        /// Type of a node's GPUs, such as `h100`; on nodes.
        public static let gpuType = "anneal.dev/gpu-type"
        /// Capacity type of a node, `spot` or `on-demand`; on nodes.
        public static let capacityType = "anneal.dev/capacity-type"
        /// Manager of an object; `managedByValue` on children and nothing else, and what informers select.
        public static let managedBy = "app.kubernetes.io/managed-by"
        /// Value of `managedBy` on children.
        public static let managedByValue = "anneal"
    }

    /// Keys of annotations on runs.
    public enum Annotation {
        /// User who created a run; stamped by the admission webhook, and by nobody else.
        public static let createdBy = "anneal.dev/created-by"
        /// Word on a child whose SHA-256 is in its run's status.
        public static let seal = "anneal.dev/seal"
    }

    /// Finalizers on runs.
    public enum Finalizer {
        /// Held until a deleted run has given back what it holds outside its own objects.
        public static let settle = "anneal.dev/settle"
    }
}
