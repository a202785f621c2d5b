import KubernetesAPI
import KubernetesClient
import SeededRandomness

/// The decisions of a cache that follows the objects of one kind (`list → watch → relist`), as a value. It
/// does nothing by itself: it is told events, and answers with changes and the next action.
public struct Watcher<R: KubernetesResource>: Sendable {
    /// Next step of the caller, who answers it with an input.
    public enum Action: Hashable, Sendable {
        /// Fetch a page of the list; answered by `page` or `listFailed`.
        case list(continue: String?)
        /// Open a watch; answered by `opened` or `openFailed`. Without a version it is a streaming list.
        case watch(resourceVersion: String?)
        /// Wait; answered by `waited`.
        case wait(Duration)
        /// Read on from the open watch; answered by `update`, or at its end by `ended`.
        case read

        /// Whether the action begins a new list: until the next `replace`, all objects are told anew.
        var beginsList: Bool {
            switch self {
            case .list, .watch(resourceVersion: nil): true
            case .watch, .wait, .read: false
            }
        }
    }

    public enum Input: Sendable {
        case page(DecodedList<R>)
        case listFailed(KubernetesError)
        case opened
        case openFailed(KubernetesError)
        case update(WatchUpdate<R>)
        /// The watch ended `lasted` after it was opened: with an error, or, without one, as its server
        /// wished.
        case ended(KubernetesError?, lasted: Duration)
        case waited
    }

    /// Change for the store.
    public enum Output: Sendable {
        /// A complete list: objects that are not in it were deleted.
        case replace([R])
        case upsert(R)
        case delete(R)
        /// An object that does not decode was added, changed or, if `isDeleted`, deleted.
        case malformed(MalformedObject, isDeleted: Bool)

        var isReplacement: Bool { if case .replace = self { true } else { false } }
    }

    public struct Step: Sendable {
        public var outputs: [Output]
        /// Next action. Any other than `read` closes an open watch first.
        public var action: Action
    }

    private enum Phase: Sendable {
        case listing
        case openingStreamingList
        case streamingList
        case openingWatch
        case watching
        case waiting(then: Next)
    }

    private enum Next: Sendable { case list, watch }

    /// Number of failed watches in a row after which the version is not trusted any more.
    private static var failuresUntilRelist: Int { 3 }
    /// Duration from which on a watch counts as useful, and ends the row of failures.
    private static var usefulDuration: Duration { .seconds(1) }
    /// Time during which lists older than known objects are refused. After it, the server's history is taken
    /// to have been set back, as by a restored backup.
    private static var patienceWithStaleLists: Duration { .seconds(120) }

    private var phase = Phase.waiting(then: .list)
    /// Objects of the list that is under way.
    private var collected: [ObjectKey: Boxed<R>] = [:]
    /// Version from which a watch goes on; nil before the first list.
    public private(set) var resourceVersion: String?
    /// Failures in a row.
    public private(set) var failures = 0
    private var usesStreamingLists: Bool
    private let listsFirst: Bool
    private var hasReceived = false
    /// The highest version seen.
    private var newest: ResourceVersion?
    /// Time waited since a list was first refused for its age.
    private var waitedForFreshList = Duration.zero
    /// Time watched since the last list.
    private var watched = Duration.zero
    private let relistInterval: Duration
    private let backoff: JitteredBackoff
    private var random: SeededGenerator

    /// - Parameters:
    ///   - listsFirst: makes the first list a plain one; see `Informer.Options`.
    ///   - relistInterval: time watched after which the next watch begins with a list, which makes up for
    ///     lost events.
    public init(
        usesStreamingLists: Bool = true, listsFirst: Bool = false,
        relistInterval: Duration = .seconds(1800), backoff: JitteredBackoff = .reconnecting,
        random: SeededGenerator = SeededGenerator()
    ) {
        self.usesStreamingLists = usesStreamingLists
        self.listsFirst = listsFirst
        self.relistInterval = relistInterval
        self.backoff = backoff
        self.random = random
    }

