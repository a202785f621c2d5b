import FoundationEssentials
import KubernetesAPI

/// A watch that was accepted: its first events, and its terms.
struct WatchPlan: Sendable {
    let context: RequestContext
    let filter: ObjectFilter
    let subscription: Subscription?
    /// An error that stands in the stream, rather than before it.
    let failure: APIError?
    let allowsBookmarks: Bool
    /// Whether a bookmark tells the end of the initial objects.
    let marksInitialEnd: Bool
    let timeout: Duration
    let representation: Representation
}

extension ServerCore {
    /// Range in seconds, from which the time of a watch without `timeoutSeconds` is drawn, as a real server
    /// does.
    private static let defaultWatchTimeout = 1800...3600

    func planWatch(
        _ context: RequestContext, _ representation: Representation
    ) async throws(APIError) -> WatchPlan {
        let query = context.request.query
        let filter = try ObjectFilter(
            query, namespace: context.key.namespace, definition: context.definition)
        let seconds = try query.integer("timeoutSeconds").flatMap { $0 > 0 ? min($0, 86_400) : nil }
        _ = try query.integer("limit")
        let sendsInitial = query["sendInitialEvents"].map { $0 == "true" || $0 == "1" }
        if sendsInitial != nil, query["resourceVersionMatch"] != "NotOlderThan" {
            throw Self.invalidListOptions([
                .forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
            ])
        }
        if sendsInitial == nil, query["resourceVersionMatch"] != nil {
            throw Self.invalidListOptions([
                .forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
            ])
        }
        let version = try resourceVersion(query)
        var subscription: Subscription?
        var failure: APIError?
        if sendsInitial == true || (version == 0 && sendsInitial != false) {
            if version > store.revision { throw .tooLargeResourceVersion(version, current: store.revision) }
            subscription = store.subscribe(context.resource.storage, snapshotOf: filter.namespace)
        } else if version > 0, version < context.resource.servedSince {
            failure = .expired("too old resource version: \(version) (\(context.resource.servedSince))")
        } else if version > store.revision {
            throw .tooLargeResourceVersion(version, current: store.revision)
        } else {
            let after = version == 0 ? store.revision : version
            do {
                subscription = try await store.subscribe(context.resource.storage, after: after)
            } catch {
                failure = APIError(error, context.type, name: "")
            }
        }
        return WatchPlan(
            context: context, filter: filter, subscription: subscription, failure: failure,
            allowsBookmarks: query.flag("allowWatchBookmarks"), marksInitialEnd: sendsInitial == true,
            timeout: .seconds(seconds ?? Int64(Int.random(in: Self.defaultWatchTimeout))),
            representation: representation)
    }

    /// Writes the events of a watch until the client, the time-out or the server ends it.
    func runWatch(_ plan: WatchPlan, bookmarkInterval: Duration, to sink: inout any ByteSink) async throws {
        var encoder = WatchEventEncoder(plan, now: environment.now)
        if let failure = plan.failure {
            try await sink.write(encoder.error(failure))
            return
        }
        guard let subscription = plan.subscription else { return }
        defer { store.unsubscribe(subscription) }
        try await sink.write(encoder.initialEvents(subscription))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [environment, store] in
                try await environment.sleep(plan.timeout)
                subscription.continuation.yield(.timeout)
                store.unsubscribe(subscription)
            }
            if plan.allowsBookmarks {
                group.addTask { [environment, store] in
                    while !Task.isCancelled {
                        try await environment.sleep(bookmarkInterval)
                        store.sendBookmark(to: subscription)
                    }
                }
            }
            defer { group.cancelAll() }
            for await signal in subscription.signals {
                if signal == .timeout { break }
                let bytes = encoder.event(signal)
                if !bytes.isEmpty { try await sink.write(bytes) }
            }
        }
    }
}
