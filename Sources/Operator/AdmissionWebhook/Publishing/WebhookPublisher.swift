import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import ServiceLifecycle
import Synchronization
import X509

/// Keeps the Secret with the certificates, and the authorities in webhook configurations. One process at a
/// time may run it: the leader. It may run again after it has ended.
public final class WebhookPublisher: ServiceLifecycle.Service {
    public struct Configuration: Hashable, Sendable {
        /// The Secret, which is created if it is missing.
        public var secret: ObjectKey
        /// Name of the validating and of the mutating webhook configuration. A missing one is skipped.
        public var configurationName: String
        /// DNS names and IP addresses by which API servers call the webhook; at least one.
        public var names: [String]
        public var lifetimes: CertificateLifetimes

        public init(
            secret: ObjectKey, configurationName: String, names: [String],
            lifetimes: CertificateLifetimes = CertificateLifetimes()
        ) {
            self.secret = secret
            self.configurationName = configurationName
            self.names = names
            self.lifetimes = lifetimes
        }
    }

    /// Seconds between two looks, at most, even if nothing changed and nothing is due: clocks may be set.
    private static let mostWait: Int64 = 3600

    private let client: KubernetesClient
    private let certificates: WebhookCertificates
    private let configuration: Configuration
    private let issuer: CertificateIssuer
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    /// Queue of the run that is under way; nil between runs.
    private let queue = Mutex<WorkQueue<ObjectKey>?>(nil)

    /// - Parameters:
    ///   - client: fenced, so that it writes nothing once the process no longer leads.
    ///   - certificates: must follow the same Secret, and be running.
    public init(
        client: KubernetesClient, certificates: WebhookCertificates, configuration: Configuration,
        now: @escaping @Sendable () -> Timestamp = {
            Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        }, logger: Logger = Logger(label: "anneal.webhook")
    ) {
        self.client = client
        self.certificates = certificates
        self.configuration = configuration
        self.now = now
        self.logger = logger
        issuer = CertificateIssuer(names: configuration.names, lifetimes: configuration.lifetimes)
        certificates.secrets?.addHandler { [weak self] _ in self?.look() }
    }

    private func look() {
        let queue = queue.withLock { $0 }
        queue?.add(configuration.secret)
    }

    public func run() async throws {
        guard let secrets = certificates.secrets else { return }
        let validating = informer(ValidatingWebhookConfiguration.self)
        let mutating = informer(MutatingWebhookConfiguration.self)
        let queue = WorkQueue<ObjectKey>(
            backoff: JitteredBackoff(initial: .milliseconds(200), maximum: .seconds(10)))
        self.queue.withLock { $0 = queue }
        defer { self.queue.withLock { $0 = nil } }
        queue.add(configuration.secret)
        let pass = Pass(
            client: client, configuration: configuration, issuer: issuer, secrets: secrets.store,
            validating: validating.store, mutating: mutating.store, now: now, logger: logger)
        let controller = Controller(
            name: "webhook-certificates", queue: queue, workers: 1, logger: logger,
            waitUntilReady: {
                try await secrets.waitUntilSynced()
                try await validating.waitUntilSynced()
                try await mutating.waitUntilSynced()
            },
            reconcile: { _ in
                let until = try await pass.run()
                let seconds = min(max(until.seconds(since: pass.now()), 1), Self.mostWait)
                return Reconciliation(requeueAfter: .seconds(seconds))
            })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await validating.run() }
            group.addTask { try await mutating.run() }
            group.addTask { try await controller.run() }
            try await group.waitForAll()
        }
    }

    private func informer<R: WebhookConfiguration>(_: R.Type) -> Informer<R> {
        let informer = Informer<R>(
            client: client,
            options: .init(
                fieldSelector: "metadata.name=\(configuration.configurationName)", listsFirst: true),
            logger: logger)
        informer.addHandler { [weak self] _ in self?.look() }
        return informer
    }
}

/// Looks at the Secret and the configurations, and carries out one step.
private final class Pass: Sendable {
    /// The last write, until the watch shows it.
    private struct Write {
        /// The version that was overwritten; nil if there was no Secret.
        var version: String?
        var time: Timestamp
    }

    /// Seconds after which a write that the watch has not shown is repeated.
    private static let patience: Int64 = 10

    let client: KubernetesClient
    let configuration: WebhookPublisher.Configuration
    let issuer: CertificateIssuer
    let secrets: Store<Secret>
    let validating: Store<ValidatingWebhookConfiguration>
    let mutating: Store<MutatingWebhookConfiguration>
    let now: @Sendable () -> Timestamp
    let logger: Logger
    private let lastWrite = Mutex<Write?>(nil)

