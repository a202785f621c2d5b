import AnnealAPI
import KubernetesAPI
import TestSupport
import Testing

/// Manifests of `examples/`, as users apply them.
@Suite struct ExampleTests {
    /// A document of an example that is of one of Anneal's kinds.
    struct Example: Sendable, CustomTestStringConvertible {
        var document: JSONValue
        var definition: CustomResourceDefinition
        var testDescription: String {
            "\(definition.singular) \(document[path: ["metadata", "name"]]?.stringValue ?? "")"
        }

        static func all() throws -> [Example] {
            try RepositoryManifest.all(in: "examples").flatMap { try $0.documents() }.compactMap { document in
                CustomResourceDefinition.of(document).map { Example(document: document, definition: $0) }
            }
        }
    }

    @Test func `both kinds have an example`() throws {
        #expect(
            Set(try Example.all().map(\.definition.name)) == Set(CustomResourceDefinition.all.map(\.name)))
    }

    @Test(arguments: try Example.all())
    func `every example is accepted`(_ example: Example) {
        #expect(example.definition.refusals(of: example.document) == [])
    }

    @Test(arguments: try Example.all())
    func `can be applied twice`(_ example: Example) {
        #expect(example.definition.refusals(of: example.document, replacing: example.document) == [])
    }

    @Test(arguments: try Example.all())
    func `decodes and encodes with no field lost`(_ example: Example) throws {
        let stored = example.definition.stored(example.document)
        #expect(try stored.throughSwift(example.definition).withPlainNumbers == stored.withPlainNumbers)
    }
}

extension JSONValue {
    /// The value, decoded into the Swift type of its kind and encoded again.
    func throughSwift(_ definition: CustomResourceDefinition) throws -> JSONValue {
        switch definition.resourceType.kind {
        case TrainingJob.resourceType.kind: try JSONValue(encoding: decoded(as: TrainingJob.self))
        case EvalRun.resourceType.kind: try JSONValue(encoding: decoded(as: EvalRun.self))
        case let kind: throw UnknownKind(kind: kind)
        }
    }
}

struct UnknownKind: Error { var kind: String }
