import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import SeededRandomness
import Testing

@testable import ControllerRuntime

/// The decisions of the watcher, step by step.
struct WatcherTests {
    @Test func `a plain list is followed by a watch from its version`() {
        var watcher = Script(streaming: false)
        watcher.expect("list -")
        watcher.tell(.page(page(["a", "b"], version: "5", next: "p2")), expect: "list p2")
        watcher.tell(.page(page(["c"], version: "5")), expect: "=a,b,c; watch 5")
        watcher.tell(.opened, expect: "read")
        watcher.tell(.update(.event(.modified(object("a", "6")))), expect: "+a; read")
        watcher.tell(.update(.event(.deleted(object("b", "7")))), expect: "-b; read")
        watcher.tell(.ended(nil, lasted: .seconds(60)), expect: "watch 7")
    }

    @Test func `a streaming list swaps the objects at once`() {
        var watcher = Script(streaming: true)
        watcher.expect("watch -")
        watcher.tell(.opened, expect: "read")
        watcher.tell(.update(.event(.added(object("a", "3")))), expect: "read")
        watcher.tell(.update(.event(.added(object("b", "4")))), expect: "read")
        watcher.tell(.update(.event(.deleted(object("a", "5")))), expect: "read")
        watcher.tell(
            .update(.event(.bookmark(resourceVersion: "4", initialEventsEnd: false))), expect: "read")
        watcher.tell(
            .update(.event(.bookmark(resourceVersion: "9", initialEventsEnd: true))), expect: "=b; read")
        watcher.tell(.update(.event(.added(object("c", "10")))), expect: "+c; read")
        watcher.tell(.ended(nil, lasted: .seconds(60)), expect: "watch 10")
    }

    @Test(arguments: [400, 403, 422])
    func `a server that refuses streaming lists is asked for plain ones`(code: Int) {
        var watcher = Script(streaming: true)
        watcher.expect("watch -")
        watcher.tell(.openFailed(.api(Status(reason: "Invalid", code: code))), expect: "list -")
        watcher.tell(.page(page(["a"], version: "5")), expect: "=a; watch 5")
        // A streaming list is never asked for again.
        watcher.tell(.openFailed(.api(Status(reason: "Expired", code: 410))), expect: "list -")
    }

    @Test(arguments: [
        Watcher<ConfigMap>.Input.ended(nil, lasted: .seconds(300)),
        .ended(silence, lasted: .seconds(300)), .ended(.decoding("x"), lasted: .zero),
    ])
    func `a streaming list that does not end is given up`(input: Watcher<ConfigMap>.Input) {
        var watcher = Script(streaming: true)
        watcher.tell(.opened, expect: "read")
        watcher.tell(.update(.event(.added(object("a", "3")))), expect: "read")
        watcher.tell(input, expect: "list -")
    }

    @Test func `an unreachable server is asked for a streaming list again`() {
        var watcher = Script(streaming: true)
        watcher.tell(.openFailed(refused), expect: "wait")
        watcher.tell(.waited, expect: "watch -")
        watcher.tell(.openFailed(.api(Status(code: 503))), expect: "wait")
        watcher.tell(.waited, expect: "watch -")
        watcher.tell(.opened, expect: "read")
        watcher.tell(.ended(refused, lasted: .seconds(9)), expect: "wait")
        watcher.tell(.waited, expect: "watch -")
    }

    @Test func `an expired version lists anew, whether told at connect or in the stream`() {
        var connecting = Script(streaming: false)
        connecting.tell(.page(page(["a"], version: "5")), expect: "=a; watch 5")
        connecting.tell(.openFailed(.api(Status(reason: "Expired", code: 410))), expect: "list -")

        var streaming = Script(streaming: false)
        streaming.tell(.page(page(["a"], version: "5")), expect: "=a; watch 5")
        streaming.tell(.opened, expect: "read")
        streaming.tell(
            .update(.event(.error(Status(message: "too old", reason: "Expired", code: 410)))),
            expect: "list -")
        // The new list lacks the objects that were deleted meanwhile.
        streaming.tell(.page(page(["b"], version: "9")), expect: "=b; watch 9")
    }

