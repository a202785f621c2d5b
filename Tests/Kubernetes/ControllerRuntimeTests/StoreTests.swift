import KubernetesAPI
import SeededRandomness
import Testing

@testable import ControllerRuntime

struct StoreTests {
    private func owned(_ name: String, _ version: String, by owner: String, label: String? = nil) -> ConfigMap
    {
        var result = object(name, version)
        result.metadata.ownerReferences = [
            OwnerReference(apiVersion: "v1", kind: "Job", name: "j", uid: owner, controller: true)
        ]
        result.metadata.labels = label.map { ["l": $0] }
        return result
    }

    private let byLabel: [String: Store<ConfigMap>.Indexer] = [
        "label": { $0.metadata.labels?["l"].map { [$0] } ?? [] }
    ]

    @Test func `a new list yields the deletions that were missed`() {
        let store = Store<ConfigMap>()
        #expect(!store.hasSynced)
        #expect(store.replace([object("a", "1"), object("b", "1"), object("c", "1")]).count == 3)
        let changes = store.replace([object("b", "1"), object("c", "2"), object("d", "3")])
        #expect(changes.map(describe).sorted() == ["added d", "deleted a", "updated c"])
        #expect(store.hasSynced && store.count == 3)
    }

    @Test func `the same version is no change`() {
        let store = Store<ConfigMap>()
        #expect(store.upsert(object("a", "1")).count == 1)
        #expect(store.upsert(object("a", "1")).isEmpty)
        #expect(store.remove(ObjectKey(namespace: "n", name: "z")).isEmpty)
    }

    @Test func `another object of the same name is a deletion and an addition`() {
        let store = Store<ConfigMap>()
        _ = store.upsert(object("a", "1", uid: "first"))
        #expect(store.upsert(object("a", "5", uid: "second")).map(describe) == ["deleted a", "added a"])
    }

    @Test func `an assumed object is seen at once, and its watch event tells nothing new`() {
        let store = Store<ConfigMap>(indexers: byLabel)
        _ = store.replace([object("a", "1")], at: "1")
        #expect(store.assume(owned("b", "5", by: "o", label: "x")).map(describe) == ["added b"])
        #expect(store.byIndex("label", "x").map(\.name) == ["b"])
        #expect(store.takeAssumed(version: "5"))
        #expect(!store.takeAssumed(version: "5"), "asked once for each event")
        #expect(store.get(ObjectKey(namespace: "n", name: "b"))?.metadata.resourceVersion == "5")
    }

    @Test func `a version that the watch told first is not assumed`() {
        let store = Store<ConfigMap>()
        _ = store.replace([object("a", "5"), object("b", "7")], at: "7")
        #expect(store.assume(object("a", "5")).isEmpty)
        #expect(store.assume(object("b", "6")).isEmpty)
        #expect(!store.takeAssumed(version: "5") && !store.takeAssumed(version: "6"))
        _ = store.remove(object("a", "9", uid: "u"))
        #expect(store.assume(object("a", "8", uid: "u")).isEmpty, "deleted since")
    }

    @Test func `an older list does not undo an assumed write`() {
        let store = Store<ConfigMap>()
        _ = store.replace([object("a", "1"), object("b", "1")], at: "4")
        _ = store.assume(object("a", "5"))
        _ = store.assume(object("new", "8"))
        store.beginListing()
        #expect(!store.takeAssumed(version: "8"), "while everything is listed, nothing is passed over")
        let changes = store.replace([object("a", "5"), object("b", "6")], at: "7")
        #expect(changes.map(describe) == ["updated b"])
        #expect(store.count == 3)
        #expect(!store.takeAssumed(version: "5"), "the list has shown it")
        #expect(store.takeAssumed(version: "8"))
    }

    @Test func `a list newer than an assumed write decides`() {
        let store = Store<ConfigMap>()
        _ = store.replace([object("a", "1")], at: "1")
        _ = store.assume(object("a", "5"))
        store.beginListing()
        #expect(store.replace([], at: "9").map(describe) == ["deleted a"])
        #expect(!store.takeAssumed(version: "5"))
    }

    @Test func `indexes follow the objects`() {
        let store = Store<ConfigMap>(indexers: byLabel)
        _ = store.replace([owned("a", "1", by: "o1", label: "x"), owned("b", "1", by: "o1", label: "y")])
        #expect(store.byOwner("o1").map(\.name) == ["a", "b"])
        #expect(store.byIndex("label", "x").map(\.name) == ["a"])
        _ = store.upsert(owned("a", "2", by: "o2", label: "y"))
        #expect(store.byOwner("o1").map(\.name) == ["b"])
        #expect(store.byOwner("o2").map(\.name) == ["a"])
        #expect(store.byIndex("label", "x").isEmpty)
        #expect(store.byIndex("label", "y").map(\.name) == ["a", "b"])
        _ = store.remove(ObjectKey(namespace: "n", name: "b"))
        #expect(store.byIndex("label", "y").map(\.name) == ["a"])
        #expect(store.byIndex("nosuch", "y").isEmpty)
    }

    @Test func `indexes equal a search after any course of changes`() {
        var random = SeededGenerator(seed: 11)
        let store = Store<ConfigMap>(indexers: byLabel)
        for version in 0..<3000 {
            let name = "o\(Int.random(in: 0..<20, using: &random))"
            switch Int.random(in: 0..<10, using: &random) {
            case 0: _ = store.replace(store.list().filter { _ in Bool.random(using: &random) })
            case 1...3: _ = store.remove(ObjectKey(namespace: "n", name: name))
            default:
                let owner = "u\(Int.random(in: 0..<4, using: &random))"
                let label = Bool.random(using: &random) ? owner : nil
                _ = store.upsert(owned(name, "\(version)", by: owner, label: label))
            }
            for owner in (0..<4).map({ "u\($0)" }) {
                let all = store.list()
                let byOwner = all.filter { $0.metadata.ownerReferences?.first?.uid == owner }
                #expect(store.byOwner(owner).map(\.name) == byOwner.map(\.name).sorted())
                let labelled = all.filter { $0.metadata.labels?["l"] == owner }
                #expect(store.byIndex("label", owner).map(\.name) == labelled.map(\.name).sorted())
            }
        }
    }
}
