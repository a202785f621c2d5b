import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Hummingbird, in front of the router: TLS, HTTP/2 and HTTP/1.1, limits on what clients may send, and
/// streams.
struct HTTPListener: Sendable {
    /// Bytes of a request's body, as a real server limits them.
    static let bodyLimit = 3 << 20
    /// Time after which a client that is still sending its body is given up.
    static let bodyTimeout = Duration.seconds(30)

    let router: RequestRouter
    let certificates: CertificateFiles
    let host: String
    let logger: Logger

    /// - Parameters:
    ///   - mayChangePort: takes any free port if `port` is taken
    ///   - onListening: told the port
    func run(port: Int, mayChangePort: Bool, onListening: @escaping @Sendable (Int) -> Void) async throws {
        do {
            try await serve(port: port, onListening)
        } catch let error as IOError where mayChangePort && port != 0 && error.errnoCode == EADDRINUSE {
            try await serve(port: 0, onListening)
        }
    }

    private func serve(port: Int, _ onListening: @escaping @Sendable (Int) -> Void) async throws {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificates.certificate.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(certificates.key.utf8), format: .pem)
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .tlsv12
        let application = Application(
            responder: HTTPResponderAdapter(router: router, logger: logger),
            // Hummingbird's HTTP/2 hangs up after 200 frames that came late for their streams, which a busy
            // client sends in minutes.
            server: try .tls(.http1(), tlsConfiguration: tls),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in
                onListening(channel.localAddress?.port ?? port)
            }, logger: logger)
        try await application.run()
    }
}

/// Translates between Hummingbird's requests and ours.
private struct HTTPResponderAdapter: HTTPResponder {
    typealias Context = ConnectionContext

    let router: RequestRouter
    let logger: Logger

    func respond(to request: Request, context: Context) async throws -> Response {
        let body: Data
        do {
            body = try await collect(request.body)
        } catch {
            return response(.error(error), context.channel)
        }
        var headers: [String: String] = [:]
        for field in request.headers {
            let name = field.name.canonicalName
            headers[name] = headers[name].map { "\($0),\(field.value)" } ?? field.value
        }
        let answer = await router.respond(
            to: IncomingRequest(
                method: request.method.rawValue, target: request.uri.string, headers: headers, body: body))
        return response(answer, context.channel)
    }

    /// The whole body, within the limits of size and time.
    private func collect(_ body: RequestBody) async throws(APIError) -> Data {
        let buffer: ByteBuffer?
        do {
            buffer = try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
                group.addTask { try await body.collect(upTo: HTTPListener.bodyLimit) }
                group.addTask {
                    try await Task.sleep(for: HTTPListener.bodyTimeout)
                    return nil
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
        } catch is NIOTooManyBytesError {
            throw APIError(
                code: 413, reason: "RequestEntityTooLarge",
                message: "Request entity too large: limit is \(HTTPListener.bodyLimit)")
        } catch {
            throw .badRequest("the body could not be read: \(error)")
        }
        guard let buffer else {
            throw APIError(
                code: 408, reason: "Timeout",
                message: "the request's body did not come within \(HTTPListener.bodyTimeout)")
        }
        return Data(buffer.readableBytesView)
    }

    private func response(_ answer: APIResponse, _ channel: any Channel) -> Response {
        var fields = HTTPFields()
        for header in answer.headers {
            guard let name = HTTPField.Name(header.name) else { continue }
            fields.append(HTTPField(name: name, value: header.value))
        }
        let status = HTTPResponse.Status(code: answer.status)
        switch answer.body {
        case .none: return Response(status: status, headers: fields)
        case .data(let data):
            return Response(
                status: status, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
        case .stream(let stream):
            // A client that hangs up is noticed when something is written: an event, or a bookmark.
            channel.closeFuture.whenComplete { _ in stream.cancel() }
            return Response(status: status, headers: fields, body: Self.body(stream))
        }
    }

    private static func body(_ stream: ByteStream) -> ResponseBody {
        ResponseBody { writer in
            var sink: any ByteSink = WriterSink(writer: writer)
            try await stream.run(&sink)
            try await writer.finish(nil)
        }
    }
}

/// A request's context that knows its connection.
private struct ConnectionContext: Hummingbird.RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

private struct WriterSink: ByteSink {
    var writer: any ResponseBodyWriter

    mutating func write(_ data: Data) async throws { try await writer.write(ByteBuffer(bytes: data)) }
}
