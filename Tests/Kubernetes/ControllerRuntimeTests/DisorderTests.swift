import KubernetesAPI
import SeededRandomness
import Testing

@testable import ControllerRuntime

/// Order of events: some come twice, or after later ones.
struct DisorderTests {
    @Test func `an older event does not take an object back`() {
        let store = Store<ConfigMap>()
        _ = store.upsert(object("a", "9"))
        #expect(store.upsert(object("a", "8")).isEmpty)
        #expect(store.remove(object("a", "8")).isEmpty)
        #expect(store.get(ObjectKey(namespace: "n", name: "a"))?.metadata.resourceVersion == "9")
    }

    @Test func `an older event does not bring a deleted object back`() {
        let store = Store<ConfigMap>()
        _ = store.upsert(object("a", "9"))
        #expect(store.remove(object("a", "10")).map(describe) == ["deleted a"])
        #expect(store.upsert(object("a", "9")).isEmpty)
        // The object was never in the cache.
        _ = store.remove(object("b", "12"))
        #expect(store.upsert(object("b", "11")).isEmpty)
        #expect(store.count == 0)
    }

    @Test func `an object that matches a selector again comes back`() {
        let store = Store<ConfigMap>()
        _ = store.upsert(object("a", "9"))
        _ = store.remove(object("a", "10"))
        #expect(store.upsert(object("a", "12")).map(describe) == ["added a"])
        // Another object has the same name.
        _ = store.remove(object("a", "13"))
        #expect(store.upsert(object("a", "14", uid: "other")).map(describe) == ["added a"])
    }

    @Test func `versions that are no numbers are accepted in any order`() {
        let store = Store<ConfigMap>()
        _ = store.upsert(object("a", "v9"))
        #expect(store.upsert(object("a", "v8")).map(describe) == ["updated a"])
        #expect(store.remove(object("a", "v7")).map(describe) == ["deleted a"])
    }

    @Test func `the store accepts an older list`() {
        let store = Store<ConfigMap>()
        _ = store.upsert(object("a", "9"))
        #expect(store.replace([object("a", "3")]).map(describe) == ["updated a"])
    }

    @Test func `deletions are forgotten in time`() {
        var tombstones = Tombstones()
        for number in 0...Tombstones.limit { tombstones.insert(object("o\(number)", "5").metadata) }
        #expect(!tombstones.cover(object("o0", "4").metadata))
        #expect(tombstones.cover(object("o1", "4").metadata))
    }

    /// A history of which each event is told up to twice and up to eight places late.
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `any disorder of events ends in the same state`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var truth: [String: ConfigMap] = [:]
        var history: [(isDeletion: Bool, object: ConfigMap)] = []
        for version in 1...120 {
            let name = "o\(Int.random(in: 0..<10, using: &random))"
            if let known = truth[name], Int.random(in: 0..<4, using: &random) == 0 {
                let last = object(name, String(version), uid: known.metadata.uid)
                truth[name] = nil
                history.append((true, last))
            } else {
                let uid = truth[name]?.metadata.uid ?? "uid-\(version)"
                truth[name] = object(name, String(version), uid: uid)
                history.append((false, object(name, String(version), uid: uid)))
            }
        }
        var told: [(place: Double, event: (isDeletion: Bool, object: ConfigMap))] = []
        for (place, event) in history.enumerated() {
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                told.append((Double(place) + .random(in: 0..<8, using: &random), event))
            }
        }
        let store = Store<ConfigMap>()
        for (_, event) in told.sorted(by: { $0.place < $1.place }) {
            _ = event.isDeletion ? store.remove(event.object) : store.upsert(event.object)
        }
        let state = store.list().map {
            "\($0.name) \($0.metadata.uid ?? "")@\($0.metadata.resourceVersion ?? "")"
        }
        let expected = truth.values.map {
            "\($0.name) \($0.metadata.uid ?? "")@\($0.metadata.resourceVersion ?? "")"
        }
        #expect(Set(state) == Set(expected), "seed \(seed)")
    }
}
