import FoundationEssentials
import KubernetesAPI
import Testing

@testable import NodeAgent

@Suite struct LogTests {
    let path = "/tmp/anneal-log-tests-\(UInt64.random(in: 0 ... .max))"

    private func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }

    private func options(_ change: (inout LogOptions) -> Void) -> LogOptions {
        var options = LogOptions()
        change(&options)
        return options
    }

    private func remove() {
        for suffix in ["", ".1", ".times", ".1.times"] {
            try? FileManager.default.removeItem(atPath: path + suffix)
        }
    }

    @Test
    func `a log is read from its end, its beginning or a time`() throws {
        defer { remove() }
        var timeline = LogTimeline(log: path)
        try write("one\ntwo\n")
        timeline.note(now: 10_000, limit: 1000)
        try write("one\ntwo\nthree\npart")
        timeline.note(now: 20_000, limit: 1000)
        let reader = LogReader(log: path)
        #expect(reader.read(LogOptions(), now: 0).text == "one\ntwo\nthree\npart")
        #expect(reader.read(options { $0.tailLines = 2 }, now: 0).text == "three\npart")
        #expect(reader.read(options { $0.tailLines = 0 }, now: 0).text == "")
        #expect(reader.read(options { $0.limitBytes = 5 }, now: 0).text == "one\nt")
        #expect(reader.read(options { $0.sinceSeconds = 5 }, now: 21_000).text == "three\npart")
        #expect(
            reader.read(
                options {
                    $0.timestamps = true
                    $0.tailLines = 3
                }, now: 0
            ).text == "1970-01-01T00:00:10.000000Z two\n1970-01-01T00:00:20.000000Z three\n"
                + "1970-01-01T00:00:20.000000Z part")
    }

    @Test
    func `following goes on where reading ended, in whole lines where they get a time`() throws {
        defer { remove() }
        try write("one\n")
        let reader = LogReader(log: path)
        let (_, offset) = reader.read(LogOptions(), now: 0)
        try write("one\ntwo\npa")
        #expect(reader.read(from: offset, timestamps: false, now: 0) == ("two\npa", 10))
        #expect(
            reader.read(from: offset, timestamps: true, now: 1000) == ("1970-01-01T00:00:01.000000Z two\n", 8)
        )
    }

    @Test
    func `a log beyond its bound is moved aside, and still read`() throws {
        defer { remove() }
        var timeline = LogTimeline(log: path)
        try write("old line\n")
        timeline.note(now: 1000, limit: 5)
        #expect(ProcessTable.read(path) == "")
        try write("new\n")
        #expect(LogReader(log: path).read(LogOptions(), now: 0).text == "old line\nnew\n")
    }

    @Test
    func `services and their pods are found by name`() {
        var pod = Pod(
            metadata: ObjectMeta(name: "gang-0", namespace: "ns", labels: ["app": "gang"]),
            spec: PodSpec(containers: []))
        pod.spec?.hostname = "w-0"
        pod.spec?.subdomain = "gang"
        pod.status = PodStatus()
        pod.status?.podIP = "127.16.0.5"
        var service = KubernetesAPI.Service(
            metadata: ObjectMeta(name: "gang", namespace: "ns"),
            spec: ServiceSpec(selector: ["app": "gang"], publishNotReadyAddresses: true))
        let own = ServiceNames.aliases(of: [service], pods: [pod], namespace: "ns").first
        #expect(own?.address == "127.16.0.5")
        #expect(own?.names.contains("w-0.gang.ns.svc.cluster.local") == true)
        #expect(own?.names.contains("w-0.gang") == true)
        let foreign = ServiceNames.aliases(of: [service], pods: [pod], namespace: "other").first
        #expect(foreign?.names.contains("w-0.gang.ns") == true)
        #expect(foreign?.names.contains("gang") == false)
        service.spec?.publishNotReadyAddresses = nil
        #expect(ServiceNames.aliases(of: [service], pods: [pod], namespace: "ns").isEmpty, "it is not ready")
    }
}