    init(
        client: KubernetesClient, configuration: WebhookPublisher.Configuration, issuer: CertificateIssuer,
        secrets: Store<Secret>, validating: Store<ValidatingWebhookConfiguration>,
        mutating: Store<MutatingWebhookConfiguration>, now: @escaping @Sendable () -> Timestamp,
        logger: Logger
    ) {
        self.client = client
        self.configuration = configuration
        self.issuer = issuer
        self.secrets = secrets
        self.validating = validating
        self.mutating = mutating
        self.now = now
        self.logger = logger
    }

    /// Takes one step.
    ///
    /// - Returns: the time of the next look if nothing changes before.
    func run() async throws -> Timestamp {
        let secret = secrets.get(configuration.secret)
        let last = lastWrite.withLock { $0 }
        if let last, last.version == secret?.metadata.resourceVersion {
            let due = last.time.advanced(by: Self.patience)
            if now() < due { return due }
        }
        var material = CertificateMaterial(decoding: secret?.data ?? [:])
        let bundle = try material.bundle()
        if !material.authorities.isEmpty {
            try await publish(bundle, to: validating)
            try await publish(bundle, to: mutating)
        }
        let step = CertificatePlanner.next(
            material, now: now(), names: configuration.names, lifetimes: configuration.lifetimes,
            isPublished: isPublished(bundle, in: validating) && isPublished(bundle, in: mutating))
        if case .wait(let until) = step { return until }
        logger.notice("renewing certificates", metadata: ["step": "\(step)"])
        if case .startOver = step { material.authorities = trusted(validating) + trusted(mutating) }
        let renewed = try issuer.apply(step, to: material, now: now())
        if case .startOver = step { await announce(try renewed.bundle()) }
        try await write(renewed, over: secret)
        let write = Write(version: secret?.metadata.resourceVersion, time: now())
        lastWrite.withLock { $0 = write }
        return write.time.advanced(by: Self.patience)
    }

    /// Authorities that callers trust now: other replicas still serve by them after a Secret was lost.
    private func trusted<R: WebhookConfiguration>(_ store: Store<R>) -> [Certificate] {
        let object = store.get(ObjectKey(name: configuration.configurationName))
        let bundles = Set((object?.webhooks ?? []).compactMap { $0.clientConfig?.caBundle })
        return bundles.flatMap {
            CertificateMaterial(decoding: [CertificateMaterial.Key.authorities: $0]).authorities
        }
    }

    /// Announces a new authority before anybody serves by it. If that fails, callers learn of it afterwards.
    private func announce(_ bundle: Data) async {
        do {
            try await publish(bundle, to: validating)
            try await publish(bundle, to: mutating)
        } catch {
            logger.warning("the new authority could not be announced: \(error)")
        }
    }

    private func write(_ material: CertificateMaterial, over secret: Secret?) async throws {
        let data = try material.encoded()
        guard let secret else {
            try await client.create(
                Secret(
                    metadata: ObjectMeta(
                        name: configuration.secret.name, namespace: configuration.secret.namespace,
                        labels: [
                            "app.kubernetes.io/name": "anneal", "app.kubernetes.io/component": "webhook",
                        ]
                    ), type: "kubernetes.io/tls", data: data), fieldManager: "anneal-operator")
            return
        }
        var patch: JSONValue = [
            "data": .object(data.mapValues { .string($0.base64EncodedString()) })
        ]
        // Of two processes that think they lead, one gets a conflict.
        patch["metadata"] = ["resourceVersion": .string(secret.metadata.resourceVersion ?? "")]
        try await client.patch(Secret.self, secret.key, .merge(patch))
    }

    private func isPublished<R: WebhookConfiguration>(_ bundle: Data, in store: Store<R>) -> Bool {
        guard let object = store.get(ObjectKey(name: configuration.configurationName)) else { return true }
        return BundlePublication.isPublished(bundle, in: object.webhooks ?? [])
    }

    private func publish<R: WebhookConfiguration>(_ bundle: Data, to store: Store<R>) async throws {
        guard let object = store.get(ObjectKey(name: configuration.configurationName)) else { return }
        let operations = BundlePublication.patch(bundle, for: object.webhooks ?? [])
        guard !operations.isEmpty else { return }
        logger.notice("publishing authorities", metadata: ["to": "\(R.resourceType.kind) \(object.name)"])
        try await client.patch(R.self, object.key, .json(operations))
    }
}
