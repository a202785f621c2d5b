import KubernetesAPI

/// Names that all of Anneal's objects share.
public enum Anneal {
    public static let group = "anneal.dev"
    public static let version = "v1alpha1"
    /// The field manager of every server-side apply that the operator makes.
    public static let fieldManager = "anneal-operator"

    /// Label keys on children; `run` holds the owner's name, or its hash where the name is too long.
    public enum Label {
        public static let run = "anneal.dev/run"
        public static let runUID = "anneal.dev/run-uid"
        public static let kind = "anneal.dev/kind"
        public static let stage = "anneal.dev/stage"
        public static let attempt = "anneal.dev/attempt"
        /// The index of a training pod's node, from 0.
        public static let nodeRank = "anneal.dev/node-rank"
        public static let gpuType = "anneal.dev/gpu-type"
        /// `spot` or `on-demand`, on nodes.
        public static let capacityType = "anneal.dev/capacity-type"
        /// On children and nothing else: what the operator's informers select.
        public static let managedBy = "app.kubernetes.io/managed-by"
        public static let managedByValue = "anneal"
    }

    public enum Annotation {
        /// Who created a run; stamped by the admission webhook, and by nobody else.
        public static let createdBy = "anneal.dev/created-by"
    }

    public enum Finalizer {
        public static let settle = "anneal.dev/settle"
    }
}
