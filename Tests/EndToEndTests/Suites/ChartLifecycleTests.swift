import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// The chart as Helm installs, upgrades, rolls back and uninstalls it, and what its README says of that. No
    /// operator runs: the image of the Deployment lies in no registry.
    @Suite(.needs(.vacancy), .emptyCluster("chart"), .serialized, .timeLimit(.minutes(4)))
    struct ChartLifecycle {
        private static let definitions = ["trainingjobs.anneal.dev", "evalruns.anneal.dev"]
        private static let kept = definitions.map { "customresourcedefinition.apiextensions.k8s.io/\($0)" }
        private static let webhooks = [
            "mutatingwebhookconfiguration.admissionregistration.k8s.io/anneal",
            "validatingwebhookconfiguration.admissionregistration.k8s.io/anneal",
        ]

        @Test func `a release comes, changes, goes back and goes, and leaves definitions and runs`()
            async throws
        {
            let helm = try HelmRelease()
            try await remove(helm)
            let rendering = try await helm("template")
            let count = rendering.components(separatedBy: "\nkind: ").count - 1
            #expect(try await helm.present(of: rendering) == [])

            let installed = try await helm.readme(commandWith: "--create-namespace")
            #expect(installed.succeeded, "\(installed.errors)")
            try await helm.cluster.definitionsEstablished()
            let objects = try await helm.present(of: rendering)
            #expect(objects.count == count && count > 15, "\(objects)")
            #expect(Set(Self.webhooks).isSubset(of: objects))
            #expect(try await replicas(helm) == "2")

            try await helm("upgrade", values: "{replicaCount: 3, webhook: {enabled: false}}")
            #expect(try await replicas(helm) == "3")
            #expect(Set(try await helm.present(of: rendering)).isDisjoint(with: Self.webhooks))
            // Nothing judges a run while there is no webhook.
            let team = try await Team.make("lifecycle")
            try await team.apply(suspended("kept", team))

            try await helm.rollBack()
            #expect(try await replicas(helm) == "2")
            #expect(try await helm.present(of: rendering) == objects)

            let said = try await helm.uninstall()
            for definition in Self.definitions { #expect(said.contains(definition)) }
            _ = try await eventually("all but the definitions are gone") {
                Set(try await helm.present(of: rendering)) == Set(Self.kept) ? true : nil
            }
            #expect(try await team.names(of: "trainingjobs") == ["trainingjob.anneal.dev/kept"])
            // The next release under this name finds them as its own.
            try await helm("install")
            try await helm.uninstall()
        }

        @Test func `definitions that kubectl made are taken over as the README says`() async throws {
            let helm = try HelmRelease()
            try await remove(helm)
            try await applyOlderDefinitions(helm.cluster)
            let team = try await Team.make("takeover")
            try await team.apply(suspended("mine", team))
            let before = try await team.object("trainingjob/mine")
            #expect(try await firstColumn(helm) == "older")

            let refused = try await helm.readme(commandWith: "--create-namespace")
            #expect(!refused.succeeded)
            #expect(refused.errors.contains("invalid ownership metadata"), "\(refused.errors)")
            let taken = try await helm.readme(commandWith: "--take-ownership --force-conflicts")
            #expect(taken.succeeded, "\(taken.errors)")
            #expect(try await firstColumn(helm) == "Where the run is")
            #expect(try await team.object("trainingjob/mine") == before)
            // From then on they are Helm's, without further options.
            try await helm("upgrade", values: "{commonLabels: {taken: over}}")
            let labels = try await helm.cluster.kubectl("get", "crd", "-l", "taken=over", "-o", "name")
            #expect(Set(labels.split(separator: "\n").map(String.init)) == Set(Self.kept))
            try await helm.uninstall()
        }

        @Test func `definitions go with the release where it is told not to keep them`() async throws {
            let helm = try HelmRelease()
            try await remove(helm)
            try await helm("install", values: "{crds: {keep: false}}", "--create-namespace")
            let rendering = try await helm("template")
            try await helm.uninstall()
            _ = try await eventually("everything is gone") {
                try await helm.present(of: rendering) == [] ? true : nil
            }
        }

        /// Makes a cluster as it is before anything of Anneal was there, the namespace included.
        private func remove(_ helm: HelmRelease) async throws {
            try await helm.cluster.kubectl(
                "delete", "namespace", OperatorAccess.namespace, "--ignore-not-found")
            for definition in Self.definitions {
                try await helm.cluster.kubectl("delete", "crd", definition, "--ignore-not-found")
            }
        }

        /// As of a version in which a column was described otherwise.
        private func applyOlderDefinitions(_ cluster: Cluster) async throws {
            let folder = cluster.servers.installation.repository.appendingPathComponent("crds")
            for file in try FileManager.default.contentsOfDirectory(
                at: folder, includingPropertiesForKeys: nil)
            {
                let older = try String(contentsOf: file, encoding: .utf8)
                    .replacingOccurrences(of: "description: Where the run is", with: "description: older")
                try await cluster.kubectl("apply", "-f", "-", input: Data(older.utf8))
            }
            try await cluster.definitionsEstablished()
        }

        private func firstColumn(_ helm: HelmRelease) async throws -> String {
            try await helm.cluster.kubectl(
                "get", "crd/trainingjobs.anneal.dev", "-o",
                "jsonpath={.spec.versions[0].additionalPrinterColumns[0].description}")
        }

        private func replicas(_ helm: HelmRelease) async throws -> String {
            try await helm.cluster.kubectl(
                "-n", OperatorAccess.namespace, "get", "deployment/anneal-operator", "-o",
                "jsonpath={.spec.replicas}")
        }

        private func suspended(_ name: String, _ team: Team) -> JSONValue {
            var manifest = FixtureRun(name, of: team).manifest
            manifest[path: ["spec", "runPolicy", "suspend"]] = true
            return manifest
        }
    }
}
