import ControllerRuntime
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import ServiceLifecycle
import Synchronization

/// The metadata of all objects of the cluster, custom resources included, kept up to date by a watch for each
/// kind. The garbage collector and the quota controller work on it.
final class MetadataIndex: ServiceLifecycle.Service {
    /// A change of an object.
    struct Change: Sendable {
        var type: ResourceType
        var key: ObjectKey
        var isDeleted: Bool
        /// UIDs of the objects that the garbage collector has to examine.
        var affected: Set<String>
    }

    private struct State {
        var graph = OwnerGraph()
        /// UIDs of the objects of each kind.
        var members: [ResourceType: Set<String>] = [:]
        /// Kinds whose objects have been listed.
        var synced: Set<ResourceType> = []
        var types: [DiscoveredType] = []
        var onChange: [@Sendable (Change) -> Void] = []
    }

    private let client: KubernetesClient
    private let logger: Logger
    private let state = Mutex(State())

    init(client: KubernetesClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    /// Adds a handler that is called for each change; it must be quick.
    func onChange(_ handler: @escaping @Sendable (Change) -> Void) {
        state.withLock { $0.onChange.append(handler) }
    }

    func withGraph<T: Sendable>(_ body: (OwnerGraph) -> T) -> T { state.withLock { body($0.graph) } }

    /// The kinds that were discovered last.
    var types: [DiscoveredType] { state.withLock { $0.types } }

    /// Whether every kind has been listed.
    var hasSynced: Bool {
        state.withLock { state in
            !state.types.isEmpty
                && state.types.filter(\.isCollectable).allSatisfy { state.synced.contains($0.type) }
        }
    }

    /// The type that an owner reference names.
    func type(apiVersion: String, kind: String) -> ResourceType? {
        let group =
            apiVersion.split(separator: "/").count == 2
            ? apiVersion.split(separator: "/").first.map(String.init) : ""
        return types.first { $0.type.group == group && $0.type.kind == kind }?.type
    }

    /// Number of objects of each type in a namespace.
    func counts(namespace: String) -> [ResourceType: Int] {
        state.withLock { state in
            var counts: [ResourceType: Int] = [:]
            for (type, uids) in state.members where type.isNamespaced {
                counts[type] = uids.count { state.graph[$0]?.key.namespace == namespace }
            }
            return counts
        }
    }

    /// Watches all kinds, and looks for new ones whenever a definition changes, or half a minute has passed.
    func run() async throws {
        try await cancelWhenGracefulShutdown { try await self.follow() }
    }

    private func follow() async throws {
        let (refresh, trigger) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        trigger.yield()
        onChange { change in
            if change.type.plural == "customresourcedefinitions" { trigger.yield() }
        }
        await withDiscardingTaskGroup { group in
            group.addTask {
                while (try? await Task.sleep(for: .seconds(30))) != nil { trigger.yield() }
                trigger.finish()
            }
            var watched: [ResourceType: Task<Void, Never>] = [:]
            defer { for task in watched.values { task.cancel() } }
            for await _ in refresh {
                guard let types = try? await KindDiscovery(client: client).types() else {
                    try? await Task.sleep(for: .seconds(1))
                    trigger.yield()
                    continue
                }
                state.withLock { $0.types = types }
                let present = Set(types.filter(\.isCollectable).map(\.type))
                for (type, task) in watched where !present.contains(type) {
                    task.cancel()
                    watched[type] = nil
                    forget(type)
                }
                for type in present where watched[type] == nil {
                    watched[type] = Task { await self.watch(type) }
                }
                // A definition is served a moment after it is accepted.
                try? await Task.sleep(for: .milliseconds(300))
            }
        }
    }

    private func watch(_ type: ResourceType) async {
        while !Task.isCancelled {
            do {
                let version = try await list(type)
                try await read(type, from: version)
            } catch is CancellationError {
                return
            } catch {
                logger.debug("watching \(type.qualifiedName) failed: \(error)")
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func list(_ type: ResourceType) async throws -> String {
        var seen: Set<String> = []
        var token: String?
        while true {
            var request = type.list(namespace: nil, options: ListOptions(limit: 500, continue: token))
            request.accept =
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
            let response = try await client.send(request)
            let page = try JSONDecoder().decode(ResourceList<PartialObject>.self, from: response.body)
            for item in page.items {
                seen.insert(item.metadata.uid ?? "")
                set(type, item.metadata)
            }
            token = page.metadata.continue
            if (token ?? "").isEmpty {
                finishList(type, seen: seen)
                return page.metadata.resourceVersion ?? "0"
            }
        }
    }

    private func read(_ type: ResourceType, from version: String) async throws {
        var version = version
        while !Task.isCancelled {
            var request = type.watch(
                namespace: nil, options: WatchOptions(resourceVersion: version, timeoutSeconds: 420))
            request.accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
            let stream = try await client.stream(request, idleTimeout: .seconds(450))
            defer { stream.cancel() }
            var decoder = WatchDecoder<MetadataObject>()
            for try await chunk in stream {
                decoder.append(chunk)
                while let update = try decoder.next() { try take(update, type, &version) }
            }
        }
    }

    private func take(_ update: WatchUpdate<MetadataObject>, _ type: ResourceType, _ version: inout String)
        throws
    {
        guard case .event(let event) = update else { return }
        switch event {
        case .added(let object), .modified(let object):
            version = object.metadata.resourceVersion ?? version
            set(type, object.metadata)
        case .deleted(let object):
            version = object.metadata.resourceVersion ?? version
            remove(type, object.metadata)
        case .bookmark(let newer, _): version = newer
        case .error(let status): throw KubernetesError.api(status)
        }
    }

    private func set(_ type: ResourceType, _ metadata: ObjectMeta) {
        guard let uid = metadata.uid else { return }
        let object = OwnedObject(type: type, metadata: metadata)
        notify(type, object.key, isDeleted: false) { state in
            state.members[type, default: []].insert(uid)
            return state.graph.set(object)
        }
    }

    private func remove(_ type: ResourceType, _ metadata: ObjectMeta) {
        guard let uid = metadata.uid else { return }
        notify(type, OwnedObject(type: type, metadata: metadata).key, isDeleted: true) { state in
            state.members[type]?.remove(uid)
            return state.graph.remove(uid)
        }
    }

    private func finishList(_ type: ResourceType, seen: Set<String>) {
        let missed = state.withLock { state in
            state.synced.insert(type)
            return (state.members[type] ?? []).subtracting(seen).compactMap { state.graph[$0] }
        }
        for object in missed { remove(type, object.metadata) }
    }

    private func forget(_ type: ResourceType) {
        let objects = state.withLock { state in
            state.synced.remove(type)
            return (state.members[type] ?? []).compactMap { state.graph[$0] }
        }
        for object in objects { remove(type, object.metadata) }
    }

    private func notify(
        _ type: ResourceType, _ key: ObjectKey, isDeleted: Bool, _ change: (inout State) -> Set<String>
    ) {
        let (affected, handlers) = state.withLock { state in (change(&state), state.onChange) }
        let change = Change(type: type, key: key, isDeleted: isDeleted, affected: affected)
        for handler in handlers { handler(change) }
    }
}
