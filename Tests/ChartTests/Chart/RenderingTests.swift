import Foundation
import TestSupport
import Testing

/// Committed manifests in `Golden`, compared with what the chart renders; `hack/generate` writes them anew.
@Suite struct RenderingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var rendering: Rendering
        var renderer: ChartRenderer
        var testDescription: String { "\(rendering) by \(renderer)" }

        static let all = Rendering.allCases.flatMap { rendering in
            ChartRenderer.all.map { Case(rendering: rendering, renderer: $0) }
        }
    }

    @Test(.enabled(if: !ChartRenderer.all.isEmpty, "\(ChartRenderer.missing)"), arguments: Case.all)
    func `the chart renders to what is committed`(_ test: Case) throws {
        let fresh = try test.renderer(valuesFile: test.rendering.valuesFile)
        let expected = try test.rendering.text()
        let difference = zip(fresh.split(separator: "\n"), expected.split(separator: "\n")).first {
            $0.0 != $0.1
        }
        #expect(
            fresh == expected,
            "first difference: \(difference.map { "'\($0.0)' instead of '\($0.1)'" } ?? "in length")")
    }

    @Test(.enabled(if: !ChartRenderer.all.isEmpty, "\(ChartRenderer.missing)"), arguments: Case.all)
    func `helm lint finds nothing`(_ test: Case) throws {
        try test.renderer.lint(valuesFile: test.rendering.valuesFile)
    }

    @Test(.enabled(if: !ChartRenderer.all.isEmpty, "\(ChartRenderer.missing)"))
    func `CustomResourceDefinitions are those of crds, kept on uninstall`() throws {
        let renderer = try #require(ChartRenderer.all.first)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).yaml")
        try Data(try renderer(values: "{}").utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let rendered = try RepositoryManifest(file).documents().map(RenderedObject.init(json:)).filter {
            $0.kind == "CustomResourceDefinition"
        }
        let generated = try RepositoryManifest.all(in: "crds").flatMap { try $0.documents() }
        #expect(rendered.count == generated.count)
        for definition in generated.map(RenderedObject.init(json:)) {
            let installed = try #require(rendered.first { $0.name == definition.name })
            #expect(installed["spec"] == definition["spec"])
            #expect(installed["metadata", "annotations"] == ["helm.sh/resource-policy": "keep"])
        }
    }

    @Test func `the chart has the CustomResourceDefinitions of crds`() throws {
        let chart = try RepositoryManifest.all(in: "charts/anneal/files/crds")
        let generated = try RepositoryManifest.all(in: "crds")
        #expect(chart.map(\.name) == generated.map(\.name))
        #expect(chart.map(\.text) == generated.map(\.text), "run hack/generate")
    }
}
