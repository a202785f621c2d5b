import AnnealAPI
import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import Synchronization
import Testing

@testable import AdmissionWebhook

@Suite("The webhook's server", .serialized)
struct WebhookServerTests {
    private static let sound = ReviewSamples.review(ReviewSamples.request(ReviewSamples.trainingJob()))
        .serialized()

    private func status(_ response: HTTPResponse) throws -> Status {
        try JSONValue(parsing: response.body).decoded()
    }

    @Test
    func `reviews are answered at both paths, with the uid of the request`() async throws {
        try await LiveWebhook.run { webhook, _ in
            for path in ["/mutate", "/validate?timeout=5s"] {
                let response = try await webhook.post(path, Self.sound)
                #expect(response.status == 200)
                #expect(response.headers[header: "Content-Type"] == "application/json")
                let review = try JSONValue(parsing: response.body)
                #expect(review[path: ["response", "allowed"]] == true)
                #expect(review[path: ["response", "uid"]] == "1")
            }
        }
    }

    @Test
    func `a malformed review gets a Status that says so, and the server goes on`() async throws {
        try await LiveWebhook.run { webhook, _ in
            let cases: [(String, Data, String, String?, Int, String)] = [
                ("/", Self.sound, "POST", "application/json", 404, "/mutate"),
                ("/validate", Self.sound, "GET", "application/json", 405, "POST"),
                ("/validate", Self.sound, "PUT", "application/json", 405, "POST"),
                ("/validate", Self.sound, "POST", "application/yaml", 415, "application/json"),
                ("/validate", Self.sound, "POST", nil, 415, "application/json"),
                ("/validate", Data("{".utf8), "POST", "application/json; charset=utf-8", 400, "JSON"),
                ("/validate", Data(), "POST", "application/json", 400, "JSON"),
                ("/mutate", Data([0xFF, 0xFE, 0x00]), "POST", "application/json", 400, "JSON"),
                (
                    "/mutate", Data(String(repeating: #"{"a":"#, count: 100_000).utf8), "POST",
                    "application/json", 400, "JSON"
                ),
            ]
            for (path, body, method, type, code, says) in cases {
                let response = try await webhook.post(path, body, method: method, contentType: type)
                #expect(response.status == code)
                let status = try status(response)
                #expect(status.code == code)
                #expect(status.message?.contains(says) == true, "\(status.message ?? "")")
                if code == 405 { #expect(response.headers[header: "Allow"] == "POST") }
            }
            #expect(try await webhook.post("/validate", Self.sound).status == 200)
        }
    }

    @Test
    func `each request is observed by kind and outcome, and an unknown kind is not taken as a label`()
        async throws
    {
        let observed = Mutex<[String]>([])
        var forged = ReviewSamples.request(ReviewSamples.trainingJob())
        forged.kind = "Forged"
        let unknown = ReviewSamples.review(forged).serialized()
        try await LiveWebhook.run(
            observer: { one in observed.withLock { $0.append("\(one.kind) \(one.outcome.rawValue)") } }
        ) { [unknown] webhook, _ in
            for body in [Self.sound, Data("{".utf8), unknown] {
                _ = try await webhook.post("/validate", body)
            }
        }
        #expect(observed.withLock { $0 } == ["TrainingJob allowed", "other error", "other denied"])
    }

    @Test
    func `a body over the limit is refused, and one just under it is read`() async throws {
        try await LiveWebhook.run { webhook, _ in
            let limit = 3 << 20
            let padding = Data(repeating: UInt8(ascii: " "), count: limit - Self.sound.count)
            #expect(try await webhook.post("/validate", Self.sound + padding).status == 200)
            for excess in [1, 8 << 20] {
                let body = Self.sound + padding + Data(repeating: UInt8(ascii: " "), count: excess)
                do {
                    let response = try await webhook.post("/validate", body)
                    #expect(response.status == 413)
                    #expect(try status(response).message?.contains("3145728") == true)
                } catch let error as TransportError {
                    // The server hangs up while the rest is still being sent; the answer may be lost.
                    #expect(error.code != .timedOut)
                }
            }
            #expect(try await webhook.post("/validate", Self.sound).status == 200)
        }
    }

    @Test
    func `clients that are silent, or trickle, are hung up on in time; others are served meanwhile`()
        async throws
    {
        var limits = ConnectionLimits()
        limits.requestTimeout = .milliseconds(600)
        try await LiveWebhook.run(limits: limits) { webhook, _ in
            let silent = try #require(RawConnection(port: webhook.port))
            let trickling = try #require(RawConnection(port: webhook.port))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { #expect(silent.secondsUntilClosed() < .seconds(5)) }
                group.addTask { #expect(trickling.secondsUntilClosed() < .seconds(5)) }
                group.addTask {
                    // The head of a TLS record, a byte at a time: each would start an idle timer anew.
                    for byte in [UInt8](arrayLiteral: 22, 3, 1, 2, 0, 1, 0, 1, 252, 3) {
                        trickling.write([byte])
                        try await Task.sleep(for: .milliseconds(100))
                    }
                }
                for _ in 0..<10 {
                    #expect(try await webhook.post("/validate", Self.sound).status == 200)
                }
                try await group.waitForAll()
            }
        }
    }

    @Test
    func `connections that are not used are closed after their time, and used again before`() async throws {
        var limits = ConnectionLimits()
        limits.idleTimeout = .milliseconds(300)
        limits.requestTimeout = .milliseconds(300)
        try await LiveWebhook.run(limits: limits) { webhook, _ in
            for pause in [0, 150, 600] {
                try await Task.sleep(for: .milliseconds(pause))
                #expect(try await webhook.post("/validate", Self.sound).status == 200)
            }
        }
    }

    @Test
    func `the certificate changes under load, again and again, and no request is lost`() async throws {
        try await LiveWebhook.run { webhook, _ in
            let (isOver, served) = (Tally(), Tally())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<3 {
                    group.addTask {
                        // The first keeps its connection; the others make a new one each time.
                        while isOver.count == 0 {
                            let fresh = worker == 0 ? nil : HTTPTransport()
                            let response = try await webhook.post("/validate", Self.sound, over: fresh)
                            #expect(response.status == 200)
                            fresh?.shutdown()
                            served.add()
                        }
                    }
                }
                var serials: Set<String> = []
                for _ in 0..<20 {
                    let material = try LiveWebhook.issue()
                    serials.insert("\(material.serving?.leaf.serialNumber as Any)")
                    try webhook.certificates.serve(material)
                    let before = served.count
                    while served.count < before + 10 { try await Task.sleep(for: .milliseconds(5)) }
                }
                #expect(serials.count == 20)
                isOver.add()
                try await group.waitForAll()
            }
            #expect(served.count >= 200)
        }
    }

    @Test
    func `a certificate that can't be used is left aside, and the one at hand serves on`() async throws {
        try await LiveWebhook.run { webhook, _ in
            let (one, other) = (try LiveWebhook.issue(), try LiveWebhook.issue())
            let certificate = try #require(one.serving).chainPEM
            let foreignKey = try #require(other.serving).keyPEM
            #expect(throws: (any Error).self) {
                try webhook.certificates.holder.replace(certificate: certificate, privateKey: foreignKey)
            }
            #expect(throws: (any Error).self) {
                try webhook.certificates.holder.replace(certificate: "", privateKey: "")
            }
            #expect(try await webhook.post("/validate", Self.sound, over: HTTPTransport()).status == 200)
        }
    }

    @Test
    func `requests from before a shutdown are answered before the server ends`() async throws {
        try await LiveWebhook.run { webhook, group in
            let answered = Tally()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                let large = Self.sound + Data(repeating: UInt8(ascii: " "), count: 2 << 20)
                for _ in 0..<8 {
                    tasks.addTask {
                        let response = try await webhook.post("/validate", large)
                        #expect(response.status == 200)
                        answered.add()
                    }
                }
                while answered.count == 0 { try await Task.sleep(for: .milliseconds(1)) }
                try await tasks.waitForAll()
                await group.triggerGracefulShutdown()
            }
            #expect(answered.count == 8)
            await #expect(throws: TransportError.self) {
                while true { _ = try await webhook.post("/validate", Self.sound, over: HTTPTransport()) }
            }
        }
    }
}
