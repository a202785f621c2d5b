import KubernetesAPI
import Scheduling
import Testing

@Suite struct PodResourcesTests {
    typealias Share = PodResources.Share

    static func amounts(_ list: [String: String]) -> ResourceAmounts {
        ResourceAmounts(list.compactMapValues { Quantity($0) })
    }

    static func share(_ requests: [String: String] = [:], limits: [String: String] = [:]) -> Share {
        Share(requests: amounts(requests), limits: amounts(limits))
    }

    static func container(
        _ name: String, _ requests: [String: String], limits: [String: String] = [:], isSidecar: Bool = false
    ) -> Container {
        var container = Container(name: name)
        container.resources = ResourceRequirements(
            requests: requests.compactMapValues { Quantity($0) },
            limits: limits.compactMapValues { Quantity($0) })
        if isSidecar { container.restartPolicy = "Always" }
        return container
    }

    struct Sum: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var resources: PodResources
        var requests: String
        var limits: String = ""
    }

    @Test(arguments: [
        Sum(
            testDescription: "containers are summed",
            resources: PodResources(containers: [share(["cpu": "500m"]), share(["cpu": "250m"])]),
            requests: "cpu=750m"),
        Sum(
            testDescription: "the largest init container counts where it is more",
            resources: PodResources(
                containers: [share(["cpu": "1", "memory": "4Gi"])],
                initContainers: [
                    .init(share: share(["cpu": "3"])), .init(share: share(["cpu": "2", "memory": "1Gi"])),
                ]),
            requests: "cpu=3,memory=4Gi"),
        Sum(
            testDescription: "an init container runs beside the sidecars before it, not those after",
            resources: PodResources(
                containers: [share(["cpu": "1"])],
                initContainers: [
                    .init(share: share(["cpu": "1"]), isSidecar: true), .init(share: share(["cpu": "4"])),
                    .init(share: share(["cpu": "2"]), isSidecar: true),
                ]),
            requests: "cpu=5"),
        Sum(
            testDescription: "a limit stands for a request that is not given",
            resources: PodResources(
                containers: [share(["cpu": "1"], limits: ["cpu": "2", "nvidia.com/gpu": "4"])]),
            requests: "cpu=1,nvidia.com/gpu=4", limits: "cpu=2,nvidia.com/gpu=4"),
        Sum(
            testDescription: "overhead is added to requests, and to limits that are there",
            resources: PodResources(
                containers: [share(["cpu": "1"], limits: ["cpu": "2"])],
                overhead: amounts(["cpu": "100m", "memory": "64Mi"])),
            requests: "cpu=1100m,memory=64Mi", limits: "cpu=2100m"),
        Sum(
            testDescription: "amounts of the whole pod stand for its containers'",
            resources: PodResources(
                containers: [share(["cpu": "1", "nvidia.com/gpu": "1"])], overhead: amounts(["cpu": "1"]),
                whole: share(["cpu": "8"])),
            requests: "cpu=9,nvidia.com/gpu=1"),
    ])
    func `a pod's amounts come to`(_ sum: Sum) {
        #expect(sum.resources.requests.listed == sum.requests)
        #expect(sum.resources.limits.listed == sum.limits)
    }

    @Test func `a pod's own form is read whole`() {
        var spec = PodSpec(containers: [Self.container("main", ["cpu": "500m"])])
        spec.initContainers = [
            Self.container("sync", ["cpu": "100m"], isSidecar: true), Self.container("prepare", ["cpu": "2"]),
        ]
        spec.overhead = ["cpu": Quantity("50m") ?? Quantity(0)]
        #expect(spec.scheduledRequests == ["cpu": 2150, "pods": 1000])
        spec.resources = ResourceRequirements(requests: ["cpu": Quantity(7)])
        #expect(spec.scheduledRequests["cpu"] == 7050)
    }

    @Test func `sums beyond what can be held are clamped`() {
        let huge = Share(requests: ["cpu": ResourceAmount(milliunits: .max)])
        #expect(PodResources(containers: [huge, huge]).requests["cpu"]?.milliunits == .max)
        var free: [String: Int128] = ["cpu": .min]
        free.take(["cpu": .max])
        #expect(free["cpu"] == .min)
        free.add(["cpu": .min])
        #expect(free["cpu"] == .min)
    }

    @Test func `a node lacks what is wanted and not there, by name`() {
        let free: [String: Int128] = ["cpu": 1000, "memory": 0]
        #expect(free.lacks(["cpu": 1000, "memory": 0, "nvidia.com/gpu": 0]) == [])
        #expect(
            free.lacks(["pods": 1000, "cpu": 1001, "nvidia.com/gpu": 1]) == ["cpu", "nvidia.com/gpu", "pods"])
        #expect(free.holds(["cpu": 1000, "nvidia.com/gpu": 0]) && !free.holds(["memory": 1]))
    }

    @Test(
        arguments: [
            ("500m", "500m", "1"), ("1Gi", "512Mi", "1536Mi"), ("1Gi", "1Gi", "2Gi"), ("0", "1Ki", "1Ki"),
            ("1500", "500", "2k"), ("0", "0", "0"), ("1", "1Ki", "1025"), ("999m", "2m", "1001m"),
        ])
    func `amounts are written as Kubernetes writes them`(_ left: String, _ right: String, _ sum: String)
        throws
    {
        let first = ResourceAmount(try #require(Quantity(left)))
        let second = ResourceAmount(try #require(Quantity(right)))
        #expect((first + second).text == sum)
    }

    @Test(
        arguments: [
            ("Succeeded", true), ("Failed", true), ("Running", false), ("Pending", false), ("Unknown", false),
            (nil, false),
        ] as [(String?, Bool)])
    func `a pod is finished when all of it has ended`(_ phase: String?, _ isFinished: Bool) {
        let pod = Pod(metadata: ObjectMeta(name: "p"), status: phase.map { PodStatus(phase: $0) })
        #expect(pod.isFinished == isFinished)
    }
}