    @Test func `a server that always says Expired is not asked in a tight loop`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page([], version: "5")), expect: "=; watch 5")
        watcher.tell(.openFailed(.api(Status(code: 410))), expect: "list -")
        watcher.tell(.page(page([], version: "6")), expect: "=; watch 6")
        watcher.tell(.openFailed(.api(Status(code: 410))), expect: "wait")
        watcher.tell(.waited, expect: "list -")
    }

    @Test func `a continue token that expired starts the list anew without half of it`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page(["a"], version: "5", next: "p2")), expect: "list p2")
        watcher.tell(.listFailed(.api(Status(reason: "Expired", code: 410))), expect: "list -")
        watcher.tell(.page(page(["b"], version: "7")), expect: "=b; watch 7")
    }

    @Test func `an error event that is not expiry goes on from the last version`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page(["a"], version: "5")), expect: "=a; watch 5")
        watcher.tell(.opened, expect: "read")
        watcher.tell(.update(.event(.modified(object("a", "6")))), expect: "+a; read")
        watcher.tell(.update(.event(.error(Status(reason: "InternalError", code: 500)))), expect: "wait")
        watcher.tell(.waited, expect: "watch 6")
    }

    @Test func `bookmarks move the version on`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page([], version: "5")), expect: "=; watch 5")
        watcher.tell(.opened, expect: "read")
        watcher.tell(
            .update(.event(.bookmark(resourceVersion: "50", initialEventsEnd: false))), expect: "read")
        watcher.tell(.ended(nil, lasted: .seconds(300)), expect: "watch 50")
    }

    @Test func `a silent socket is replaced without a list`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page([], version: "5")), expect: "=; watch 5")
        for _ in 0..<3 {
            watcher.tell(.opened, expect: "read")
            watcher.tell(.ended(silence, lasted: .seconds(450)), expect: "watch 5")
        }
    }

    @Test func `a long watch is followed by a new list, in case an event was lost`() {
        var watcher = Script(streaming: false)
        for _ in 0..<3 {
            watcher.tell(.page(page(["a"], version: "5")), expect: "=a; watch 5")
            for _ in 0..<3 {
                watcher.tell(.opened, expect: "read")
                watcher.tell(.ended(nil, lasted: .seconds(450)), expect: "watch 5")
            }
            watcher.tell(.opened, expect: "read")
            watcher.tell(.ended(nil, lasted: .seconds(450)), expect: "list -")
        }
    }

    @Test(arguments: [false, true]) func `a list older than the watch is refused`(streaming: Bool) {
        var watcher = Script(streaming: streaming)
        let gone = KubernetesError.api(Status(reason: "Expired", code: 410))
        func list(_ version: String, expect text: String) {
            guard streaming else { return watcher.tell(.page(page(["a"], version: version)), expect: text) }
            watcher.tell(.opened, expect: "read")
            watcher.tell(.update(.event(.added(object("a", "3")))), expect: "read")
            watcher.tell(
                .update(.event(.bookmark(resourceVersion: version, initialEventsEnd: true))), expect: text)
        }
        let (first, anew) = streaming ? ("=a; read", "watch -") : ("=a; watch 50", "list -")
        list("50", expect: first)
        if !streaming { watcher.tell(.opened, expect: "read") }
        watcher.tell(.update(.event(.added(object("b", "60")))), expect: "+b; read")
        watcher.tell(.ended(gone, lasted: .seconds(5)), expect: anew)
        for version in ["49", "59"] {
            list(version, expect: "wait")
            watcher.tell(.waited, expect: anew)
        }
        list("60", expect: streaming ? "=a; read" : "=a; watch 60")
    }

    @Test func `lists of a history that was set back are accepted after minutes`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page(["a"], version: "50")), expect: "=a; watch 50")
        watcher.tell(.openFailed(.api(Status(reason: "Expired", code: 410))), expect: "list -")
        var waited = Duration.zero
        while waited < .seconds(120) {
            watcher.tell(.page(page(["b"], version: "20")), expect: "wait")
            waited += watcher.lastWait
            watcher.tell(.waited, expect: "list -")
        }
        watcher.tell(.page(page(["b"], version: "20")), expect: "=b; watch 20")
    }

    @Test func `events out of order do not set the version back`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page([], version: "5")), expect: "=; watch 5")
        watcher.tell(.opened, expect: "read")
        watcher.tell(.update(.event(.modified(object("a", "8")))), expect: "+a; read")
        watcher.tell(.update(.event(.modified(object("a", "7")))), expect: "+a; read")
        watcher.tell(.ended(nil, lasted: .seconds(60)), expect: "watch 8")
    }

    @Test func `a server that closes every second is followed without waiting`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page([], version: "5")), expect: "=; watch 5")
        for _ in 0..<20 {
            watcher.tell(.opened, expect: "read")
            watcher.tell(.ended(nil, lasted: .milliseconds(1000)), expect: "watch 5")
        }
    }

    @Test func `a server that closes at once is asked after longer and longer waits`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page([], version: "5")), expect: "=; watch 5")
        var waits: [Duration] = []
        for _ in 0..<12 {
            watcher.tell(.opened, expect: "read")
            watcher.tell(.ended(nil, lasted: .milliseconds(3)), expect: "wait")
            waits.append(watcher.lastWait)
            watcher.tell(.waited, expect: "watch 5")
        }
        #expect(waits[0] >= .milliseconds(200) && waits[0] <= .milliseconds(400))
        // However long the outage is, the watch returns within seconds of its end.
        #expect(waits.allSatisfy { $0 <= .seconds(3) })
        #expect(waits[11] >= .milliseconds(1500))
    }

    @Test func `a watch that keeps failing is replaced by a list`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page([], version: "5")), expect: "=; watch 5")
        for _ in 0..<2 {
            watcher.tell(.opened, expect: "read")
            watcher.tell(.ended(.decoding("a line of a watch is no event"), lasted: .zero), expect: "wait")
            watcher.tell(.waited, expect: "watch 5")
        }
        watcher.tell(.opened, expect: "read")
        watcher.tell(.ended(.decoding("a line of a watch is no event"), lasted: .zero), expect: "wait")
        watcher.tell(.waited, expect: "list -")
    }

    @Test func `the server's wish to wait is granted`() {
        var watcher = Script(streaming: false)
        let busy = Status(details: StatusDetails(retryAfterSeconds: 77), code: 429)
        watcher.tell(.listFailed(.api(busy)), expect: "wait")
        #expect(watcher.lastWait == .seconds(77))
    }

    @Test func `an object that does not decode is reported and the version moves on`() {
        var watcher = Script(streaming: false)
        watcher.tell(.page(page(["a", "!bad"], version: "5")), expect: "=a !bad; watch 5")
        watcher.tell(.opened, expect: "read")
        watcher.tell(.update(.malformed(malformed("worse", "6"), isDeleted: false)), expect: "!worse; read")
        watcher.tell(.ended(nil, lasted: .seconds(5)), expect: "watch 6")
    }

    @Test func `equal seeds give equal waits`() {
        func waits(seed: UInt64) -> [Duration] {
            var watcher = Script(streaming: false, seed: seed)
            return (0..<8).map { _ in
                watcher.tell(.listFailed(refused), expect: "wait")
                let wait = watcher.lastWait
                watcher.tell(.waited, expect: "list -")
                return wait
            }
        }
        #expect(waits(seed: 1) == waits(seed: 1))
        #expect(waits(seed: 1) != waits(seed: 2))
    }

    @Test func `inputs in the wrong place change nothing`() {
        let inputs: [Watcher<ConfigMap>.Input] = [
            .opened, .waited, .update(.event(.added(object("z", "99")))), .ended(nil, lasted: .zero),
            .openFailed(refused), .listFailed(refused), .page(page(["z"], version: "99")),
        ]
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            var watcher = Script(streaming: Bool.random(using: &random))
            // After inputs in any order the machine can go on.
            for _ in 0..<30 {
                guard let input = inputs.randomElement(using: &random) else { return }
                _ = watcher.step(input)
            }
        }
    }
}

