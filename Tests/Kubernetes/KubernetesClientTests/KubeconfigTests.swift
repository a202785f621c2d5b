import FoundationEssentials
import KubernetesAPI
import Testing

@testable import KubernetesClient

struct KubeconfigTests {
    static let first = """
        apiVersion: v1
        kind: Config
        current-context: dev
        clusters:
        - name: local
          cluster:
            server: https://127.0.0.1:6443/
            certificate-authority-data: Y2E=
        contexts:
        - name: dev
          context: {cluster: local, user: admin, namespace: team-a}
        users:
        - name: admin
          user: {token: 0123456789}
        """
    static let second = """
        current-context: prod
        clusters:
        - name: local
          cluster: {server: https://ignored}
        - name: far
          cluster: {server: https://far:443, certificate-authority: ca.crt, tls-server-name: kubernetes}
        contexts:
        - name: prod
          context: {cluster: far, user: robot}
        - name: certificates
          context: {cluster: far, user: certified}
        users:
        - name: robot
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: ./bin/login
              args: [get, token]
              env: [{name: A, value: "1"}]
        - name: certified
          user: {client-certificate: /abs/tls.crt, client-key: tls.key}
        """

    private func merged() throws -> MergedKubeconfig {
        var config = MergedKubeconfig()
        try config.merge(Self.first, name: "one", directory: "/one")
        try config.merge(Self.second, name: "two", directory: "/two/")
        return config
    }

    @Test func `the first file that names an entry wins`() throws {
        let config = try merged()
        let current = try config.configuration()
        #expect(current.server == "https://127.0.0.1:6443")
        #expect(current.namespace == "team-a")
        #expect(current.tls.certificateAuthority == Data("ca".utf8))
        // A token of digits stays a text.
        #expect(current.credentials == .token("0123456789"))
        #expect(config.contextNames == ["certificates", "dev", "prod"])
    }

    @Test func `relative paths start at their file`() throws {
        let prod = try merged().configuration(context: "prod")
        #expect(prod.certificateAuthorityFile == "/two/ca.crt")
        #expect(prod.tls.serverName == "kubernetes")
        #expect(prod.namespace == "default")
        guard case .exec(let plugin) = prod.credentials else {
            Issue.record("\(prod.credentials)")
            return
        }
        #expect(plugin.command == "/two/./bin/login" && plugin.arguments == ["get", "token"])
        #expect(plugin.environment == ["A": "1"])
        let certified = try merged().configuration(context: "certificates")
        #expect(
            certified.credentials
                == .clientCertificateFiles(certificate: "/abs/tls.crt", key: "/two/tls.key"))
    }

    @Test(arguments: [
        ("contexts: [{name: c, context: {cluster: x}}]\ncurrent-context: c", "the cluster 'x'"),
        ("current-context: c", "no context 'c'"), ("{}", "no current-context"), ("- a", "is no kubeconfig"),
        ("a: [", "is no kubeconfig"), ("", "no current-context"),
        (
            "clusters: [{name: x, cluster: {}}]\ncontexts: [{name: c, context: {cluster: x}}]\ncurrent-context: c",
            "has no server"
        ),
        (first.replacing("Y2E=", with: "'%%'"), "is not base64"),
        (first.replacing("token: 0123456789", with: "client-certificate-data: Y2E="), "and its key"),
        (first.replacing("user: admin", with: "user: nobody"), "the user 'nobody'"),
        (first.replacing("{token: 0123456789}", with: "{exec: {}}"), "users[0].user.exec.command"),
    ])
    func `an error in a kubeconfig is named`(text: String, message: String) throws {
        let error = #expect(throws: KubernetesError.self) {
            var config = MergedKubeconfig()
            try config.merge(text, name: "file", directory: "/")
            _ = try config.configuration()
        }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test func `several files are named by the environment`() throws {
        #expect(MergedKubeconfig.paths(environment: ["KUBECONFIG": "/a:/b:"]) == ["/a", "/b"])
        #expect(MergedKubeconfig.paths(environment: ["HOME": "/h"]) == ["/h/.kube/config"])
        #expect(throws: KubernetesError.self) { try MergedKubeconfig.load(paths: ["/nowhere/config"]) }
    }

    @Test func `the pod's service account is used in a cluster`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "sa-\(UUID().uuidString)")
            .path()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try Data("t".utf8).write(to: URL(filePath: directory + "/token"))
        try Data("team\n".utf8).write(to: URL(filePath: directory + "/namespace"))
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        let configuration = try ClusterConfiguration.inCluster(environment: environment, directory: directory)
        #expect(configuration.server == "https://[fd00::1]:443")
        #expect(configuration.namespace == "team")
        #expect(configuration.credentials == .tokenFile(path: directory + "/token"))
        #expect(throws: KubernetesError.self) {
            try ClusterConfiguration.inCluster(environment: [:], directory: directory)
        }
    }
}
