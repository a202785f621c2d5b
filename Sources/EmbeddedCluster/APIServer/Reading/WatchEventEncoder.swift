import FoundationEssentials
import KubernetesAPI

/// Turns changes into the lines of a watch, with regard to what the watch selects.
struct WatchEventEncoder {
    private let plan: WatchPlan
    private let now: @Sendable () -> Timestamp
    private let table: TableRendering
    private var hasSentColumns = false

    init(_ plan: WatchPlan, now: @escaping @Sendable () -> Timestamp) {
        self.plan = plan
        self.now = now
        table = TableRendering(
            plan.context.definition, includeObject: plan.context.request.query["includeObject"])
    }

    func error(_ error: APIError) -> Data { line("ERROR", error.body) }

    /// Events of the watch's start: the objects of the snapshot, or the changes that were missed.
    mutating func initialEvents(_ subscription: Subscription) -> Data {
        var bytes = Data()
        for object in subscription.snapshot {
            let shown = plan.context.resource.shown(object.value)
            guard plan.filter.matches(object.key, shown) else { continue }
            bytes += line("ADDED", represented(shown))
        }
        for change in subscription.backlog { bytes += event(.change(change)) }
        if plan.marksInitialEnd, plan.allowsBookmarks {
            bytes += bookmark(subscription.revision, endsInitial: true)
        }
        return bytes
    }

    /// Line of an event; empty if the watch does not see the change.
    mutating func event(_ signal: WatchSignal) -> Data {
        switch signal {
        case .timeout: return Data()
        case .bookmark(let revision): return bookmark(revision, endsInitial: false)
        case .change(let change): return event(change)
        }
    }

    /// An object that enters the selection is added, one that leaves it is deleted.
    private mutating func event(_ change: Change) -> Data {
        let resource = plan.context.resource
        let value = resource.shown(change.value)
        let previous = change.previous.map { resource.shown($0.value) }
        let isSelected = change.kind != .deleted && plan.filter.matches(change.key, value)
        let wasSelected = previous.map { plan.filter.matches(change.key, $0) } ?? false
        switch (wasSelected, isSelected) {
        case (false, false): return Data()
        case (false, true): return line("ADDED", represented(value))
        case (true, true): return line("MODIFIED", represented(value))
        case (true, false):
            guard change.kind != .deleted, var last = previous else {
                return line("DELETED", represented(value))
            }
            // The state that was selected, at the revision at which it no longer was.
            last[metadata: "resourceVersion"] = value[metadata: "resourceVersion"]
            return line("DELETED", represented(last))
        }
    }

    private func bookmark(_ revision: Int64, endsInitial: Bool) -> Data {
        let type = plan.context.type
        var object: JSONValue = [
            "kind": .string(type.kind), "apiVersion": .string(type.apiVersion),
            "metadata": ["resourceVersion": .string(String(revision))],
        ]
        if endsInitial { object[metadata: "annotations"] = ["k8s.io/initial-events-end": "true"] }
        switch plan.representation {
        case .object: break
        case .metadata: object = object.partialMetadata
        case .table:
            object = [
                "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] ?? [:],
                "columnDefinitions": .null, "rows": [],
            ]
        }
        return line("BOOKMARK", object)
    }

    private mutating func represented(_ object: JSONValue) -> JSONValue {
        switch plan.representation {
        case .object: return object
        case .metadata: return object.partialMetadata
        case .table:
            defer { hasSentColumns = true }
            return table.table(
                [object], metadata: ["resourceVersion": object[metadata: "resourceVersion"] ?? ""],
                now: now(), withColumns: !hasSentColumns)
        }
    }

    private func line(_ type: String, _ object: JSONValue) -> Data {
        let event: JSONValue = ["type": .string(type), "object": object]
        return event.serialized() + Data([0x0A])
    }
}
