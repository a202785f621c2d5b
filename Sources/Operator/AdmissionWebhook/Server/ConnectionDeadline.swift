import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// Limits of a client's requests and connections.
public struct ConnectionLimits: Hashable, Sendable {
    /// Bytes of a request's body, at most.
    public var bodyBytes: Int
    /// Time from a request's first byte to its last. For the first request it begins with the connection.
    public var requestTimeout: Duration
    /// Time from a request's last byte to the answer's.
    public var responseTimeout: Duration
    /// Time between two requests. API servers keep connections for 90 s.
    public var idleTimeout: Duration
    /// Open connections, at most; more wait to be accepted.
    public var connections: Int

    public init(
        bodyBytes: Int = 3 << 20, requestTimeout: Duration = .seconds(10),
        responseTimeout: Duration = .seconds(30), idleTimeout: Duration = .seconds(120),
        connections: Int = 128
    ) {
        self.bodyBytes = bodyBytes
        self.requestTimeout = requestTimeout
        self.responseTimeout = responseTimeout
        self.idleTimeout = idleTimeout
        self.connections = connections
    }
}

/// A child channel that closes the connections of clients that exceed the limits. A byte now and then does
/// not extend them: they count whole requests.
struct TimedChannel<Base: HTTPChannelHandler>: ServerChildChannel {
    let base: Base
    let limits: ConnectionLimits

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(ConnectionDeadline(limits))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

extension TimedChannel: HTTPChannelHandler {
    var responder: HTTPChannelHandler.Responder { base.responder }
}

/// Message from `RequestProgressHandler` to `ConnectionDeadline`.
enum RequestProgress: Sendable {
    case received, answered
}

/// Enforces the limits, at the place in the pipeline where bytes are decrypted and not yet parsed.
final class ConnectionDeadline: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case idle
        case receiving
        case responding(nextHasBegun: Bool)
    }

    private let limits: ConnectionLimits
    private var state = State.receiving
    private var timer: Scheduled<Void>?

    init(_ limits: ConnectionLimits) { self.limits = limits }

    func handlerAdded(context: ChannelHandlerContext) { enter(.receiving, context) }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .idle: enter(.receiving, context)
        case .receiving: break
        case .responding: state = .responding(nextHasBegun: true)
        }
        context.fireChannelRead(data)
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard let progress = event as? RequestProgress else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        switch (progress, state) {
        case (.received, _): enter(.responding(nextHasBegun: false), context)
        case (.answered, .responding(nextHasBegun: true)): enter(.receiving, context)
        case (.answered, _): enter(.idle, context)
        }
        promise?.succeed()
    }

    private func enter(_ state: State, _ context: ChannelHandlerContext) {
        self.state = state
        timer?.cancel()
        let timeout =
            switch state {
            case .idle: limits.idleTimeout
            case .receiving: limits.requestTimeout
            case .responding: limits.responseTimeout
            }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
            context.close(promise: nil)
        }
    }
}

/// Tells when a request or an answer is complete, at the place in the pipeline where both are parsed; hangs
/// up after an answer that did not wait for the rest of the request.
final class RequestProgressHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var isReceiving = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: isReceiving = true
        case .body: break
        case .end:
            isReceiving = false
            context.triggerUserOutboundEvent(RequestProgress.received, promise: nil)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        if isReceiving {
            context.writeAndFlush(data, promise: promise)
            context.close(promise: nil)
        } else {
            context.write(data, promise: promise)
            context.triggerUserOutboundEvent(RequestProgress.answered, promise: nil)
        }
    }
}
