import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import NIOCore
import ServiceLifecycle

/// The webhook as an operator runs it: what each replica does, and what the leader does besides.
public struct AdmissionWebhook: Sendable {
    public struct Configuration: Hashable, Sendable {
        public enum Certificates: Hashable, Sendable {
            /// Of our own authority, in a Secret.
            case own(WebhookPublisher.Configuration)
            /// A folder in which somebody else keeps `tls.crt` and `tls.key`.
            case directory(String)
        }

        public var server: WebhookServer.Configuration
        public var certificates: Certificates

        public init(server: WebhookServer.Configuration, certificates: Certificates) {
            self.server = server
            self.certificates = certificates
        }
    }

    private let certificates: WebhookCertificates
    private let server: WebhookServer
    private let publisher: WebhookPublisher?

    /// - Parameters:
    ///   - client: reads, and asks about rights.
    ///   - leaderClient: fenced; for what only the leader writes.
    ///   - observer: called after each review; it must be quick.
    public init(
        _ configuration: Configuration, controller: AdmissionController, client: KubernetesClient,
        leaderClient: KubernetesClient, eventLoopGroup: any EventLoopGroup, logger: Logger,
        observer: @escaping @Sendable (ReviewObservation) -> Void = { _ in }
    ) {
        var publisher: WebhookPublisher?
        switch configuration.certificates {
        case .directory(let path): certificates = WebhookCertificates(.directory(path), logger: logger)
        case .own(let own):
            certificates = WebhookCertificates(.secret(client, own.secret), logger: logger)
            publisher = WebhookPublisher(
                client: leaderClient, certificates: certificates, configuration: own, logger: logger)
        }
        self.publisher = publisher
        server = WebhookServer(
            configuration: configuration.server, certificates: certificates, controller: controller,
            access: AccessReviewer(client: client), eventLoopGroup: eventLoopGroup, logger: logger,
            observer: observer)
    }

    /// Runs in every replica.
    public var services: [any ServiceLifecycle.Service] { [certificates, server] }
    /// Runs while this process leads; each may be run again.
    public var leaderServices: [any ServiceLifecycle.Service] { publisher.map { [$0] } ?? [] }

    /// Why it can't answer now, for a readiness check; nil if it can.
    public var problem: String? { server.problem }
}