    /// First action.
    public mutating func start() -> Action { listsFirst ? plainList() : relist() }

    public mutating func handle(_ input: Input) -> Step {
        switch (phase, input) {
        case (.waiting(.list), .waited): return step(relist())
        case (.waiting(.watch), .waited): return step(rewatch())
        case (.listing, .page(let page)): return take(page)
        case (.listing, .listFailed(let error)): return listFailed(error)
        case (.openingStreamingList, .opened):
            phase = .streamingList
            hasReceived = false
            return step(.read)
        case (.openingStreamingList, .openFailed(let error)): return streamingListFailed(error)
        case (.streamingList, .update(let update)): return collect(update)
        case (.streamingList, .ended(let error, _)): return streamingListFailed(error)
        case (.openingWatch, .opened):
            phase = .watching
            hasReceived = false
            return step(.read)
        case (.openingWatch, .openFailed(let error)): return watchFailed(error)
        case (.watching, .update(let update)): return take(update)
        case (.watching, .ended(let error, let lasted)): return watchEnded(error, lasted: lasted)
        // An input of a watch or list that was given up changes nothing.
        case (_, .update), (_, .ended), (_, .opened), (_, .openFailed), (_, .page), (_, .listFailed),
            (_, .waited):
            return step(currentAction)
        }
    }

    /// Action of the present phase, repeated as the answer to an input that does not belong to it.
    private var currentAction: Action {
        switch phase {
        case .listing: .list(continue: nil)
        case .openingStreamingList: .watch(resourceVersion: nil)
        case .openingWatch: .watch(resourceVersion: resourceVersion)
        case .streamingList, .watching: .read
        case .waiting: .wait(.zero)
        }
    }
}

// MARK: Lists

extension Watcher {
    private mutating func relist() -> Action {
        resourceVersion = nil
        collected = [:]
        guard usesStreamingLists else { return plainList() }
        phase = .openingStreamingList
        return .watch(resourceVersion: nil)
    }

    private mutating func plainList() -> Action {
        phase = .listing
        return .list(continue: nil)
    }

    private mutating func take(_ page: DecodedList<R>) -> Step {
        var malformed: [Output] = []
        for item in page.items {
            switch item {
            case .object(let object): collected[object.key] = Boxed(object)
            case .malformed(let object): malformed.append(.malformed(object, isDeleted: false))
            }
        }
        if let next = page.metadata.continue, !next.isEmpty {
            return Step(outputs: malformed, action: .list(continue: next))
        }
        guard accepts(listOf: page.metadata.resourceVersion) else { return waitForFreshList() }
        return Step(
            outputs: [replacement(at: page.metadata.resourceVersion)] + malformed, action: rewatch())
    }

    private mutating func replacement(at version: String?) -> Output {
        resourceVersion = version
        newest = version.flatMap(ResourceVersion.init)
        waitedForFreshList = .zero
        watched = .zero
        defer { collected = [:] }
        return .replace(collected.values.map(\.value))
    }

    /// Refuses lists of a server that lags behind: taking the cache back in time would make children seem
    /// lost.
    private func accepts(listOf version: String?) -> Bool {
        guard let newest, let version = version.flatMap(ResourceVersion.init) else { return true }
        return version >= newest || waitedForFreshList >= Self.patienceWithStaleLists
    }

    private mutating func waitForFreshList() -> Step {
        let step = wait(.list, after: nil)
        if case .wait(let delay) = step.action { waitedForFreshList += delay }
        return step
    }

    private mutating func listFailed(_ error: KubernetesError) -> Step {
        // An expired continue token leads to a new list, at once the first time.
        if error.isExpired, failures == 0 {
            failures = 1
            return step(relist())
        }
        return wait(.list, after: error)
    }

