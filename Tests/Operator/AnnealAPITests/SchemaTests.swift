import AnnealAPI
import Foundation
import KubernetesAPI
import StructuralSchema
import TestSupport
import Testing

extension CustomResourceDefinition: CustomTestStringConvertible {
    public var testDescription: String { name }
}

/// Rules that every schema of Anneal's keeps.
@Suite struct SchemaTests {
    @Test(arguments: CustomResourceDefinition.all)
    func `every property of a schema has its place in the Swift type`(_ definition: CustomResourceDefinition)
        throws
    {
        for variant in 0..<definition.schema.variants {
            let filled = definition.filled(variant: variant)
            #expect(try filled.throughSwift(definition).withPlainNumbers == filled.withPlainNumbers)
        }
    }

    @Test func `every property of a Swift type stands in its schema`() throws {
        let job: TrainingJob = try CustomResourceDefinition.trainingJob.filled(variant: 0).decoded()
        #expect(absentProperties(of: job.spec, at: "spec") == [])
        #expect(absentProperties(of: try #require(job.status), at: "status") == [])
        let run: EvalRun = try CustomResourceDefinition.evalRun.filled(variant: 0).decoded()
        // An EvalRun has nothing to train or to upload.
        let ofTraining = ["totalDeadlineSeconds", "completionDeadlineSeconds", "startupTimeoutSeconds"]
        #expect(absentProperties(of: run.spec, at: "spec") == ofTraining.map { "spec.runPolicy.\($0)" })
        #expect(absentProperties(of: try #require(run.status), at: "status") == [])
    }

    @Test(arguments: CustomResourceDefinition.all)
    func `an API server would accept it`(_ definition: CustomResourceDefinition) throws {
        let parsed = try Schema(parsing: definition.schema.json, path: "spec.validation.openAPIV3Schema")
        #expect(parsed == definition.schema)
        #expect(definition.schema.structuralErrors(at: "spec.validation.openAPIV3Schema") == [])
    }

    @Test(arguments: CustomResourceDefinition.all)
    func `every field is explained`(_ definition: CustomResourceDefinition) {
        definition.schema.walk { path, schema in
            let isOwn = path.hasPrefix(".spec") || path.hasPrefix(".status")
            guard isOwn, !path.hasSuffix("[]"), !path.hasSuffix("[*]") else { return }
            #expect(schema.description?.isEmpty == false, "\(path) has no description")
        }
    }

    @Test(arguments: CustomResourceDefinition.all)
    func `everything is bounded and nothing unknown is kept`(_ definition: CustomResourceDefinition) {
        definition.schema.walk { path, schema in
            #expect(!schema.preserveUnknownFields, "\(path)")
            #expect(!schema.isIntOrString || schema.maxLength != nil, "\(path) has no maxLength")
            guard path.hasPrefix(".spec") || path.hasPrefix(".status") else { return }
            switch schema.kind {
            case .string:
                let isBounded =
                    schema.maxLength != nil || schema.enumeration != nil || schema.format == "date-time"
                #expect(isBounded, "\(path) has no maxLength")
            case .array:
                #expect(schema.maxItems != nil, "\(path) has no maxItems")
                #expect(schema.listType != nil, "\(path) has no list type, so it cannot be applied by parts")
            case .object:
                #expect(
                    schema.additionalProperties == nil || schema.maxProperties != nil,
                    "\(path) has no maxProperties")
            case .integer, .number, .boolean, nil: break
            }
        }
    }

    @Test(arguments: CustomResourceDefinition.all)
    func `every rule says what to do`(_ definition: CustomResourceDefinition) {
        definition.schema.walk { path, schema in
            for rule in schema.validations {
                #expect((rule.message?.count ?? 0) > 10, "\(path): \(rule.rule)")
            }
        }
    }

    @Test(arguments: CustomResourceDefinition.all)
    func `the defaults of a schema are themselves valid`(_ definition: CustomResourceDefinition) {
        definition.schema.walk { path, schema in
            guard var value = schema.defaultValue else { return }
            schema.applyDefaults(to: &value)
            #expect(schema.validate(value, at: path) == [], "\(path)")
        }
    }
}

/// The files that `hack/generate` writes.
@Suite struct GeneratedDefinitionTests {
    @Test func `crds holds what the schemas say`() throws {
        let files = try RepositoryManifest.all(in: "crds")
        #expect(Set(files.map(\.name)) == Set(CustomResourceDefinition.all.map(\.name)))
        for file in files {
            let definition = try #require(CustomResourceDefinition.all.first { $0.name == file.name })
            let written = try #require(try file.documents().first)
            let isCurrent = written.withPlainNumbers == definition.manifest.withPlainNumbers
            #expect(
                isCurrent, "crds/\(file.name).yaml is old: run hack/generate and commit what it writes")
        }
    }

    /// `kubectl apply` keeps the whole object in an annotation, and annotations hold 256 KiB.
    @Test(arguments: CustomResourceDefinition.all)
    func `a definition is small enough for client-side apply`(_ definition: CustomResourceDefinition) {
        #expect(definition.manifest.serialized().count < 256 * 1024)
    }
}
