import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCertificateReloading
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Answers API servers over TLS: `POST /mutate` and `POST /validate`, each an AdmissionReview.
public final class WebhookServer: ServiceLifecycle.Service {
    public struct Configuration: Hashable, Sendable {
        public var address: String
        /// Port; 0 for any free one.
        public var port: Int
        public var limits: ConnectionLimits

        public init(address: String = "0.0.0.0", port: Int, limits: ConnectionLimits = ConnectionLimits()) {
            self.address = address
            self.port = port
            self.limits = limits
        }
    }

    private let configuration: Configuration
    private let certificates: WebhookCertificates
    private let responder: ReviewResponder
    private let eventLoopGroup: any EventLoopGroup
    private let onListening: @Sendable (Int) async -> Void
    private let logger: Logger
    private let isListening = Mutex(false)

    /// - Parameters:
    ///   - access: asked by the judges that decide by a user's rights.
    ///   - certificates: must be running; the server begins once there is one to serve with.
    ///   - observer: called after each request; it must be quick.
    ///   - onListening: called with the port once the server listens.
    public init(
        configuration: Configuration, certificates: WebhookCertificates, controller: AdmissionController,
        access: AccessReviewer, eventLoopGroup: any EventLoopGroup,
        logger: Logger = Logger(label: "anneal.webhook"),
        observer: @escaping @Sendable (ReviewObservation) -> Void = { _ in },
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.certificates = certificates
        self.eventLoopGroup = eventLoopGroup
        self.onListening = onListening
        self.logger = logger
        responder = ReviewResponder(
            controller: controller, access: access, bodyLimit: configuration.limits.bodyBytes, logger: logger,
            observer: observer)
    }

    /// Reason why the server cannot answer now, for a readiness check; nil if it can.
    public var problem: String? {
        guard certificates.isReady else {
            return "there is no serving certificate yet: the leader makes it, or cert-manager does"
        }
        return isListening.withLock { $0 } ? nil : "the server does not listen yet"
    }

    /// Serves until the service is shut down; requests under way are answered first.
    public func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.certificates.holder.waitUntilLoaded() }
        } catch is CancellationError {
            return
        }
        let server = try makeServer()
        defer { isListening.withLock { $0 = false } }
        do {
            try await server.run()
        } catch let error as IOError {
            throw CannotListen(configuration: configuration, reason: error)
        }
    }

    private func makeServer() throws -> any ServiceLifecycle.Service {
        var tls = try TLSConfiguration.makeServerConfiguration(certificateReloader: certificates.holder)
        tls.minimumTLSVersion = .tlsv12
        tls.applicationProtocols = ["http/1.1"]
        // Time between the goodbye and hanging up, if the client does not return it.
        tls.shutdownTimeout = .seconds(1)
        let limits = configuration.limits
        let builder = HTTPServerBuilder { [tls] answer in
            let http = HTTP1Channel(
                responder: answer,
                configuration: .init(additionalChannelHandlers: [RequestProgressHandler()]))
            return try TLSChannel(TimedChannel(base: http, limits: limits), tlsConfiguration: tls)
        }
        // Hummingbird only reports connections that broke off.
        var quiet = logger
        quiet.logLevel = .critical
        let responder = responder
        return try builder.buildServer(
            configuration: ServerConfiguration(
                address: .hostname(configuration.address, port: configuration.port),
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)),
            eventLoopGroup: eventLoopGroup, logger: quiet,
            responder: { request, writer, _ in
                let response = await responder.respond(to: request)
                try await writer.write(response: response.head, body: response.body)
            },
            onServerRunning: { channel in
                self.isListening.withLock { $0 = true }
                let port = channel.localAddress?.port ?? self.configuration.port
                self.logger.info("the webhook listens", metadata: ["port": "\(port)"])
                await self.onListening(port)
            })
    }
}

/// A port on which the webhook cannot listen.
struct CannotListen: Error, CustomStringConvertible {
    var configuration: WebhookServer.Configuration
    var reason: IOError
    var description: String {
        "the webhook cannot listen on \(configuration.address):\(configuration.port): \(reason); "
            + "choose another --webhook-port, or 0 to go without"
    }
}
