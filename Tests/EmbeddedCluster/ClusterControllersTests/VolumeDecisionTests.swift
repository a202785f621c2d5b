import ClusterControllers
import KubernetesAPI
import Testing

/// Volumes that are lost, or a pod's own, and nodes that a pod prefers.
@Suite struct VolumeDecisionTests {
    private static func claim(_ name: String, phase: String?, volume: String? = nil) -> PersistentVolumeClaim
    {
        var claim = PersistentVolumeClaim(
            metadata: ObjectMeta(name: name, namespace: "ns"),
            spec: PersistentVolumeClaimSpec(accessModes: ["ReadWriteOnce"], resources: nil))
        claim.metadata.uid = "u"
        claim.spec?.volumeName = volume
        claim.status = PersistentVolumeClaimStatus(phase: phase)
        return claim
    }

    private static func volume(claimedBy uid: String) -> PersistentVolume {
        var spec = PersistentVolumeSpec()
        spec.claimRef = ObjectReference(namespace: "ns", name: "c", uid: uid)
        spec.capacity = ["storage": Quantity(5)]
        return PersistentVolume(metadata: ObjectMeta(name: "pv"), spec: spec)
    }

    @Test func `a bound claim whose volume is gone is lost, until the volume is back`() {
        func decide(_ phase: String?, _ volumes: [PersistentVolume]) -> ClaimBinding.Decision {
            ClaimBinding.decide(
                Self.claim("c", phase: phase, volume: "pv"), volumes: volumes, classes: [], folder: "/v")
        }
        #expect(decide("Bound", []) == .markLost)
        #expect(decide("Bound", [Self.volume(claimedBy: "another")]) == .markLost)
        #expect(decide("Lost", []) == .nothing)
        #expect(decide(nil, []) == .nothing, "the volume may be about to show")
        #expect(
            decide("Lost", [Self.volume(claimedBy: "u")]) == .markBound(capacity: ["storage": Quantity(5)]))
    }

    @Test func `a pod waits for a claim that is lost, and for one that is still to be made for it`() {
        func refusal(_ volume: Volume, _ claims: [PersistentVolumeClaim]) -> Placement {
            SchedulingRoundTests.place(
                SchedulingRoundTests.pod("p") { $0.volumes = [volume] },
                nodes: [SchedulingRoundTests.node("n")], claims: claims)
        }
        #expect(
            refusal(Volume(name: "w", claim: "c"), [Self.claim("c", phase: "Lost", volume: "pv")])
                == .unschedulable(
                    message: "0/1 nodes are available: persistentvolumeclaim \"c\" bound to non-existent "
                        + "persistentvolume \"pv\"."))
        var own = Volume(name: "w")
        own.ephemeral = EphemeralVolumeSource(volumeClaimTemplate: nil)
        #expect(
            refusal(own, [])
                == .unschedulable(
                    message: "0/1 nodes are available: waiting for ephemeral volume controller to create the "
                        + "persistentvolumeclaim \"p-w\"."))
        #expect(refusal(own, [Self.claim("p-w", phase: "Bound")]) == .bind(node: "n"))
    }

    @Test func `the claim of a pod's own volume is the pod's`() throws {
        var metadata = ObjectMeta()
        metadata.labels = ["a": "b"]
        var own = Volume(name: "w")
        own.ephemeral = EphemeralVolumeSource(
            volumeClaimTemplate: PersistentVolumeClaimTemplate(
                metadata: metadata,
                spec: PersistentVolumeClaimSpec(accessModes: ["ReadWriteOnce"], resources: nil)))
        var pod = SchedulingRoundTests.pod("p") { $0.volumes = [own, Volume(name: "x", claim: "shared")] }
        pod.metadata.uid = "pod-uid"
        pod.spec?.nodeName = "n"
        let claims = ClaimBinding.claims(ofEphemeralVolumesOf: pod)
        #expect(claims.map(\.name) == ["p-w"])
        let claim = try #require(claims.first)
        #expect(claim.metadata.controller?.uid == "pod-uid")
        #expect(claim.metadata.labels == ["a": "b"])
        #expect(!ClaimBinding.isUnused(claim, pods: [pod]))
    }

    @Test func `a pod goes to a node that it prefers, and to another where that has no room`() {
        let pod = SchedulingRoundTests.pod("p") { spec in
            let others = NodeSelectorTerm(
                matchExpressions: nil,
                matchFields: [SelectorRequirement(key: "metadata.name", operator: "NotIn", values: ["a"])])
            spec.affinity = Affinity(
                nodeAffinity: NodeAffinity(
                    required: nil, preferred: [PreferredSchedulingTerm(weight: 100, preference: others)]))
        }
        let empty = SchedulingRoundTests.node("a", cpu: 64)
        let full = SchedulingRoundTests.pod("busy", cpu: "3", node: "b")
        let other = SchedulingRoundTests.node("b")
        #expect(SchedulingRoundTests.place(pod, nodes: [empty, other], pods: [full]) == .bind(node: "b"))
        let packed = SchedulingRoundTests.pod("busy", cpu: "4", node: "b")
        #expect(SchedulingRoundTests.place(pod, nodes: [empty, other], pods: [packed]) == .bind(node: "a"))
    }
}
