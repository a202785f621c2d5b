import KubernetesAPI

/// The behaviour of one kind that its schema cannot say: computed defaults, validation across fields,
/// and what each kind of write may touch. All functions are pure.
///
/// The server does by itself, before and after these: decoding with unknown fields, the schema's defaults
/// and validation, `metadata` (name, uid, generation, labels, annotations, finalizers, owner references),
/// keeping `status` out of ordinary writes and everything else out of status writes, and the generation.
public protocol ResourceStrategy: Sendable {
    /// Fills in defaults that a schema cannot say; called with every object that a client sends, after
    /// the schema's defaults. The client's field manager owns them.
    func applyDefaults(_ object: inout JSONValue)
    /// Sets what a creation resets or computes; called after the schema's defaults.
    func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext)
    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError]
    /// Sets what an update must not change without being an error, and computes what follows from it.
    func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, _ context: StrategyContext)
    func validateUpdate(_ object: JSONValue, old: JSONValue, _ context: StrategyContext) -> [FieldError]
    /// Sets the same for writes through the `status` subresource.
    func prepareForStatusUpdate(_ object: inout JSONValue, old: JSONValue, _ context: StrategyContext)
    func validateStatusUpdate(_ object: JSONValue, old: JSONValue, _ context: StrategyContext) -> [FieldError]
    /// `Warning` headers that a write of this object earns.
    func warnings(for object: JSONValue, old: JSONValue?) -> [String]
    /// Seconds that a deletion waits for the node agent; nil for a kind that knows no such wait. `requested`
    /// is what the client asked for.
    func gracePeriodSeconds(for object: JSONValue, requested: Int64?) -> Int64?
    /// Sets what the kind says of an object whose deletion begins; called once, after `deletionTimestamp`
    /// and `deletionGracePeriodSeconds` were set.
    func prepareForDeletion(_ object: inout JSONValue)
    /// Whether an object whose deletion has begun must stay, beside its finalizers: until its grace period
    /// is down to 0, unless the kind says otherwise.
    func holdsBack(_ object: JSONValue) -> Bool
    /// Treatment of dependents by a deletion whose request does not say.
    var defaultPropagation: PropagationPolicy { get }
}

/// Facts beside the object that a strategy may use.
public struct StrategyContext: Sendable {
    public var now: Timestamp
    /// Name of the user who makes the request; for instance, `spec.username` of a certificate request.
    public var user: String

    public init(now: Timestamp, user: String) {
        self.now = now
        self.user = user
    }
}

/// `metav1.DeletionPropagation`
public enum PropagationPolicy: String, Sendable {
    case background = "Background"
    case foreground = "Foreground"
    case orphan = "Orphan"
}

extension ResourceStrategy {
    public func applyDefaults(_ object: inout JSONValue) {}
    public func prepareForCreate(_ object: inout JSONValue, _ context: StrategyContext) {}
    public func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] { [] }
    public func prepareForUpdate(_ object: inout JSONValue, old: JSONValue, _ context: StrategyContext) {}
    public func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] { [] }
    public func prepareForStatusUpdate(
        _ object: inout JSONValue, old: JSONValue, _ context: StrategyContext
    ) {}
    public func validateStatusUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] { [] }
    public func warnings(for object: JSONValue, old: JSONValue?) -> [String] { [] }
    public func gracePeriodSeconds(for object: JSONValue, requested: Int64?) -> Int64? { nil }
    public func prepareForDeletion(_ object: inout JSONValue) {}
    public func holdsBack(_ object: JSONValue) -> Bool {
        (object[path: ["metadata", "deletionGracePeriodSeconds"]]?.integerValue ?? 0) != 0
    }
    public var defaultPropagation: PropagationPolicy { .background }
}

/// A strategy that does nothing beyond the schema.
public struct PlainStrategy: ResourceStrategy {
    public init() {}
}
