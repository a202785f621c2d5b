import FoundationEssentials
import HTTPTransport
import KubernetesAPI
import KubernetesClient
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

@testable import AdmissionWebhook

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A webhook that serves on loopback while a test runs, from certificates in a folder.
struct LiveWebhook: Sendable {
    static let names = ["127.0.0.1"]
    let port: Int
    let certificates: WebhookCertificates
    let transport: HTTPTransport

    /// Serves until `body` returns, then stops gracefully.
    static func run(
        limits: ConnectionLimits = ConnectionLimits(),
        controller: AdmissionController = ReviewSamples.controller,
        access: AccessReviewer = AccessReviewer { _ in throw CancellationError() },
        observer: @escaping @Sendable (ReviewObservation) -> Void = { _ in },
        _ body: @escaping @Sendable (LiveWebhook, ServiceGroup) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let certificates = WebhookCertificates(.directory("/nonexistent"), logger: logger)
        try certificates.serve(try Self.issue())
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = WebhookServer(
            configuration: .init(address: "127.0.0.1", port: 0, limits: limits), certificates: certificates,
            controller: controller, access: access, eventLoopGroup: group, logger: logger,
            observer: observer, onListening: { continuation.yield($0) })
        let services = ServiceGroup(services: [server], logger: logger)
        let transport = HTTPTransport(logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await services.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            do {
                try await body(
                    LiveWebhook(port: port, certificates: certificates, transport: transport), services)
            } catch {
                await services.triggerGracefulShutdown()
                throw error
            }
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        transport.shutdown()
        try await group.shutdownGracefully()
    }

    static let authorities = try? CertificateIssuer(names: names, lifetimes: CertificateLifetimes())
        .apply(.startOver(why: ""), to: CertificateMaterial(), now: now)

    static var now: Timestamp { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }

    /// Another serving certificate of the one authority.
    static func issue() throws -> CertificateMaterial {
        try CertificateIssuer(names: names, lifetimes: CertificateLifetimes())
            .apply(.issueServing(why: ""), to: #require(authorities), now: now)
    }

    func post(
        _ path: String, _ body: Data, method: String = "POST", contentType: String? = "application/json",
        over transport: HTTPTransport? = nil
    ) async throws -> HTTPResponse {
        var request = HTTPRequest(method: method, url: "https://127.0.0.1:\(port)\(path)")
        request.body = method == "GET" ? .none : .data(body)
        if let contentType { request.headers = [HTTPHeader("Content-Type", contentType)] }
        request.tls = TLSOptions(certificateAuthority: try #require(Self.authorities).bundle())
        request.timeout = .seconds(20)
        return try await (transport ?? self.transport).send(request)
    }
}

extension WebhookCertificates {
    /// Serves with what the material holds, as if it had come by a Secret.
    func serve(_ material: CertificateMaterial) throws {
        let serving = try #require(material.serving)
        _ = try holder.replace(certificate: serving.chainPEM, privateKey: serving.keyPEM)
    }
}

/// Counts across tasks.
final class Tally: Sendable {
    private let value = Mutex(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}

/// A TCP connection on which a test writes what it likes.
final class RawConnection: Sendable {
    private let socket: Int32

    init?(port: Int) {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard socket >= 0, connected == 0 else { return nil }
        self.socket = socket
    }

    deinit { close(socket) }

    func write(_ bytes: [UInt8]) { _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    /// How long the server takes to hang up; it blocks.
    func secondsUntilClosed() -> Duration {
        let start = ContinuousClock.now
        var buffer = [UInt8](repeating: 0, count: 4096)
        while recv(socket, &buffer, buffer.count, 0) > 0 {}
        return start.duration(to: .now)
    }
}
