import FoundationEssentials
import TestSupport
import Testing

@testable import HTTPTransport

@Suite(.timeLimit(.minutes(1)))
struct HTTPTransportTests {
    let transport = HTTPTransport()

    @Test func `a request carries method, headers and body, and the response comes back`() async throws {
        let server = try ScriptedServer { connection, request in
            connection.respond(418, headers: ["X-Echo": "a b"], request.text)
        }
        let request = HTTPRequest(
            method: "PATCH", url: server.url + "/p?q=1", headers: [HTTPHeader("X-Test", "yes")],
            body: .data(Data("hello".utf8)))
        let response = try await transport.send(request)
        #expect(response.status == 418)
        #expect(response[header: "x-echo"] == "a b")
        #expect(response.body == Data("hello".utf8))
        let seen = try #require(server.requests.first)
        #expect(seen.method == "PATCH" && seen.target == "/p?q=1" && seen.headers["x-test"] == "yes")
    }

    @Test(arguments: ["GET", "DELETE", "HEAD", "POST", "PUT", "PATCH"])
    func `any method works without a body`(method: String) async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200) }
        let response = try await transport.send(HTTPRequest(method: method, url: server.url))
        #expect(response.status == 200)
        let seen = try #require(server.requests.first)
        #expect(seen.method == method)
        let hasLength = seen.headers["content-length"] == "0"
        #expect(hasLength == ["POST", "PUT", "PATCH"].contains(method))
    }

    @Test func `one connection serves request after request`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200, "x") }
        for _ in 0..<20 { _ = try await transport.send(HTTPRequest(url: server.url)) }
        #expect(server.connections == 1)
    }

    @Test func `nothing of a request is left for the next`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200) }
        let first = HTTPRequest(
            method: "PUT", url: server.url + "/first?a=b", headers: [HTTPHeader("X-Test", "yes")],
            body: .data(Data("body".utf8)), timeout: .seconds(10), idleTimeout: .seconds(10),
            awsSignature: AWSSignature(
                accessKey: "key", secretKey: "secret", region: "here", service: "s3"))
        _ = try await transport.send(first)
        _ = try await transport.send(HTTPRequest(url: server.url + "/second"))
        #expect(server.connections == 1)
        let second = try #require(server.requests.last)
        #expect(second.method == "GET" && second.target == "/second" && second.text.isEmpty)
        #expect(Set(second.headers.keys).isSubset(of: ["host", "accept"]), "\(second.headers)")
    }

    /// Bodies on both sides of the limit up to which they are copied.
    @Test(arguments: [1, 32 << 10, 32 << 10 + 1, 1 << 20])
    func `a body of any length arrives whole`(length: Int) async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200) }
        let body = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for _ in 1...2 {
            _ = try await transport.send(
                HTTPRequest(method: "POST", url: server.url, body: .data(Data(body))))
        }
        #expect(server.requests.map(\.body) == [body, body])
    }

    @Test func `requests at once each get their own answer`() async throws {
        let server = try ScriptedServer { connection, request in connection.respond(200, request.target) }
        let transport = HTTPTransport(configuration: .controller)
        defer { transport.shutdown() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<24 {
                group.addTask {
                    for turn in 0..<20 {
                        let target = "/\(worker)/\(turn)"
                        let response = try await transport.send(HTTPRequest(url: server.url + target))
                        #expect(String(decoding: response.body, as: UTF8.self) == target)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(server.requests.count == 480 && server.connections <= 24)
    }

    @Test func `a range of a file is sent, and a response is written into a place of a file`() async throws {
        let server = try ScriptedServer { connection, request in connection.respond(200, request.text) }
        try await withTemporaryFile("0123456789") { path, descriptor in
            let request = HTTPRequest(
                method: "PUT", url: server.url, body: .file(descriptor: descriptor, offset: 2, length: 5))
            let (head, errorBody) = try await transport.download(request, to: descriptor, at: 7)
            #expect(head.status == 200 && errorBody.isEmpty)
            #expect(server.requests.first?.text == "23456")
            #expect(try contents(path) == "012345623456")
        }
    }

    @Test func `the body of an error is not written into the file`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(404, "no such key") }
        try await withTemporaryFile("keep") { path, descriptor in
            let (head, errorBody) = try await transport.download(
                HTTPRequest(url: server.url), to: descriptor, at: 0)
            #expect(head.status == 404)
            #expect(errorBody == Data("no such key".utf8))
            #expect(try contents(path) == "keep")
        }
    }

    @Test func `a file shorter than declared ends the request with an error that names it`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200) }
        try await withTemporaryFile("short") { _, descriptor in
            let request = HTTPRequest(
                method: "PUT", url: server.url, body: .file(descriptor: descriptor, offset: 0, length: 50))
            let error = await error { try await transport.send(request) }
            guard case .localFile = error?.code else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `a body above the limit is refused`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.respond(200, String(repeating: "x", count: 1001))
        }
        let error = await error {
            try await transport.send(HTTPRequest(url: server.url), maximumBodyBytes: 1000)
        }
        #expect(error?.code == .bodyTooLarge(limit: 1000))
        let whole = try await transport.send(HTTPRequest(url: server.url), maximumBodyBytes: 1001)
        #expect(whole.body.count == 1001)
    }

    @Test func `a request to a closed port was not sent and may be repeated`() async throws {
        let server = try ScriptedServer { _, _ in }
        let url = server.url
        server.stop()
        let error = await error { try await transport.send(HTTPRequest(url: url)) }
        #expect(error?.code == .cannotConnect)
        #expect(error?.isRetryable == true)
        #expect(error?.sentPossibly == false)
    }

    @Test func `a server that hangs up without an answer may have acted`() async throws {
        let server = try ScriptedServer { connection, _ in connection.hangUp() }
        let error = await error {
            try await transport.send(
                HTTPRequest(method: "POST", url: server.url, body: .data(Data("x".utf8))))
        }
        #expect(error?.code == .connectionLost)
        #expect(error?.sentPossibly == true)
    }

    @Test func `a body cut short is an error`() async throws {
        let server = try ScriptedServer { connection, _ in
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            connection.hangUp()
        }
        let error = await error { try await transport.send(HTTPRequest(url: server.url)) }
        #expect(error?.code == .connectionLost)
    }

    @Test func `a silent server meets the idle timeout`() async throws {
        let server = try ScriptedServer { connection, _ in connection.waitForClose() }
        let error = await error {
            try await transport.send(HTTPRequest(url: server.url, idleTimeout: .milliseconds(80)))
        }
        #expect(error?.code == .idleTimeout)
        #expect(error?.sentPossibly == true)
    }

    @Test func `a slow server meets the timeout`() async throws {
        let server = try ScriptedServer { connection, _ in connection.waitForClose() }
        let error = await error {
            try await transport.send(HTTPRequest(url: server.url, timeout: .milliseconds(80)))
        }
        #expect(error?.code == .timedOut)
    }

    @Test func `cancelling the task ends the transfer on the server, too`() async throws {
        let (ended, signal) = AsyncStream.makeStream(of: Void.self)
        let (arrived, arrival) = AsyncStream.makeStream(of: Void.self)
        let server = try ScriptedServer { connection, _ in
            arrival.yield()
            connection.waitForClose()
            signal.finish()
        }
        let task = Task { [transport] in try await transport.send(HTTPRequest(url: server.url)) }
        for await _ in arrived { break }
        task.cancel()
        let result = await task.result
        #expect(throws: TransportError.self) { try result.get() }
        for await _ in ended {}
    }

    @Test func `a task that is cancelled already sends nothing`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200) }
        let error = await Task { [transport] in
            withUnsafeCurrentTask { $0?.cancel() }
            return await self.error { try await transport.send(HTTPRequest(url: server.url)) }
        }.value
        #expect(error?.code == .cancelled)
        #expect(server.requests.isEmpty)
    }

    @Test func `shutting down ends what is under way and refuses the rest`() async throws {
        let (arrived, arrival) = AsyncStream.makeStream(of: Void.self)
        let server = try ScriptedServer { connection, _ in
            arrival.yield()
            connection.waitForClose()
        }
        async let first = error { try await transport.send(HTTPRequest(url: server.url)) }
        for await _ in arrived { break }
        transport.shutdown()
        #expect(await first?.code == .shutDown)
        let second = await error { try await transport.send(HTTPRequest(url: server.url)) }
        #expect(second?.code == .shutDown)
    }

    @Test(arguments: [
        "", "x", "ftp://host/", "http://", "http://host:0/", "http://host:99999/", "http://ho st/",
        "http://user@host/", "https://[::1",
    ])
    func `a malformed URL is refused`(url: String) async throws {
        let error = await error { try await transport.send(HTTPRequest(url: url)) }
        #expect(error?.code == .badURL, "\(url)")
        #expect(error?.isRetryable == false)
    }

    @Test func `a header cannot smuggle a line`() async throws {
        let server = try ScriptedServer { connection, _ in connection.respond(200) }
        for header in [HTTPHeader("X", "a\r\nEvil: 1"), HTTPHeader("X: 1\r\nEvil", "2"), HTTPHeader("", "v")]
        {
            let error = await error {
                try await transport.send(HTTPRequest(url: server.url, headers: [header]))
            }
            #expect(error?.code == .invalidRequest)
        }
        #expect(server.requests.isEmpty)
    }

    private func error<T: Sendable>(
        _ body: () async throws -> T
    ) async -> TransportError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? TransportError
        }
    }
}