    private mutating func collect(_ update: WatchUpdate<R>) -> Step {
        switch update {
        case .event(.added(let object)), .event(.modified(let object)):
            collected[object.key] = Boxed(object)
        case .event(.deleted(let object)): collected[object.key] = nil
        case .malformed(let object, let isDeleted):
            collected[object.key] = nil
            return Step(outputs: [.malformed(object, isDeleted: isDeleted)], action: .read)
        case .event(.error(let status)): return streamingListFailed(.api(status))
        case .event(.bookmark(let version, let isEnd)):
            guard isEnd else { break }
            guard accepts(listOf: version) else { return waitForFreshList() }
            phase = .watching
            hasReceived = true
            failures = 0
            return Step(outputs: [replacement(at: version)], action: .read)
        }
        return step(.read)
    }

    /// Switches to plain lists if the server refuses streaming ones or does not end them.
    private mutating func streamingListFailed(_ error: KubernetesError?) -> Step {
        if let error, case .transport(let transport) = error, transport.code != .idleTimeout {
            return wait(.list, after: error)
        }
        if let error, error.isRetryable, case .api = error { return wait(.list, after: error) }
        usesStreamingLists = false
        return step(relist())
    }
}

// MARK: Watches

extension Watcher {
    private mutating func rewatch() -> Action {
        guard let resourceVersion, watched < relistInterval else { return relist() }
        phase = .openingWatch
        return .watch(resourceVersion: resourceVersion)
    }

    private mutating func take(_ update: WatchUpdate<R>) -> Step {
        hasReceived = true
        switch update {
        case .event(.added(let object)), .event(.modified(let object)):
            note(object.metadata.resourceVersion)
            return Step(outputs: [.upsert(object)], action: .read)
        case .event(.deleted(let object)):
            note(object.metadata.resourceVersion)
            return Step(outputs: [.delete(object)], action: .read)
        case .event(.bookmark(let version, _)):
            note(version)
            return step(.read)
        case .malformed(let object, let isDeleted):
            note(object.resourceVersion)
            return Step(outputs: [.malformed(object, isDeleted: isDeleted)], action: .read)
        case .event(.error(let status)):
            return watchFailed(.api(status))
        }
    }

    /// Notes the version of an event, unless a later one is known: events may come out of order.
    private mutating func note(_ version: String?) {
        guard let version, !version.isEmpty else { return }
        guard let number = ResourceVersion(version) else { return resourceVersion = version }
        guard newest.map({ number > $0 }) ?? true else { return }
        newest = number
        resourceVersion = version
    }

    private mutating func watchEnded(_ error: KubernetesError?, lasted: Duration) -> Step {
        let wasUseful = lasted >= Self.usefulDuration
        if wasUseful { failures = 0 }
        watched += lasted
        if let error, !isSilence(error) { return watchFailed(error) }
        if wasUseful { return step(rewatch()) }
        // A pause, lest a server that ends every watch at once be asked in a tight loop.
        if hasReceived { failures = 0 }
        return wait(.watch, after: nil)
    }

    /// Whether a watch ended because nothing came: the connection may be dead, but the version is still good.
    private func isSilence(_ error: KubernetesError) -> Bool {
        if case .transport(let transport) = error { transport.code == .idleTimeout } else { false }
    }

    private mutating func watchFailed(_ error: KubernetesError) -> Step {
        if error.isExpired {
            guard failures == 0 else { return wait(.list, after: error) }
            failures = 1
            return step(relist())
        }
        return wait(failures + 1 >= Self.failuresUntilRelist ? .list : .watch, after: error)
    }

    private mutating func wait(_ next: Next, after error: KubernetesError?) -> Step {
        failures += 1
        let delay = max(backoff.delay(failures: failures, using: &random), error?.retryAfter ?? .zero)
        phase = .waiting(then: next)
        return step(.wait(delay))
    }

    private func step(_ action: Action) -> Step { Step(outputs: [], action: action) }
}
