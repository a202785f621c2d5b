import AnnealAPI
import KubernetesAPI
import TestSupport
import Testing

/// Mistakes of users. Each file of `WrongManifests/` says in its header how it is refused; one with two
/// documents is a good object and a wrong update of it. The end-to-end tests apply the same files.
@Suite struct WrongManifestTests {
    @Test(arguments: try RepositoryManifest.all(in: "Tests/Operator/AnnealAPITests/WrongManifests"))
    func
        `a wrong manifest is refused with a message that names the field and the remedy, and for nothing else`(
            _ manifest: RepositoryManifest
        ) throws
    {
        try #require(!manifest.expectations.isEmpty)
        let refusals: [String]
        do {
            let documents = try manifest.documents()
            let document = try #require(documents.last)
            let definition = try #require(CustomResourceDefinition.of(document))
            let old = documents.count > 1 ? documents.first : nil
            if let old { #expect(definition.refusals(of: old) == []) }
            refusals = definition.refusals(of: document, replacing: old)
        } catch let error as RepositoryManifest.UnsupportedValue {
            refusals = [error.description]
        }
        #expect(refusals.count == manifest.expectations.count, "\(refusals)")
        for expectation in manifest.expectations {
            #expect(refusals.contains { $0.contains(expectation) }, "\(refusals)")
        }
    }

    @Test(arguments: ["Ann's model", "ü \"quoted\" model", String(repeating: "m", count: 256), "_a"])
    func `a name that MLflow accepts is accepted`(name: String) throws {
        let manifests = try RepositoryManifest.all(in: "Tests/Operator/AnnealAPITests/WrongManifests")
        let wrong = try #require(manifests.first { $0.name == "model-name-with-slash" })
        var document = try #require(try wrong.documents().last)
        document["spec"]?["registration"]?["modelName"] = .string(name)
        document["spec"]?["registration"]?["experiment"] = .string(name + "/" + name.prefix(200))
        #expect(try #require(CustomResourceDefinition.of(document)).refusals(of: document) == [])
    }

    @Test func `a password is refused without being repeated`() throws {
        let manifests = try RepositoryManifest.all(in: "Tests/Operator/AnnealAPITests/WrongManifests")
        let secret = manifests.filter { $0.name.contains("-with-password") || $0.name.contains("-with-keys") }
        #expect(secret.count == 3)
        for manifest in secret {
            let document = try #require(try manifest.documents().last)
            let refusals = try #require(CustomResourceDefinition.of(document)).refusals(of: document)
            #expect(
                !refusals.isEmpty && refusals.allSatisfy { !$0.contains("secret") && !$0.contains("s3cret") })
        }
    }

    @Test func `there are enough of them to speak of`() throws {
        #expect(try RepositoryManifest.all(in: "Tests/Operator/AnnealAPITests/WrongManifests").count >= 60)
    }
}
