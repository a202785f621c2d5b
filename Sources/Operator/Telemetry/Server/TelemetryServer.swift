import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// Answers `GET` over plain HTTP: `/metrics`, and `/healthz` and `/readyz`, in full with `?verbose`.
public struct TelemetryServer: ServiceLifecycle.Service, CustomStringConvertible {
    public var description: String { "TelemetryServer(\(address):\(port))" }

    /// Endpoints of a server; one port may have them all.
    public struct Endpoints: Sendable {
        public var metrics: PrometheusRegistry?
        public var liveness: [HealthCheck]?
        public var readiness: [HealthCheck]?

        public init(
            metrics: PrometheusRegistry? = nil, liveness: [HealthCheck]? = nil,
            readiness: [HealthCheck]? = nil
        ) {
            self.metrics = metrics
            self.liveness = liveness
            self.readiness = readiness
        }
    }

    private static let textFormat = "text/plain; version=0.0.4; charset=utf-8"
    private static let idleSeconds: Int64 = 120

    private let address: String
    private let port: Int
    private let endpoints: Endpoints
    private let eventLoopGroup: any EventLoopGroup
    private let onListening: @Sendable (Int) async -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - port: 0 for any free one.
    ///   - onListening: called with the port once the server listens.
    public init(
        address: String, port: Int, endpoints: Endpoints, eventLoopGroup: any EventLoopGroup, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.address = address
        self.port = port
        self.endpoints = endpoints
        self.eventLoopGroup = eventLoopGroup
        self.onListening = onListening
        self.logger = logger
    }

    public func run() async throws {
        let router = Router(context: BasicRequestContext.self)
        if let metrics = endpoints.metrics {
            router.get("/metrics") { _, _ in
                Self.text(metrics.text(), type: Self.textFormat)
            }
        }
        if let checks = endpoints.liveness { route("healthz", checks, in: router) }
        if let checks = endpoints.readiness { route("readyz", checks, in: router) }
        // The server only reports connections that broke off.
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            router: router,
            server: .http1(configuration: .init(idleTimeout: .seconds(Self.idleSeconds))),
            configuration: ApplicationConfiguration(address: .hostname(address, port: port)),
            onServerRunning: { channel in
                guard let port = channel.localAddress?.port else { return }
                await onListening(port)
            },
            eventLoopGroupProvider: .shared(eventLoopGroup), logger: quiet)
        do {
            try await application.run()
        } catch let error as IOError {
            throw CannotListen(address: address, port: port, reason: error)
        }
    }

    private func route(
        _ endpoint: String, _ checks: [HealthCheck], in router: Router<BasicRequestContext>
    ) {
        router.get("/\(endpoint)") { request, _ in
            let report = await HealthReport(endpoint, checks)
            guard report.isHealthy else { return Self.text(report.details, status: .internalServerError) }
            let isVerbose = request.uri.queryParameters["verbose"] != nil
            return Self.text(isVerbose ? report.details : "ok")
        }
    }

    private static func text(
        _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// A port on which the server cannot listen.
struct CannotListen: Error, CustomStringConvertible {
    var address: String
    var port: Int
    var reason: IOError
    var description: String {
        "cannot listen on \(address):\(port): \(reason); choose another port, or 0 to go without"
    }
}
