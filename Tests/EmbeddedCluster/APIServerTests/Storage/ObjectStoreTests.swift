import KubernetesAPI
import Testing

@testable import APIServer

@Suite struct ObjectStoreTests {
    private let maps = GroupResource(group: "", plural: "configmaps")

    private func store(_ folder: String = TemporaryFolder.make(), recentLimit: Int = 4096) throws
        -> ObjectStore
    {
        try ObjectStore(path: "\(folder)/cluster.sqlite", recentLimit: recentLimit)
    }

    private func key(_ name: String, _ namespace: String = "a") -> ObjectKey {
        ObjectKey(namespace: namespace, name: name)
    }

    private func object(_ value: Int64) -> JSONValue { ["value": .integer(value)] }

    @Test func `every write gets the next revision and carries it`() async throws {
        let store = try store()
        let first = try await store.create(maps, key("x"), object(1))
        let second = try await store.replace(maps, key("x"), object(2), expected: first.revision)
        #expect(first.revision == 1)
        #expect(second.revision == 2)
        #expect(store.revision == 2)
        #expect(second.value == ["value": 2, "metadata": ["resourceVersion": "2"]])
        #expect(store.get(maps, key("x")) == second)
    }

    @Test func `a write that expects another revision is refused`() async throws {
        let store = try store()
        let first = try await store.create(maps, key("x"), object(1))
        _ = try await store.replace(maps, key("x"), object(2), expected: first.revision)
        await #expect(throws: StoreError.conflict) {
            _ = try await store.create(maps, key("x"), object(3))
        }
        await #expect(throws: StoreError.conflict) {
            _ = try await store.replace(maps, key("x"), object(3), expected: first.revision)
        }
        await #expect(throws: StoreError.conflict) {
            _ = try await store.delete(maps, key("x"), last: object(2), expected: first.revision)
        }
        await #expect(throws: StoreError.conflict) {
            _ = try await store.replace(maps, key("gone"), object(3), expected: 1)
        }
        #expect(store.revision == 2)
    }

    @Test func `each revision has one of many writers at once`() async throws {
        let store = try store()
        _ = try await store.create(maps, key("counter"), object(0))
        let (writers, increments) = (8, 10)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<writers {
                group.addTask {
                    for _ in 0..<increments {
                        while true {
                            guard let current = store.get(self.maps, self.key("counter")) else { return }
                            let value = current.value["value"]?.integerValue ?? 0
                            do {
                                _ = try await store.replace(
                                    self.maps, self.key("counter"), self.object(value + 1),
                                    expected: current.revision)
                                break
                            } catch StoreError.conflict {}
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(store.get(maps, key("counter"))?.value["value"] == .integer(Int64(writers * increments)))
        #expect(store.revision == Int64(writers * increments + 1))
    }

    @Test func `a restart loses nothing`() async throws {
        let folder = TemporaryFolder.make()
        do {
            let store = try store(folder)
            let first = try await store.create(maps, key("x"), object(1))
            _ = try await store.create(maps, key("y"), object(2))
            _ = try await store.delete(maps, key("x"), last: first.value, expected: first.revision)
        }
        let store = try store(folder)
        #expect(store.revision == 3)
        #expect(store.list(maps).objects.map(\.key.name) == ["y"])
        let subscription = try await store.subscribe(maps, after: 1)
        #expect(subscription.backlog.map(\.kind) == [.added, .deleted])
        #expect(subscription.backlog.map(\.revision) == [2, 3])
        #expect(try await store.list(maps, at: 2).map(\.key.name) == ["x", "y"])
    }

    @Test(arguments: [4096, 1]) func `the state at any revision can be read`(recentLimit: Int) async throws {
        let store = try store(recentLimit: recentLimit)
        let first = try await store.create(maps, key("x"), object(1))
        _ = try await store.create(maps, key("y", "b"), object(1))
        let changed = try await store.replace(maps, key("x"), object(2), expected: first.revision)
        _ = try await store.delete(maps, key("x"), last: changed.value, expected: changed.revision)
        func values(_ revision: Int64) async throws -> [String: Int64] {
            let objects = try await store.list(maps, at: revision)
            return Dictionary(
                uniqueKeysWithValues: objects.map { ($0.key.name, $0.value["value"]?.integerValue ?? 0) })
        }
        #expect(try await values(0) == [:])
        #expect(try await values(1) == ["x": 1])
        #expect(try await values(2) == ["x": 1, "y": 1])
        #expect(try await values(3) == ["x": 2, "y": 1])
        #expect(try await values(4) == ["y": 1])
        #expect(try await store.list(maps, namespace: "b", at: 3).map(\.key.name) == ["y"])
        await #expect(throws: StoreError.future(requested: 5, current: 4)) { try await values(5) }
    }

    @Test func `compacted revisions are gone`() async throws {
        let folder = TemporaryFolder.make()
        let store = try store(folder)
        for index in 1...6 { _ = try await store.create(maps, key("x\(index)"), object(Int64(index))) }
        try await store.compact(upTo: 4)
        await #expect(throws: StoreError.compacted(requested: 3, oldest: 4)) {
            _ = try await store.list(maps, at: 3)
        }
        await #expect(throws: StoreError.compacted(requested: 3, oldest: 4)) {
            _ = try await store.subscribe(maps, after: 3)
        }
        #expect(try await store.list(maps, at: 4).count == 4)
        #expect(try await store.subscribe(maps, after: 4).backlog.map(\.revision) == [5, 6])
        let reopened = try ObjectStore(path: "\(folder)/cluster.sqlite")
        #expect(reopened.compacted == 4)
        #expect(reopened.list(maps).objects.count == 6)
    }

    @Test(arguments: [4096, 1]) func `a feed has every change once and in order`(recentLimit: Int)
        async throws
    {
        let store = try store(recentLimit: recentLimit)
        let pods = GroupResource(group: "", plural: "pods")
        for index in 1...5 { _ = try await store.create(maps, key("x\(index)"), object(1)) }
        let subscription = try await store.subscribe(maps, after: 2)
        _ = try await store.create(pods, key("p"), object(1))
        _ = try await store.create(maps, key("x6"), object(1))
        store.sendBookmark(to: subscription)
        store.closeFeeds()
        var revisions = subscription.backlog.map(\.revision)
        for await signal in subscription.signals {
            switch signal {
            case .change(let change): revisions.append(change.revision)
            case .bookmark(let revision): revisions.append(-revision)
            case .timeout: break
            }
        }
        #expect(revisions == [3, 4, 5, 7, -7])
    }

    @Test func `a listener that does not keep up loses its feed`() async throws {
        let store = try ObjectStore(
            path: "\(TemporaryFolder.make())/cluster.sqlite", listenerCapacity: 2)
        let subscription = try await store.subscribe(maps, after: 0)
        for index in 1...4 { _ = try await store.create(maps, key("x\(index)"), object(1)) }
        var count = 0
        for await _ in subscription.signals { count += 1 }
        #expect(count == 2)
    }
}
