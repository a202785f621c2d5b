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
        #expect(reader.read(LogOptions()).text == "one\ntwo\nthree\npart")
        #expect(reader.read(options { $0.tailLines = 2 }).text == "three\npart")
        #expect(reader.read(options { $0.tailLines = 0 }).text == "")
        #expect(reader.read(options { $0.limitBytes = 5 }).text == "one\nt")
        #expect(reader.read(options { $0.since = 16_000 }).text == "three\npart")
        #expect(
            reader.read(
                options {
                    $0.timestamps = true
                    $0.tailLines = 3
                }
            ).text == "1970-01-01T00:00:10.000000Z two\n1970-01-01T00:00:20.000000Z three\n"
                + "1970-01-01T00:00:20.000000Z part")
    }

    @Test
    func `following goes on where reading ended, in whole lines where they get a time`() throws {
        defer { remove() }
        try write("one\n")
        let reader = LogReader(log: path)
        let (_, offset) = reader.read(LogOptions())
        try write("one\ntwo\npa")
        #expect(reader.read(from: offset, timestamps: false, now: 0) == ("two\npa", 10))
        #expect(
            reader.read(from: offset, timestamps: true, now: 1000) == ("1970-01-01T00:00:01.000000Z two\n", 8)
        )
    }

    /// Milliseconds since 1970 of a line's time.
    private func time(_ line: Substring) throws -> Int64 {
        let time = try #require(MicroTime(String(line.prefix { $0 != " " })))
        return time.seconds * 1000 + time.microseconds / 1000
    }

    @Test
    func `a line that nobody has noted yet has the time of its file`() throws {
        defer { remove() }
        let before = NodeClock.system.milliseconds() - 1000
        try write("one\n")
        let timed = options { $0.timestamps = true }
        let unnoted = try #require(LogReader(log: path).read(timed).text.split(separator: "\n").first)
        #expect(try (before...NodeClock.system.milliseconds()).contains(time(unnoted)))
        var timeline = LogTimeline(log: path)
        timeline.note(now: 10_000, limit: 1000)
        try write("one\ntwo\n")
        let lines = LogReader(log: path).read(timed).text.split(separator: "\n")
        #expect(try lines.map { try time($0) }.first == 10_000)
        #expect(try (before...NodeClock.system.milliseconds()).contains(time(lines[1])))
        let recent = options { $0.since = before }
        #expect(LogReader(log: path).read(recent).text == "two\n")
        let future = options { $0.since = NodeClock.system.milliseconds() + 60_000 }
        #expect(LogReader(log: path).read(future).text == "")
    }

    @Test
    func `an agent that was away notes when the log was written, and not when it came back`() throws {
        defer { remove() }
        try write("one\n")
        let written = NodeClock.system.milliseconds()
        var timeline = LogTimeline(log: path)
        timeline.note(now: written + 3_600_000, limit: 1000)
        let text = LogReader(log: path).read(options { $0.timestamps = true }).text
        #expect(try time(text[...]) <= written)
    }

    @Test(arguments: ["é", "€", "🜁"])
    func `a character whose end is not written yet is not shown in pieces`(character: String) throws {
        defer { remove() }
        let bytes = Array(character.utf8)
        let reader = LogReader(log: path)
        for written in 1..<bytes.count {
            try Data("a".utf8 + bytes.prefix(written)).write(to: URL(filePath: path))
            let (text, offset) = reader.read(LogOptions())
            #expect(text == "a")
            #expect(reader.read(from: offset, timestamps: false, now: 0) == ("", 1))
            try write("a\(character)b")
            #expect(reader.read(from: offset, timestamps: false, now: 0).text == "\(character)b")
        }
    }

    @Test
    func `a line that is followed gets one time, when it has ended`() throws {
        defer { remove() }
        try write("one\nhal")
        let reader = LogReader(log: path)
        let (text, offset) = reader.read(
            options {
                $0.follow = true
                $0.timestamps = true
            })
        #expect(text.hasSuffix(" one\n"))
        #expect(offset == 4)
        try write("one\nhalf\n")
        #expect(
            reader.read(from: offset, timestamps: true, now: 1000) == (
                "1970-01-01T00:00:01.000000Z half\n", 9
            ))
    }

    @Test
    func `a log beyond its bound is moved aside, and still read`() throws {
        defer { remove() }
        var timeline = LogTimeline(log: path)
        try write("old line\n")
        timeline.note(now: 1000, limit: 5)
        #expect(ProcessTable.read(path) == "")
        try write("new\n")
        #expect(LogReader(log: path).read(LogOptions()).text == "old line\nnew\n")
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
