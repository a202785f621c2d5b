import ClusterControllers
import KubernetesAPI
import Testing

@Suite struct OwnerGraphTests {
    static func object(
        _ uid: String, owners: [String] = [], blocking: Bool = true, finalizers: [String] = [],
        isDeleting: Bool = false,
        namespace: String = "ns"
    ) -> OwnedObject {
        var metadata = ObjectMeta(
            name: uid, namespace: namespace,
            ownerReferences: owners.map {
                OwnerReference(
                    apiVersion: "v1", kind: "ConfigMap", name: $0, uid: $0, blockOwnerDeletion: blocking)
            }, finalizers: finalizers)
        metadata.uid = uid
        if isDeleting { metadata.deletionTimestamp = Timestamp(seconds: 1) }
        return OwnedObject(type: ConfigMap.resourceType, metadata: metadata)
    }

    static func graph(_ objects: OwnedObject...) -> OwnerGraph {
        var graph = OwnerGraph()
        for object in objects { _ = graph.set(object) }
        return graph
    }

    @Test
    func `an object without any owner left goes, one with an owner left stays`() {
        let graph = Self.graph(
            Self.object("living"), Self.object("a", owners: ["gone"]),
            Self.object("b", owners: ["gone", "living"]))
        #expect(graph.step(for: "a") == .delete(propagation: "Background"))
        #expect(graph.step(for: "b") == .dropOwners(["gone"]))
        #expect(graph.step(for: "living") == nil)
    }

    @Test
    func `an unknown owner does not count as gone`() {
        let graph = Self.graph(Self.object("a", owners: ["elsewhere"]))
        #expect(graph.unknownOwners(of: Self.object("a", owners: ["elsewhere"])).map(\.uid) == ["elsewhere"])
        #expect(graph.step(for: "a", existing: ["elsewhere"]) == nil)
    }

    @Test
    func `an owner of another namespace does not count`() {
        let graph = Self.graph(Self.object("owner", namespace: "other"), Self.object("a", owners: ["owner"]))
        #expect(graph.step(for: "a") == .delete(propagation: "Background"))
    }

    @Test
    func `in the foreground, dependents go first and the owner last`() {
        let owner = Self.object("owner", finalizers: [OwnerGraph.foreground], isDeleting: true)
        var graph = Self.graph(owner, Self.object("a", owners: ["owner"]))
        #expect(graph.step(for: "owner") == nil)
        #expect(graph.step(for: "a") == .delete(propagation: "Background"))
        #expect(graph.remove("a") == ["owner"])
        #expect(graph.step(for: "owner") == .removeFinalizer(OwnerGraph.foreground))
    }

    @Test
    func `dependents that do not block let the owner go`() {
        let owner = Self.object("owner", finalizers: [OwnerGraph.foreground], isDeleting: true)
        let graph = Self.graph(owner, Self.object("a", owners: ["owner"], blocking: false))
        #expect(graph.step(for: "owner") == .removeFinalizer(OwnerGraph.foreground))
    }

    @Test
    func `a dependent with dependents of its own goes in the foreground too`() {
        let owner = Self.object("owner", finalizers: [OwnerGraph.foreground], isDeleting: true)
        let graph = Self.graph(owner, Self.object("a", owners: ["owner"]), Self.object("b", owners: ["a"]))
        #expect(graph.step(for: "a") == .delete(propagation: "Foreground"))
    }

    @Test
    func `orphans lose the reference and stay`() {
        let owner = Self.object("owner", finalizers: [OwnerGraph.orphan], isDeleting: true)
        var graph = Self.graph(owner, Self.object("a", owners: ["owner"]))
        #expect(graph.step(for: "owner") == nil)
        #expect(graph.step(for: "a") == .dropOwners(["owner"]))
        #expect(graph.set(Self.object("a")).contains("owner"))
        #expect(graph.step(for: "owner") == .removeFinalizer(OwnerGraph.orphan))
    }

    @Test
    func `dependents of an owner that begins to go are looked at`() {
        var graph = Self.graph(Self.object("owner"), Self.object("a", owners: ["owner"]))
        #expect(
            graph.set(Self.object("owner", finalizers: [OwnerGraph.foreground], isDeleting: true)) == [
                "owner", "a",
            ])
        #expect(graph.remove("owner") == ["a"])
    }
}
