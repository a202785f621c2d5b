import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import SeededRandomness
import ServiceLifecycle
import Synchronization

/// Keeps a store like the API server's objects of one kind, and tells handlers what changed.
public final class Informer<R: KubernetesResource>: ServiceLifecycle.Service {
    public typealias Handler = @Sendable (StoreChange<R>) -> Void

    /// Selection of an informer's objects, and settings of its lists and watches.
    public struct Options: Sendable {
        public var labelSelector: String?
        public var fieldSelector: String?
        /// Objects in a page of a plain list.
        public var pageSize: Int
        /// Seconds after which the server ends a watch. A random part of up to a third is taken off, so that
        /// watches do not all end together.
        public var watchSeconds: Int
        /// Time beyond the server's limit during which a watch may be silent.
        public var idleMargin: Duration
        public var usesStreamingLists: Bool
        /// Whether the first list is a plain one even where streaming lists are used. Plain lists replace
        /// streaming ones that fail: a role that does not allow them shows at the start, not in the outage
        /// that needs them.
        public var listsFirst: Bool
        /// Time after which all objects are listed anew, which makes up for lost events.
        public var relistInterval: Duration
        public var backoff: JitteredBackoff
        public var seed: UInt64?

        public init(
            labelSelector: String? = nil, fieldSelector: String? = nil, pageSize: Int = 100,
            watchSeconds: Int = 420, idleMargin: Duration = .seconds(30), usesStreamingLists: Bool = true,
            listsFirst: Bool = false, relistInterval: Duration = .seconds(1800),
            backoff: JitteredBackoff = .reconnecting, seed: UInt64? = nil
        ) {
            self.labelSelector = labelSelector
            self.fieldSelector = fieldSelector
            self.pageSize = pageSize
            self.watchSeconds = watchSeconds
            self.idleMargin = idleMargin
            self.usesStreamingLists = usesStreamingLists
            self.listsFirst = listsFirst
            self.relistInterval = relistInterval
            self.backoff = backoff
            self.seed = seed
        }
    }

    private struct State {
        var handlers: [Handler] = []
        /// Handlers that are told of `assume`, too.
        var handlersOfAssumed: [Handler] = []
        var waiting: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var nextWaiter: UInt64 = 0
        var hasSynced = false
        var hasEnded = false
    }

    public let store: Store<R>
    private let client: KubernetesClient
    private let namespace: String?
    private let options: Options
    private let transform: (@Sendable (R) -> R)?
    private let onMalformed: (@Sendable (MalformedObject) -> Void)?
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - namespace: nil for all.
    ///   - transform: applied to each object as soon as it is read: drops what is not used.
    ///   - onMalformed: told of objects that do not decode. They are not in the store.
    public init(
        client: KubernetesClient, namespace: String? = nil, options: Options = Options(),
        indexers: [String: Store<R>.Indexer] = [:], transform: (@Sendable (R) -> R)? = nil,
        onMalformed: (@Sendable (MalformedObject) -> Void)? = nil,
        clock: any Clock<Duration> = ContinuousClock(), logger: Logger = Logger(label: "anneal.informer")
    ) {
        self.client = client
        self.namespace = namespace
        self.options = options
        self.transform = transform
        self.onMalformed = onMalformed
        self.clock = clock
        store = Store(indexers: indexers)
        var logger = logger
        logger[metadataKey: "kind"] = "\(R.resourceType.kind)"
        self.logger = logger
    }

    /// Tells `handler` of what is in the store already and of all changes from now on, in order. It runs on
    /// the informer's task and must be quick: enqueue a key. Best added before `run`.
    ///
    /// - Parameter ofAssumed: whether it is told of `assume`, too.
    public func addHandler(ofAssumed: Bool = true, _ handler: @escaping Handler) {
        state.withLock { state in
            state.handlers.append(handler)
            if ofAssumed { state.handlersOfAssumed.append(handler) }
        }
        for object in store.list() { handler(.added(object)) }
    }

    /// Takes an object from the server's answer to a write, before the watch tells of it. The watch's event
    /// is then passed over undecoded: handlers are told once.
    public func assume(_ object: R) {
        let changes = store.assume(transform.map { $0(object) } ?? object)
        publish(changes, to: state.withLock { $0.handlersOfAssumed })
    }

    /// Waits until the objects were listed once.
    ///
    /// - Throws: `CancellationError` if the task is cancelled or the informer ends before.
    public func waitUntilSynced() async throws {
        let id = state.withLock { state in
            state.nextWaiter &+= 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.hasSynced { return .success(()) }
                    if state.hasEnded || Task.isCancelled { return .failure(CancellationError()) }
                    state.waiting[id] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiting.removeValue(forKey: id) }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// Follows the objects until the task is cancelled or the service is shut down.
    public func run() async throws {
        await cancelWhenGracefulShutdown { await self.follow() }
        let waiting = state.withLock { state in
            state.hasEnded = true
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume(throwing: CancellationError()) }
    }
}

extension Informer {
    private func follow() async {
        var random = options.seed.map { SeededGenerator(seed: $0) } ?? SeededGenerator()
        var watcher = Watcher<R>(
            usesStreamingLists: options.usesStreamingLists, listsFirst: options.listsFirst,
            relistInterval: options.relistInterval, backoff: options.backoff,
            random: SeededGenerator(seed: random.next()))
        var watch: OpenWatch?
        var action = watcher.start()
        while !Task.isCancelled {
            let input: Watcher<R>.Input
            if action != .read { watch = nil }
            if action.beginsList { store.beginListing() }
            switch action {
            case .list(let token): input = await list(continue: token)
            case .watch(let version):
                (watch, input) = await open(version, seconds: watchSeconds(&random))
            case .wait(let delay):
                try? await clock.sleep(for: delay)
                input = .waited
            case .read: input = await read(&watch)
            }
            guard !Task.isCancelled else { return }
            report(input)
            let step = watcher.handle(input)
            for output in step.outputs { apply(output, at: watcher.resourceVersion) }
            if step.outputs.contains(where: { $0.isReplacement }) { ProcessMemory.returnFreed() }
            action = step.action
        }
    }

