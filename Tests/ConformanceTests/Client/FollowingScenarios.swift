import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging
import Synchronization
import Testing

extension Scenario {
    static let following = [
        Scenario("an informer holds what the server holds, over many short watches") { cluster in
            try await follow(cluster, Informer<EvalRun>.Options(watchSeconds: 1, seed: 1))
        },
        Scenario("an informer that lists in pages holds the same") { cluster in
            try await follow(
                cluster, Informer<EvalRun>.Options(pageSize: 3, usesStreamingLists: false, seed: 2))
        },
    ]

    /// Writes during some watches, and compares the store with a list at the end.
    private static func follow(_ cluster: TestCluster, _ options: Informer<EvalRun>.Options) async throws {
        for number in 1...7 { try await cluster.create("early-\(number)") }
        let informer = Informer<EvalRun>(
            client: cluster.client, namespace: cluster.namespace, options: options,
            logger: Logger(label: "informer") { _ in SwiftLogNoOpLogHandler() })
        let changes = Changes()
        informer.addHandler { changes.note($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await informer.run() }
            try await informer.waitUntilSynced()
            #expect(informer.store.list().count == 7)
            for number in 1...40 {
                let name = "late-\(number)"
                try await cluster.create(name)
                try await cluster.label(name, ["number": .string("\(number)")])
                if number.isMultiple(of: 3) {
                    try await cluster.client.delete(EvalRun.self, cluster.key(name))
                }
                try await Task.sleep(for: .milliseconds(60))
            }
            let list = try await cluster.client.listAll(EvalRun.self, namespace: cluster.namespace)
            let versions = Dictionary(
                uniqueKeysWithValues: list.items.map { ($0.name, $0.metadata.resourceVersion) })
            try await eventually("the store is like the server") {
                let held = informer.store.list().map { ($0.name, $0.metadata.resourceVersion) }
                return Dictionary(uniqueKeysWithValues: held) == versions
            }
            #expect(changes.names == Set(versions.keys))
            #expect(changes.complaints == [])
            group.cancelAll()
        }
    }
}

/// The sum of the changes that handlers were told.
private final class Changes: Sendable {
    private struct State {
        var versions: [String: Int64] = [:]
        var complaints: [String] = []
    }
    private let state = Mutex(State())

    var names: Set<String> { state.withLock { Set($0.versions.keys) } }
    var complaints: [String] { state.withLock { $0.complaints } }

    func note(_ change: StoreChange<EvalRun>) {
        let name = change.key.name
        let version = change.object.metadata.resourceVersion.flatMap { Int64($0) } ?? 0
        state.withLock { state in
            switch change {
            case .added:
                if state.versions[name] != nil { state.complaints.append("\(name) was added twice") }
                state.versions[name] = version
            case .updated:
                if state.versions[name] ?? .max >= version {
                    state.complaints.append("\(name) went back to version \(version)")
                }
                state.versions[name] = version
            case .deleted:
                if state.versions.removeValue(forKey: name) == nil {
                    state.complaints.append("\(name) was deleted twice")
                }
            }
        }
    }
}
