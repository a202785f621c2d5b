import AdmissionPlugins
import FoundationEssentials
import KubernetesAPI
import Testing

@testable import APIServer

/// The recording of a real kube-apiserver, replayed against ours, exchange by exchange.
@Suite struct ReplayTests {
    @Test func `every exchange gets the recorded answer`() async throws {
        let exchanges = try RecordedExchange.load()
        #expect(exchanges.count == 187)
        let webhook = RecordedWebhook()
        let server = try await TestServer(
            // The recorded server ran without service accounts in its pods.
            plugins: AdmissionPlugins.standard(
                except: [.serviceAccount], webhooks: webhook, environment: .live))
        let found = try await server.run { server in
            try await Replay(server: server, webhook: webhook).differences(exchanges)
        }
        for (name, differences) in found.sorted(by: { $0.key < $1.key }) {
            let allowed = DeliberateDifferences.all[name]?.paths ?? []
            for difference in differences.sorted(by: { $0.path < $1.path })
            where !allowed.contains(difference.path) {
                Issue.record("\(name) differs from the recording at \(difference)")
            }
            for path in allowed.subtracting(differences.map(\.path)) {
                Issue.record("\(name) no longer differs at \(path): strike it off the list")
            }
        }
        for name in DeliberateDifferences.all.keys.sorted() where found[name] == nil {
            Issue.record("\(name) no longer differs from the recording: strike it off the list")
        }
    }
}

/// One run through the recording.
private struct Replay {
    let server: TestServer
    let webhook: RecordedWebhook

    /// The paths that differ, by the exchange's name.
    func differences(_ exchanges: [RecordedExchange]) async throws -> [String: Set<Difference>] {
        var correspondence = Correspondence()
        let unrecorded = UnrecordedWrites(server: server)
        var found: [String: Set<Difference>] = [:]
        for exchange in exchanges where DeliberateDifferences.elsewhere[exchange.name] == nil {
            if ["webhook/mutate", "webhook/validate"].contains(exchange.name) {
                webhook.expect(exchange)
                continue
            }
            for (recorded, ours) in try await unrecorded.perform(before: exchange.name) {
                correspondence.learn(version: recorded, is: ours)
            }
            if exchange.method == "POST",
                let created = exchange.responseBody[path: ["metadata", "creationTimestamp"]]?.stringValue
            {
                server.clock.now = Timestamp(created) ?? server.clock.now
            }
            let differences = await answer(exchange, &correspondence)
            if !differences.isEmpty { found[exchange.name, default: []].formUnion(differences) }
            for review in webhook.takeReviews() {
                let differences = correspondence.compare(review.recorded.requestBody, review.ours)
                if !differences.isEmpty {
                    found[review.recorded.name, default: []].formUnion(differences)
                }
            }
        }
        for name in webhook.missing { found[name, default: []].insert(Difference(path: "was not called")) }
        return found
    }

    private func answer(
        _ exchange: RecordedExchange, _ correspondence: inout Correspondence
    ) async -> [Difference] {
        var headers = exchange.headers
        headers["User-Agent"] = "recorder"
        let body = correspondence.translate(exchange.requestBody)
        let data: Data
        switch body {
        case .null: data = Data()
        case .string(let text): data = Data(text.utf8)
        case .bool, .integer, .number, .array, .object: data = body.serialized()
        }
        let response = await server.send(
            exchange.method, correspondence.translate(path: exchange.path), headers: headers, data: data,
            isAnonymous: exchange.name == "auth/unauthenticated")
        guard response.status == exchange.status else {
            return [Difference(path: "code", recorded: exchange.responseBody, ours: response.json)]
        }
        var differences: [Difference] = []
        func check(_ name: String, _ recorded: String?, _ ours: String?) {
            guard recorded != ours else { return }
            differences.append(
                Difference(
                    path: name, recorded: recorded.map(JSONValue.string), ours: ours.map(JSONValue.string)))
        }
        check("Warning", exchange.warning, response.header("Warning"))
        if let recorded = exchange.stream {
            let events = await LineCollector.collect(response, limit: max(recorded.count, 1))
            return differences + correspondence.compare(.array(recorded), .array(events))
        }
        if !exchange.name.hasPrefix("discovery/") {
            check("Content-Type", exchange.contentType, response.header("Content-Type"))
        }
        let recorded = ServedSubset.reduce(exchange.responseBody, to: response.json)
        let ours = ServedSubset.canonical(response.json)
        return differences + correspondence.compare(recorded, ours)
    }
}
