import AnnealAPI
import Foundation
import KubernetesAPI
import TestSupport
import Testing

/// `argocd-cm.yaml` and the Argo CD objects of the example.
@Suite struct ConfigurationTests {
    private static let gitops = RepositoryManifest.repository.appendingPathComponent("examples/gitops")

    /// The Lua files, as the ConfigMap must have them.
    @Test(arguments: Customization.all)
    func `argocd-cm has the scripts of every kind`(_ customization: Customization) throws {
        let configuration = try #require(
            try RepositoryManifest(Self.gitops.appendingPathComponent("argocd-cm.yaml")).documents().first)
        let key = "\(Anneal.group)_\(customization.kind)"
        let health = configuration[path: ["data", "resource.customizations.health.\(key)"]]?.stringValue
        #expect(health == (try script(customization, "health.lua")), "run hack/generate")

        let text = try #require(
            configuration[path: ["data", "resource.customizations.actions.\(key)"]]?.stringValue)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).yaml")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let actions = try #require(try RepositoryManifest(file).documents().first)
        #expect(actions["discovery.lua"]?.stringValue == (try script(customization, "actions/discovery.lua")))
        let definitions = actions["definitions"]?.arrayValue ?? []
        #expect(Set(definitions.compactMap { $0["name"]?.stringValue }) == (try customization.scripts()))
        for definition in definitions {
            let name = definition["name"]?.stringValue ?? ""
            let expected = try script(customization, "actions/\(name)/action.lua")
            #expect(definition["action.lua"]?.stringValue == expected)
        }
    }

    private func script(_ customization: Customization, _ file: String) throws -> String {
        try String(contentsOf: customization.folder.appendingPathComponent(file), encoding: .utf8)
    }

    @Test func `the project allows what the applications deploy`() throws {
        let objects = try RepositoryManifest.all(in: "examples/gitops/argocd").flatMap { try $0.documents() }
            .map(RenderedObject.init(json:))
        let project = try #require(objects.first { $0.kind == "AppProject" })
        let applications = objects.filter { $0.kind == "Application" }
        #expect(applications.count == 2)
        for application in applications {
            #expect(application["spec", "project"]?.stringValue == project.name)
            let source = try #require(application["spec", "source", "repoURL"])
            #expect(project["spec", "sourceRepos"]?.arrayValue?.contains(source) == true)
            let destination = try #require(application["spec", "destination"])
            #expect(project["spec", "destinations"]?.arrayValue?.contains(destination) == true)
        }
    }

    @Test(arguments: ["default", "everything", "cert-manager"])
    func `the project allows the chart's objects of the cluster`(_ name: String) throws {
        let project = try #require(
            try RepositoryManifest(Self.gitops.appendingPathComponent("argocd/project.yaml")).documents()
                .first)
        let allowed = project[path: ["spec", "clusterResourceWhitelist"]]?.arrayValue ?? []
        let kinds = allowed.compactMap { $0["kind"]?.stringValue }
        for object in try Rendering(description: name).objects() where object.isOfCluster {
            #expect(kinds.contains(object.kind), "\(object.kind)")
        }
        #expect(kinds.contains("CustomResourceDefinition"))
    }

    /// The waves have a namespace before what is in it, and both before the runs.
    @Test func `the runs of the example are synced in waves that work, and are accepted`() throws {
        let objects = try RepositoryManifest.all(in: "examples/gitops/runs").flatMap { try $0.documents() }
            .map(RenderedObject.init(json:))
        for object in objects {
            let wave = object["metadata", "annotations", "argocd.argoproj.io/sync-wave"]?.stringValue
            let number = try #require(wave.flatMap(Int.init), "\(object.kind) \(object.name) has no wave")
            switch object.kind {
            case "Namespace": #expect(number == -2)
            case TrainingJob.resourceType.kind, EvalRun.resourceType.kind: #expect(number >= 0)
            default: #expect(number == -1)
            }
        }
        for definition in CustomResourceDefinition.all {
            let runs = objects.filter { $0.kind == definition.resourceType.kind }
            #expect(!runs.isEmpty, "no example of \(definition.resourceType.kind)")
            #expect(runs.flatMap { definition.schema.findings(in: $0.json) } == [])
        }
    }
}
