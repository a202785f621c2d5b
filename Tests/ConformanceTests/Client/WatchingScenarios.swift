import AnnealAPI
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Testing

extension Scenario {
    static let watching = [
        Scenario("a watch tells what happens after a list, in order") { cluster in
            try await cluster.create("before")
            let list = try await cluster.client.list(EvalRun.self, namespace: cluster.namespace)
            let watch = try await cluster.watch(
                WatchOptions(resourceVersion: list.metadata.resourceVersion, timeoutSeconds: 30))
            defer { watch.cancel() }
            try await cluster.create("after")
            try await cluster.label("after", ["step": "2"])
            try await cluster.client.delete(EvalRun.self, cluster.key("after"))
            #expect(try await watch.first(3) == ["added after", "modified after", "deleted after"])
        },
        Scenario("a watch goes on after the version of an event") { cluster in
            let first = try await cluster.create("run")
            for step in 1...5 { try await cluster.label("run", ["step": .string("\(step)")]) }
            let watch = try await cluster.watch(
                WatchOptions(resourceVersion: first.metadata.resourceVersion, timeoutSeconds: 30))
            defer { watch.cancel() }
            #expect(try await watch.first(5) == Array(repeating: "modified run", count: 5))
        },
        Scenario("a streaming list ends with a bookmark and goes on as a watch") { cluster in
            for name in ["a", "b"] { try await cluster.create(name) }
            let watch = try await cluster.watch(WatchOptions(timeoutSeconds: 30, sendInitialEvents: true))
            defer { watch.cancel() }
            var seen: [String] = []
            for try await event in watch where event.summary != "bookmark" {
                seen.append(event.summary)
                if event.summary == "end of the list" { try await cluster.create("c") }
                if seen.count == 4 { break }
            }
            #expect(Set(seen.prefix(2)) == ["added a", "added b"])
            #expect(seen.suffix(2) == ["end of the list", "added c"])
        },
        Scenario("a quiet watch brings nothing but bookmarks, and ends when its time is up") { cluster in
            let list = try await cluster.client.list(EvalRun.self, namespace: cluster.namespace)
            let watch = try await cluster.watch(
                WatchOptions(resourceVersion: list.metadata.resourceVersion, timeoutSeconds: 4))
            var seen: [String] = []
            for try await event in watch { seen.append(event.summary) }
            // A real server sends a bookmark only if something else has happened.
            #expect(seen.allSatisfy { $0 == "bookmark" })
        },
        Scenario("a reader that takes its time loses nothing, and no other watch stands still for it") {
            cluster in
            let names = (1...40).map { "run-\($0)" }
            for name in names {
                var run = cluster.run(name)
                run.metadata.annotations = ["example.com/filler": String(repeating: name, count: 20_000)]
                try await cluster.client.create(run)
            }
            // The buffer holds far less than all events: the slow reader's transfer stops and goes on many
            // times.
            let transport = HTTPTransport(configuration: .init(streamBufferBytes: 64 << 10))
            defer { transport.shutdown() }
            let client = try await cluster.backEnd.client(over: transport)
            try await withThrowingTaskGroup(of: Set<String>.self) { readers in
                for pause in [Duration.milliseconds(20), .zero] {
                    readers.addTask {
                        let watch = try await client.watch(
                            EvalRun.self, namespace: cluster.namespace,
                            options: WatchOptions(resourceVersion: "0", timeoutSeconds: 60))
                        defer { watch.cancel() }
                        var seen: Set<String> = []
                        for try await event in watch {
                            guard case .added(let run) = event else { continue }
                            seen.insert(run.name)
                            if seen.count == names.count { break }
                            try await Task.sleep(for: pause)
                        }
                        return seen
                    }
                }
                for try await seen in readers { #expect(seen == Set(names)) }
            }
        },
        Scenario("who leaves a selection is deleted from its watch") { cluster in
            try await cluster.create("run", labels: ["team": "red"])
            let list = try await cluster.client.list(EvalRun.self, namespace: cluster.namespace)
            let watch = try await cluster.watch(
                WatchOptions(
                    labelSelector: "team=red", resourceVersion: list.metadata.resourceVersion,
                    timeoutSeconds: 30))
            defer { watch.cancel() }
            try await cluster.label("run", ["team": "blue"])
            try await cluster.label("run", ["team": "green"])
            try await cluster.label("run", ["team": "red"])
            #expect(try await watch.first(2) == ["deleted run", "added run"])
        },
        Scenario("a version that never was is not waited for in vain") { cluster in
            let future = String(Int64.max / 2)
            let error = try await refusal {
                _ = try await cluster.client.list(
                    EvalRun.self, namespace: cluster.namespace,
                    options: ListOptions(resourceVersion: future))
            }
            #expect(error.code == 504 && error.isRetryable)
        },
    ]

    static let expiring = [
        Scenario("a version that is gone is expired, on a watch and on a list") { cluster in
            try await cluster.create("run")
            for step in 1...20 { try await cluster.label("run", ["step": .string("\(step)")]) }
            try await eventually("the first version is gone") {
                do throws(KubernetesError) {
                    let watch = try await cluster.client.watch(
                        EvalRun.self, namespace: cluster.namespace,
                        options: WatchOptions(resourceVersion: "1", timeoutSeconds: 1))
                    for try await event in watch {
                        if case .error(let status) = event { throw .api(status) }
                    }
                    return false
                } catch {
                    guard error.isExpired else { throw error }
                    return true
                }
            }
            try await eventually("its list is gone") {
                do throws(KubernetesError) {
                    _ = try await cluster.client.list(
                        EvalRun.self, namespace: cluster.namespace,
                        options: ListOptions(resourceVersion: "1", resourceVersionMatch: "Exact"))
                    return false
                } catch {
                    guard error.isExpired else { throw error }
                    return true
                }
            }
        }
    ]
}

extension TestCluster {
    func watch(_ options: WatchOptions) async throws -> WatchStream<EvalRun> {
        try await client.watch(EvalRun.self, namespace: namespace, options: options)
    }
}

extension WatchStream<EvalRun> {
    /// Descriptions of the next events, bookmarks in the middle left out.
    func first(_ count: Int) async throws -> [String] {
        var seen: [String] = []
        for try await event in self where event.summary != "bookmark" {
            seen.append(event.summary)
            if seen.count == count { break }
        }
        return seen
    }
}

extension WatchEvent<EvalRun> {
    var summary: String {
        switch self {
        case .added(let run): "added \(run.name)"
        case .modified(let run): "modified \(run.name)"
        case .deleted(let run): "deleted \(run.name)"
        case .bookmark(_, let isEnd): isEnd ? "end of the list" : "bookmark"
        case .error(let status): "error \(status.code ?? 0)"
        }
    }
}
