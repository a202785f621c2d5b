import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import SeededRandomness
import Testing

@testable import ControllerRuntime

/// A watch that breaks off after any byte, and goes on from there.
struct WatchTranscriptTests {
    /// The history of a small namespace, as watch events after version 10.
    private static let history: [(version: Int, line: String)] = [
        (11, event("ADDED", "a", 11)), (12, event("ADDED", "b", 12)), (13, event("MODIFIED", "a", 13)),
        (14, #"{"type":"BOOKMARK","object":{"kind":"ConfigMap","metadata":{"resourceVersion":"14"}}}"#),
        (15, event("DELETED", "b", 15)), (16, event("ADDED", "bad", 16, data: "7")),
        (17, event("ADDED", "c", 17)), (18, event("MODIFIED", "c", 18)),
        (19, event("DELETED", "bad", 19, data: "7")),
    ]

    private static func event(_ type: String, _ name: String, _ version: Int, data: String = #"{"k":"ü"}"#)
        -> String
    {
        """
        {"type":"\(type)","object":{"metadata":{"name":"\(name)","namespace":"n","uid":"u-\(name)",\
        "resourceVersion":"\(version)"},"data":\(data)}}
        """
    }

    private static func transcript(after version: Int) -> [UInt8] {
        Array(history.filter { $0.version > version }.map { $0.line + "\n" }.joined().utf8)
    }

    @Test func `the store ends the same wherever the stream breaks`() throws {
        let whole = Self.transcript(after: 10)
        for offset in 0...whole.count {
            var world = World()
            try world.follow(breakingAt: offset)
            #expect(world.summary == "a@13 c@18", "broken at \(offset)")
            #expect(world.malformed == ["bad"], "broken at \(offset)")
            #expect(world.changes == world.expectedChanges, "broken at \(offset)")
        }
    }

    @Test func `the store ends the same wherever the bytes are split`() throws {
        let whole = Self.transcript(after: 10)
        for offset in 0...whole.count {
            var world = World()
            world.begin()
            try world.read([Array(whole[..<offset]), Array(whole[offset...])])
            #expect(world.summary == "a@13 c@18", "split at \(offset)")
        }
    }

    /// A server, a watcher and a store.
    private struct World {
        private var watcher = Watcher<ConfigMap>(usesStreamingLists: false, random: SeededGenerator(seed: 3))
        private let store = Store<ConfigMap>()
        private(set) var malformed: [String] = []
        private(set) var changes: [String] = []
        private var action: Watcher<ConfigMap>.Action = .wait(.zero)

        var expectedChanges: [String] {
            ["added a", "added b", "updated a", "deleted b", "added c", "updated c"]
        }

        var summary: String {
            store.list().map { "\($0.name)@\($0.metadata.resourceVersion ?? "")" }.sorted().joined(
                separator: " ")
        }

        mutating func begin() {
            action = watcher.start()
            handle(.page(DecodedList(metadata: ListMeta(resourceVersion: "10"), items: [])))
            handle(.opened)
        }

        mutating func follow(breakingAt offset: Int) throws {
            begin()
            try read([Array(WatchTranscriptTests.transcript(after: 10).prefix(offset))])
            let lost = TransportError(code: .connectionLost, message: "broken", isRetryable: true)
            handle(.ended(.transport(lost), lasted: .seconds(5)))
            handle(.waited)
            guard case .watch(let version?) = action, let after = Int(version) else {
                Issue.record("it lists again: \(action)")
                return
            }
            handle(.opened)
            try read([WatchTranscriptTests.transcript(after: after)])
        }

        mutating func read(_ pieces: [[UInt8]]) throws {
            var decoder = WatchDecoder<ConfigMap>()
            for piece in pieces {
                decoder.append(piece)
                while let update = try decoder.next() { handle(.update(update)) }
            }
            if let update = decoder.finish() { handle(.update(update)) }
        }

        private mutating func handle(_ input: Watcher<ConfigMap>.Input) {
            let step = watcher.handle(input)
            action = step.action
            for output in step.outputs { apply(output) }
        }

        private mutating func apply(_ output: Watcher<ConfigMap>.Output) {
            let applied: [StoreChange<ConfigMap>]
            switch output {
            case .replace(let objects): applied = store.replace(objects)
            case .upsert(let object): applied = store.upsert(object)
            case .delete(let object): applied = store.remove(object)
            case .malformed(let object, let isDeleted):
                if !isDeleted { malformed.append(object.key.name) }
                applied = store.remove(object.key)
            }
            changes += applied.map(describe)
        }
    }
}

func describe(_ change: StoreChange<ConfigMap>) -> String {
    switch change {
    case .added(let object): "added \(object.name)"
    case .updated(_, let object): "updated \(object.name)"
    case .deleted(let object): "deleted \(object.name)"
    }
}