private let silence = KubernetesError.transport(
    TransportError(code: .idleTimeout, message: "silent", isRetryable: true))
private let refused = KubernetesError.transport(
    TransportError(code: .cannotConnect, message: "refused", isRetryable: true))

func object(_ name: String, _ version: String, uid: String? = nil) -> ConfigMap {
    var object = ConfigMap(metadata: ObjectMeta(name: name, namespace: "n"))
    object.metadata.resourceVersion = version
    object.metadata.uid = uid ?? "uid-\(name)"
    return object
}

private func malformed(_ name: String, _ version: String) -> MalformedObject {
    let text =
        #"{"type":"ADDED","object":{"metadata":{"name":"\#(name)","resourceVersion":"\#(version)"},"data":3}}"#
    var decoder = WatchDecoder<ConfigMap>()
    decoder.append(Array((text + "\n").utf8))
    guard case .malformed(let object, _) = try? decoder.next() else {
        Issue.record("the text decodes")
        return malformed(name, version)
    }
    return object
}

private func page(_ names: [String], version: String, next: String? = nil) -> DecodedList<ConfigMap> {
    DecodedList(
        metadata: ListMeta(resourceVersion: version, continue: next),
        items: names.map { name in
            name.hasPrefix("!")
                ? .malformed(malformed(String(name.dropFirst()), version)) : .object(object(name, version))
        })
}

/// Drives a watcher and describes its steps.
private struct Script {
    private var watcher: Watcher<ConfigMap>
    private(set) var lastWait = Duration.zero
    private let first: Watcher<ConfigMap>.Action

    init(streaming: Bool, seed: UInt64 = 1) {
        watcher = Watcher(usesStreamingLists: streaming, random: SeededGenerator(seed: seed))
        first = watcher.start()
    }

    mutating func expect(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(describe(first) == text, sourceLocation: sourceLocation)
    }

    mutating func tell(
        _ input: Watcher<ConfigMap>.Input, expect text: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(step(input) == text, sourceLocation: sourceLocation)
    }

    mutating func step(_ input: Watcher<ConfigMap>.Input) -> String {
        let step = watcher.handle(input)
        let outputs = step.outputs.map { output in
            switch output {
            case .replace(let objects): "=" + objects.map(\.name).sorted().joined(separator: ",")
            case .upsert(let object): "+" + object.name
            case .delete(let object): "-" + object.name
            case .malformed(let object, _): "!" + object.key.name
            }
        }
        let action = describe(step.action)
        return outputs.isEmpty ? action : outputs.joined(separator: " ") + "; " + action
    }

    private mutating func describe(_ action: Watcher<ConfigMap>.Action) -> String {
        switch action {
        case .list(let token): return "list \(token ?? "-")"
        case .watch(let version): return "watch \(version ?? "-")"
        case .read: return "read"
        case .wait(let delay):
            lastWait = delay
            return "wait"
        }
    }
}
