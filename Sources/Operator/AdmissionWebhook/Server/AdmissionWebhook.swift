import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import NIOCore
import ServiceLifecycle

/// The webhook's services, for each replica and for the leader.
public struct AdmissionWebhook: Sendable {
    public struct Configuration: Hashable, Sendable {
        public enum Certificates: Hashable, Sendable {
            /// An authority of the webhook's own, in a Secret.
            case own(WebhookPublisher.Configuration)
            /// A folder in which another program keeps `tls.crt` and `tls.key`.
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
    ///   - leaderClient: fenced, for writes that only the leader makes.
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

    /// Services that run in every replica.
    public var services: [any ServiceLifecycle.Service] { [certificates, server] }
    /// Services that run while this process leads; each may run again.
    public var leaderServices: [any ServiceLifecycle.Service] { publisher.map { [$0] } ?? [] }

    /// Reason why the webhook cannot answer now, for a readiness check; nil if it can.
    public var problem: String? { server.problem }
}
