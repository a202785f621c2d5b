import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import KubernetesAPI
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle

/// Serves containers' output on loopback: `GET /containerLogs/{namespace}/{pod}/{container}`, with
/// `?follow&tailLines&previous&limitBytes&sinceSeconds&sinceTime&timestamps`.
struct LogServer: ServiceLifecycle.Service {
    let directory: LogDirectory
    let readers: LogReaders
    let port: Int
    let clock: NodeClock
    let logger: Logger
    /// Called with the port once the server listens.
    let onListening: @Sendable (Int) async -> Void

    func run() async throws {
        let router = Router(context: BasicRequestContext.self)
        router.get("/containerLogs/:namespace/:pod/:container") { request, context in
            try respond(request, context)
        }
        // The server only reports connections that broke off.
        var quiet = logger
        quiet.logLevel = .critical
        let application = Application(
            router: router, server: try channel(),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                guard let port = channel.localAddress?.port else { return }
                await onListening(port)
            }, logger: quiet)
        try await application.run()
    }

    private func channel() throws -> HTTPServerBuilder {
        guard let files = readers.tls else { return .http1() }
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem)))
        tls.trustRoots = .file(files.clientAuthority)
        // A client without a certificate of that authority gets no connection.
        tls.certificateVerification = .noHostnameVerification
        return try .tls(.http1(), tlsConfiguration: tls)
    }

    private func mayRead(_ request: Request) -> Bool {
        if readers.tls != nil { return true }
        guard let token = readers.token else { return false }
        return request.headers[.authorization] == "Bearer \(token)"
    }

    private func respond(_ request: Request, _ context: some RequestContext) throws -> Response {
        guard mayRead(request) else {
            return Self.text(.unauthorized, "the bearer token is missing or wrong")
        }
        let key = ObjectKey(
            namespace: context.parameters.get("namespace") ?? "", name: context.parameters.get("pod") ?? "")
        let container = context.parameters.get("container") ?? ""
        switch directory.find(key, container: container) {
        case .noPod: return Self.text(.notFound, "pod \"\(key.name)\" is not on this node")
        case .noContainer:
            return Self.text(.badRequest, "container \(container) is not valid for pod \(key.name)")
        case .notStarted:
            return Self.text(
                .badRequest,
                "container \"\(container)\" in pod \"\(key.name)\" is waiting to start: ContainerCreating")
        case .logs(let logs): return send(logs, options(request), key, container)
        }
    }

    private func send(
        _ logs: ContainerLogs, _ options: LogOptions, _ key: ObjectKey, _ container: String
    ) -> Response {
        var path = logs.current
        if options.previous {
            guard let previous = logs.previous else {
                return Self.text(
                    .badRequest,
                    "previous terminated container \"\(container)\" in pod \"\(key.name)\" not found")
            }
            path = previous
        }
        let reader = LogReader(log: path)
        let (text, offset) = reader.read(options)
        guard options.follow, !options.previous else { return Self.text(.ok, text) }
        let body = ResponseBody { [path] writer in
            try await writer.write(ByteBuffer(string: text))
            try await follow(reader, from: offset, options, key, container, path, &writer)
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/plain"], body: body)
    }

    /// Sends appended text until the container has ended and all of it is sent.
    private func follow(
        _ reader: LogReader, from start: Int64, _ options: LogOptions, _ key: ObjectKey, _ container: String,
        _ path: String, _ writer: inout any ResponseBodyWriter
    ) async throws {
        var offset = start
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            let isRunning: Bool
            if case .logs(let logs) = directory.find(key, container: container) {
                isRunning = logs.isRunning && logs.current == path
            } else {
                isRunning = false
            }
            let (text, next) = reader.read(
                from: offset, timestamps: options.timestamps, now: clock.milliseconds())
            offset = next
            if !text.isEmpty {
                try await writer.write(ByteBuffer(string: text))
            } else if !isRunning {
                return
            }
            try await Task.sleep(for: .milliseconds(150))
        }
    }

    private func options(_ request: Request) -> LogOptions {
        func value(_ name: String) -> String? {
            request.uri.queryParameters[Substring(name)].map(String.init)
        }
        func flag(_ name: String) -> Bool { ["true", "1"].contains(value(name) ?? "") }
        var options = LogOptions()
        options.follow = flag("follow")
        options.previous = flag("previous")
        options.timestamps = flag("timestamps")
        options.tailLines = value("tailLines").flatMap { Int($0) }
        options.limitBytes = value("limitBytes").flatMap { Int($0) }
        if let seconds = value("sinceSeconds").flatMap({ Int64($0) }) {
            options.since = clock.milliseconds() - 1000 * min(max(0, seconds), 1 << 40)
        }
        if let time = value("sinceTime").flatMap({ MicroTime($0) }) {
            // A line's time has milliseconds, so the instant is rounded up to one.
            options.since = time.seconds * 1000 + (time.microseconds + 999) / 1000
        }
        return options
    }

    private static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
