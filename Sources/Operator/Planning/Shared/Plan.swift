import KubernetesAPI

/// Decision about a run: its new status, and the steps to take.
///
/// The plan is carried out in this order:
public struct Plan<Status: Hashable & Sendable>: Hashable, Sendable {
    /// The whole new status; equal to the observed one if nothing changed.
    public var status: Status
    public var effects: [Effect]
    /// Seconds after which the passing of time alone may change the plan; nil if it can't.
    public var requeueAfter: Int64?

    public init(status: Status, effects: [Effect] = [], requeueAfter: Int64? = nil) {
        self.status = status
        self.effects = effects
        self.requeueAfter = requeueAfter
    }

    /// Whether an effect creates or applies a child.
    public var makesChildren: Bool {
        effects.contains { effect in
            switch effect {
            case .create, .apply: true
            case .patch, .delete, .event, .addFinalizer, .removeFinalizer, .deleteRun: false
            }
        }
    }

    /// Whether an effect makes or removes a child, which only a plan for the run's newest version may.
    public var changesChildren: Bool {
        makesChildren
            || effects.contains { effect in
                switch effect {
                case .delete, .deleteRun: true
                case .create, .apply, .patch, .event, .addFinalizer, .removeFinalizer: false
                }
            }
    }
}

/// One step outside the run's own status.
public enum Effect: Hashable, Sendable {
    /// Creates the object, and leaves one of its own that is there as it is. `needs` are children without
    /// which it makes no sense: where one of them could not be made, it is not made either.
    case create(Child, needs: [ChildIdentity] = [])
    /// Makes the object what it should be, by server-side apply: creates it, or repairs what differs.
    case apply(Child, needs: [ChildIdentity] = [])
    /// Changes exactly this object (UID precondition) by a JSON merge patch.
    case patch(ChildReference, JSONValue)
    /// Deletes exactly this object (UID precondition), in the background. No grace period means the
    /// object's own.
    case delete(ChildReference, gracePeriodSeconds: Int64? = nil)
    case event(EventNote)
    /// Holds the run until the finalizer is removed.
    case addFinalizer(String)
    /// Lets the run go, if every effect before it succeeded.
    case removeFinalizer(String)
    /// Deletes the run itself, its time to live being over; with its UID as the precondition.
    case deleteRun(uid: String)
}

/// An event on the run.
public struct EventNote: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case normal = "Normal"
        case warning = "Warning"
    }

    public var kind: Kind
    /// Cause, one word in CamelCase.
    public var reason: String
    /// Text for people, 1,024 bytes at most.
    public var note: String

    public init(_ kind: Kind, reason: String, note: String) {
        self.kind = kind
        self.reason = reason
        self.note = note
    }
}
