import FoundationEssentials
import KubernetesAPI
import Synchronization
import Testing

@testable import KubernetesClient

struct WatchDecoderTests {
    /// A watch as a kube-apiserver 1.36 sends it.
    static let transcript = """
        {"type":"ADDED","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n",\
        "uid":"u1","resourceVersion":"365","managedFields":[{"manager":"x"}]},"data":{"k":"ü"}}}
        {"type":"MODIFIED","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"n",\
        "uid":"u2","resourceVersion":"366"},"data":{"k":7}}}
        {"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"400",\
        "creationTimestamp":null,"annotations":{"k8s.io/initial-events-end":"true"}}}}
        {"type":"DELETED","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n",\
        "uid":"u1","resourceVersion":"401"}}}
        {"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",\
        "message":"too old resource version: 1 (356)","reason":"Expired","code":410}}

        """

    private func decode(_ pieces: [[UInt8]]) throws -> [String] {
        var decoder = WatchDecoder<ConfigMap>()
        var seen: [String] = []
        for piece in pieces {
            decoder.append(piece)
            while let update = try decoder.next() { seen.append(describe(update)) }
        }
        if let update = decoder.finish() { seen.append(describe(update)) }
        return seen
    }

    private func describe(_ update: WatchUpdate<ConfigMap>) -> String {
        switch update {
        case .event(.added(let object)): "added \(object.name) \(object.data?["k"] ?? "-")"
        case .event(.modified(let object)): "modified \(object.name)"
        case .event(.deleted(let object)): "deleted \(object.name) \(object.metadata.resourceVersion ?? "-")"
        case .event(.bookmark(let version, let isEnd)): "bookmark \(version) \(isEnd)"
        case .event(.error(let status)): "error \(status.code ?? 0) \(status.reason ?? "-")"
        case .malformed(let object, let isDeleted):
            "malformed \(object.key) \(object.uid ?? "-") \(object.resourceVersion ?? "-") \(isDeleted)"
        }
    }

    static let expected = [
        "added a ü", "malformed n/b u2 366 false", "bookmark 400 true", "deleted a 401", "error 410 Expired",
    ]

    @Test func `an event of a known version becomes a bookmark`() throws {
        // Deletions are never known, nor is an object that only has a version in its data.
        let asked = Mutex<[String]>([])
        var decoder = WatchDecoder<ConfigMap> { version in
            asked.withLock { $0.append(version) }
            return version == "366" || version == "401"
        }
        decoder.append(Self.transcript.utf8)
        var seen: [String] = []
        while let update = try decoder.next() { seen.append(describe(update)) }
        var expected = Self.expected
        expected[1] = "bookmark 366 false"
        #expect(seen == expected)
        #expect(asked.withLock { $0 } == ["365", "366"])
    }

    @Test func `a transcript yields the same events wherever it is split`() throws {
        let bytes = Array(Self.transcript.utf8)
        for offset in 0...bytes.count {
            #expect(
                try decode([Array(bytes[..<offset]), Array(bytes[offset...])]) == Self.expected, "\(offset)")
        }
        #expect(try decode(bytes.map { [$0] }) == Self.expected)
    }

    @Test func `a transcript that is cut off anywhere yields no wrong event`() throws {
        let bytes = Array(Self.transcript.utf8)
        for count in 0...bytes.count {
            let seen = try decode([Array(bytes[..<count])])
            #expect(seen == Array(Self.expected.prefix(seen.count)), "\(count)")
        }
    }

    @Test(arguments: [
        "nonsense\n", "{\"type\":\"ADDED\"}\n", "{\"type\":\"OTHER\",\"object\":{}}\n", "[]\n",
        "{\"type\":\"ADDED\",\"object\":{\"meta\n",
        String(repeating: "[", count: 100_000) + "\n",
    ])
    func `a line that is no event is an error`(line: String) throws {
        #expect(throws: KubernetesError.self) { try decode([Array(line.utf8)]) }
    }

    @Test func `an error in an object is named`() throws {
        var decoder = WatchDecoder<ConfigMap>()
        decoder.append(Array(Self.transcript.utf8))
        _ = try decoder.next()
        guard case .malformed(let object, _) = try decoder.next() else {
            Issue.record("the second event is malformed")
            return
        }
        #expect(object.reason.hasPrefix("data.k: "))
        #expect(object.kind == "ConfigMap")
    }

    @Test func `an object without readable metadata is malformed and ends nothing`() throws {
        var decoder = WatchDecoder<ConfigMap>()
        decoder.append(Array("{\"type\":\"ADDED\",\"object\":{\"metadata\":3}}\n".utf8))
        guard case .malformed(let object, isDeleted: false) = try decoder.next() else {
            Issue.record("the event is malformed")
            return
        }
        #expect(object.key == ObjectKey(namespace: "", name: ""))
        #expect(object.reason.hasPrefix("metadata"))
    }

    @Test func `one bad item of a list does not hide its neighbours`() throws {
        let text = """
            {"kind":"ConfigMapList","metadata":{"resourceVersion":"5","continue":"c"},"items":[
            {"metadata":{"name":"a","namespace":"n"}},{"metadata":{"name":"b","namespace":"n"},"data":[]},
            {"metadata":{"name":"c","namespace":"n"}}]}
            """
        let list = try JSONDecoder().decode(DecodedList<ConfigMap>.self, from: Data(text.utf8))
        let seen = list.items.map { item in
            switch item {
            case .object(let object): object.name
            case .malformed(let object): "malformed \(object.key.name)"
            }
        }
        #expect(seen == ["a", "malformed b", "c"])
        #expect(list.metadata.continue == "c")
        let empty = #"{"metadata":{"resourceVersion":"5"},"items":null}"#
        #expect(try JSONDecoder().decode(DecodedList<ConfigMap>.self, from: Data(empty.utf8)).items.isEmpty)
    }
}
