import AdmissionWebhook
import ArgumentParser
import KubernetesAPI

/// The admission webhook, and the certificates that it serves with.
struct WebhookOptions: ParsableArguments {
    @Option(
        name: .customLong("webhook-port"),
        help: "Port of the admission webhook; 0 for none (default: 9443 in a pod, else 0).")
    var port: Int?

    @Option(
        name: .customLong("webhook-bind-address"),
        help: "Address on which it listens (default: 0.0.0.0 in a pod, else 127.0.0.1).")
    var bindAddress: String?

    @Option(
        name: .customLong("webhook-secret"),
        help: "Secret of the operator's namespace with its certificates; made if there is none.")
    var secret = "anneal-webhook-tls"

    @Option(
        name: .customLong("webhook-service"),
        help: "Service of the operator's namespace by which API servers call it.")
    var service = "anneal-webhook"

    @Option(
        name: .customLong("webhook-host"),
        help: "A further name or IP address by which API servers call it. Can be given several times.")
    var hosts: [String] = []

    @Option(
        name: .customLong("webhook-configuration"),
        help:
            "Name of the webhook configurations, mutating and validating, whose caBundle is kept up to date.")
    var configurationName = "anneal"

    @Option(
        name: .customLong("webhook-certificate-directory"),
        help: "A folder with tls.crt and tls.key that cert-manager keeps, instead of certificates of our own."
    )
    var certificateDirectory: String?

    @Option(
        name: .customLong("webhook-ca-seconds"),
        help: "How long an authority of ours lives. It is replaced when two thirds are over.")
    var authoritySeconds: Int64 = 31_536_000

    @Option(
        name: .customLong("webhook-certificate-seconds"),
        help: "How long a serving certificate of ours lives. It is replaced when two thirds are over.")
    var certificateSeconds: Int64 = 7_776_000

    func validate() throws {
        if let port, !(0...65_535).contains(port) {
            throw ValidationError("--webhook-port is \(port); it must be from 0 to 65535")
        }
        for (flag, seconds) in [
            ("--webhook-ca-seconds", authoritySeconds), ("--webhook-certificate-seconds", certificateSeconds),
        ] where !(10...1_000_000_000).contains(seconds) {
            throw ValidationError("\(flag) is \(seconds); it must be from 10 to 1000000000")
        }
    }

    func configuration(ownNamespace: String, isInPod: Bool) -> AdmissionWebhook.Configuration? {
        let port = port ?? (isInPod ? 9443 : 0)
        guard port != 0 else { return nil }
        let server = WebhookServer.Configuration(
            address: bindAddress ?? (isInPod ? "0.0.0.0" : "127.0.0.1"), port: port)
        if let certificateDirectory {
            return AdmissionWebhook.Configuration(
                server: server, certificates: .directory(certificateDirectory))
        }
        let name = "\(service).\(ownNamespace)"
        let own = WebhookPublisher.Configuration(
            secret: ObjectKey(namespace: ownNamespace, name: secret), configurationName: configurationName,
            names: ["\(name).svc", "\(name).svc.cluster.local", name] + hosts,
            lifetimes: CertificateLifetimes(authority: authoritySeconds, serving: certificateSeconds))
        return AdmissionWebhook.Configuration(server: server, certificates: .own(own))
    }
}
