import Foundation
import KubernetesAPI
import TestSupport
import Testing

/// Promises of the Dockerfiles that can be read off them: no engine builds images in CI.
@Suite struct ImageTests {
    /// The image's name without registry and tag, and its Dockerfile.
    static let images = [
        "operator": "hack/images/operator/Dockerfile", "agent": "hack/images/agent/Dockerfile",
        "sft": "examples/runtimes/sft/Dockerfile", "evaluate": "examples/runtimes/evaluate/Dockerfile",
    ]

    @Test(arguments: images.values.sorted())
    func `an image runs as the user that the cluster expects`(_ file: String) throws {
        let instructions = try Self.instructions(file)
        let user = instructions.last { $0.hasPrefix("USER ") }
        #expect(user == "USER 65532:65532")
        let context = try Rendering(description: "default").object("Deployment")[
            "spec", "template", "spec", "securityContext"]
        #expect(context?["runAsUser"] == 65532)
    }

    @Test(arguments: images.values.sorted())
    func `an image is made from versions that are named`(_ file: String) throws {
        let bases = try Self.instructions(file).filter { $0.hasPrefix("FROM ") }
        #expect(!bases.isEmpty)
        for base in bases {
            let image = base.split(separator: " ")[1]
            #expect(!image.hasSuffix(":latest") && image.contains(":"), "\(base)")
        }
    }

    @Test(arguments: images.values.sorted())
    func `an image says what it is, and passes signals on`(_ file: String) throws {
        let instructions = try Self.instructions(file)
        let labels = instructions.filter { $0.hasPrefix("LABEL ") }.joined()
        for name in ["title", "description", "licenses", "version", "revision"] {
            #expect(labels.contains("org.opencontainers.image.\(name)="))
        }
        let entry = try #require(instructions.last { $0.hasPrefix("ENTRYPOINT ") })
        // The entry point has the exec form: no shell between the kubelet and the program.
        #expect(entry.hasPrefix("ENTRYPOINT [\""))
    }

    @Test(arguments: images.values.sorted())
    func `files that an image copies from the context are there`(_ file: String) throws {
        let context = file.hasPrefix("hack/images/") ? "" : "examples/runtimes"
        let folder = RepositoryManifest.repository.appendingPathComponent(context)
        for copy in try Self.instructions(file) where copy.hasPrefix("COPY ") && !copy.contains("--from=") {
            for source in copy.split(separator: " ").dropFirst().dropLast() where !source.contains("*") {
                let path = folder.appendingPathComponent(String(source)).path
                #expect(FileManager.default.fileExists(atPath: path), "\(copy)")
            }
        }
    }

    /// Images that the chart and the examples ask for are those that `hack/images/build` makes.
    @Test func `the chart's images are those that are built`() throws {
        let build = try String(
            contentsOf: RepositoryManifest.repository.appendingPathComponent("hack/images/build"),
            encoding: .utf8)
        for (name, file) in Self.images { #expect(build.contains("image \(name) \(file) ")) }
        let values = try #require(
            try RepositoryManifest(
                RepositoryManifest.repository.appendingPathComponent("charts/anneal/values.yaml")
            ).documents()
                .first)
        #expect(values[path: ["image", "repository"]] == "anneal/operator")
        #expect(values[path: ["agent", "image", "repository"]] == "anneal/agent")
        let version = try #require(
            try RepositoryManifest(
                RepositoryManifest.repository.appendingPathComponent("charts/anneal/Chart.yaml")
            ).documents()
                .first?["appVersion"]?.stringValue)
        for file in Self.images.values {
            #expect(try Self.instructions(file).contains("ARG VERSION=\(version)"), "\(file)")
        }
    }

    /// The instructions of a Dockerfile, a line each.
    private static func instructions(_ file: String) throws -> [String] {
        let text = try String(
            contentsOf: RepositoryManifest.repository.appendingPathComponent(file), encoding: .utf8)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n")
            .replacingOccurrences(of: "\\\n", with: " ").split(separator: "\n").map(String.init)
    }
}
