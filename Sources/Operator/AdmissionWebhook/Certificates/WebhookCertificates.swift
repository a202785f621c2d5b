import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import ServiceLifecycle

/// Follows the certificate that this process serves with. Runs in every replica; writes nothing.
public final class WebhookCertificates: ServiceLifecycle.Service {
    public enum Source: Sendable {
        /// The Secret that `WebhookPublisher` keeps.
        case secret(KubernetesClient, ObjectKey)
        /// A folder with `tls.crt` and `tls.key` that another program keeps: cert-manager, through a mounted
        /// Secret.
        case directory(String)
    }

    private enum Supply: Sendable {
        case secret(Informer<Secret>)
        case directory(String)
    }

    /// Time between two looks into a folder.
    private static let directoryInterval = Duration.seconds(10)

    let holder = CertificateHolder()
    private let supply: Supply
    private let clock: any Clock<Duration>
    private let logger: Logger

    public init(
        _ source: Source, clock: any Clock<Duration> = ContinuousClock(),
        logger: Logger = Logger(label: "anneal.webhook")
    ) {
        switch source {
        case .directory(let path): supply = .directory(path)
        case .secret(let client, let key):
            supply = .secret(
                Informer(
                    client: client, namespace: key.namespace,
                    options: .init(fieldSelector: "metadata.name=\(key.name)", listsFirst: true),
                    clock: clock,
                    logger: logger))
        }
        self.clock = clock
        self.logger = logger
        // A deleted Secret is made anew; until then its last content serves.
        secrets?.addHandler { [weak self] change in
            switch change {
            case .added(let secret), .updated(_, let secret): self?.take(secret)
            case .deleted: break
            }
        }
    }

    /// Whether there is a certificate to serve with.
    public var isReady: Bool { holder.current != nil }

    var secrets: Informer<Secret>? {
        switch supply {
        case .secret(let informer): informer
        case .directory: nil
        }
    }

    public func run() async throws {
        switch supply {
        case .secret(let informer): try await informer.run()
        case .directory(let path): await cancelWhenGracefulShutdown { await self.follow(path) }
        }
    }

    private func follow(_ path: String) async {
        while !Task.isCancelled {
            read(path)
            try? await clock.sleep(for: Self.directoryInterval)
        }
    }

    private func read(_ path: String) {
        func text(_ name: String) -> String? {
            FileManager.default.contents(atPath: "\(path)/\(name)").map {
                String(decoding: $0, as: UTF8.self)
            }
        }
        guard let certificate = text(CertificateMaterial.Key.certificate),
            let key = text(CertificateMaterial.Key.privateKey)
        else {
            logger.warning("there is no tls.crt or no tls.key", metadata: ["folder": "\(path)"])
            return
        }
        use(certificate, key, from: path)
    }

    private func take(_ secret: Secret) {
        let texts = [CertificateMaterial.Key.certificate, CertificateMaterial.Key.privateKey].compactMap {
            secret.data?[$0].map { String(decoding: $0, as: UTF8.self) }
        }
        guard let certificate = texts.first, let key = texts.dropFirst().first else {
            logger.warning("the Secret has no tls.crt or no tls.key", metadata: ["secret": "\(secret.key)"])
            return
        }
        use(certificate, key, from: "Secret \(secret.key)")
    }

    private func use(_ certificate: String, _ key: String, from origin: String) {
        do {
            guard try holder.replace(certificate: certificate, privateKey: key) else { return }
            logger.info("serving with a new certificate", metadata: ["from": "\(origin)"])
        } catch {
            logger.error(
                "a certificate can't be used and is left aside: \(error)", metadata: ["from": "\(origin)"])
        }
    }
}