    /// A watch that is being read, and the instant at which it was opened.
    private struct OpenWatch {
        var updates: WatchUpdates<R>.Iterator
        var openedAt: ContinuousClock.Instant
    }

    private func watchSeconds(_ random: inout SeededGenerator) -> Int {
        let most = min(max(options.watchSeconds, 1), 86_400)
        return Int.random(in: (most - most / 3)...most, using: &random)
    }

    private func list(continue token: String?) async -> Watcher<R>.Input {
        let listOptions = ListOptions(
            labelSelector: options.labelSelector, fieldSelector: options.fieldSelector,
            limit: options.pageSize, continue: token)
        do throws(KubernetesError) {
            return .page(
                reduced(try await client.listLeniently(R.self, namespace: namespace, options: listOptions)))
        } catch {
            return .listFailed(error)
        }
    }

    /// A page whose objects are transformed, to save memory until the last page has come.
    private func reduced(_ page: DecodedList<R>) -> DecodedList<R> {
        guard let transform else { return page }
        var page = page
        page.items = page.items.map { item in
            guard case .object(let object) = item else { return item }
            return .object(transform(object))
        }
        return page
    }

    /// An update as it is kept. A streaming list gathers all objects before the first is stored: whole ones
    /// would take up many times what is kept, and leave holes in the heap that nothing fills.
    private func reduced(_ update: WatchUpdate<R>) -> WatchUpdate<R> {
        guard let transform, case .event(let event) = update else { return update }
        switch event {
        case .added(let object): return .event(.added(transform(object)))
        case .modified(let object): return .event(.modified(transform(object)))
        case .deleted, .bookmark, .error: return update
        }
    }

    private func open(_ version: String?, seconds: Int) async -> (OpenWatch?, Watcher<R>.Input) {
        let watchOptions = WatchOptions(
            labelSelector: options.labelSelector, fieldSelector: options.fieldSelector,
            resourceVersion: version, timeoutSeconds: seconds, sendInitialEvents: version == nil)
        do throws(KubernetesError) {
            let updates = try await client.watchUpdates(
                R.self, namespace: namespace, options: watchOptions,
                idleTimeout: .seconds(seconds) + options.idleMargin,
                isKnown: { [store] in store.takeAssumed(version: $0) })
            return (OpenWatch(updates: updates.makeAsyncIterator(), openedAt: .now), .opened)
        } catch {
            return (nil, .openFailed(error))
        }
    }

    private func read(_ watch: inout OpenWatch?) async -> Watcher<R>.Input {
        guard var open = watch else { return .ended(nil, lasted: .zero) }
        do throws(KubernetesError) {
            let update = try await open.updates.next()
            watch = open
            guard let update else { return .ended(nil, lasted: open.openedAt.duration(to: .now)) }
            return .update(reduced(update))
        } catch {
            return .ended(error, lasted: open.openedAt.duration(to: .now))
        }
    }

    private func report(_ input: Watcher<R>.Input) {
        switch input {
        case .listFailed(let error): logger.warning("listing failed: \(error)")
        case .openFailed(let error): logger.info("the watch was not opened: \(error)")
        case .ended(let error?, _): logger.info("the watch broke off: \(error)")
        case .update(.event(.error(let status))): logger.info("the watch ended: \(status.message ?? "")")
        case .page, .opened, .update, .ended, .waited: break
        }
    }

    private func apply(_ output: Watcher<R>.Output, at version: String?) {
        switch output {
        case .replace(let objects):
            publish(store.replace(objects, at: version))
            let waiting = state.withLock { state in
                state.hasSynced = true
                defer { state.waiting = [:] }
                return state.waiting
            }
            for continuation in waiting.values { continuation.resume() }
        case .upsert(let object): publish(store.upsert(object))
        case .delete(let object): publish(store.remove(object))
        case .malformed(let object, let isDeleted):
            // An object that does not decode any more is in the store no longer.
            publish(store.remove(object.key))
            guard !isDeleted else { return }
            guard let onMalformed else {
                return logger.warning("\(object.key) does not decode: \(object.reason)")
            }
            onMalformed(object)
        }
    }

    private func publish(_ changes: [StoreChange<R>]) {
        publish(changes, to: state.withLock { $0.handlers })
    }

    private func publish(_ changes: [StoreChange<R>], to handlers: [Handler]) {
        for change in changes {
            for handler in handlers { handler(change) }
        }
    }
}
