import AnnealAPI
import KubernetesAPI
import TestSupport
import Testing

/// The buttons that Argo CD shows on a run, and what they do.
@Suite(.enabled(if: Lua.interpreter != nil, "\(Lua.missing)"))
struct ActionTests {
    @Test(arguments: Customization.all)
    func `recorded objects offer the actions that are written beside them`(_ customization: Customization)
        throws
    {
        for test in try customization.cases("actions/action_test.yaml", "discoveryTests") {
            let path = test["inputPath"]?.stringValue ?? ""
            let expected = (test["result"]?.arrayValue ?? []).map { action in
                (action["name"]?.stringValue ?? "", action["disabled"] != true)
            }
            let offered = try customization.actions(on: customization.object(path))
            #expect(offered == Dictionary(expected, uniquingKeysWith: { $1 }), "\(path)")
        }
    }

    @Test(arguments: Customization.all)
    func `every recorded object is in the tests of both health and actions`(_ customization: Customization)
        throws
    {
        let recorded = try RepositoryManifest.all(
            in: "examples/gitops/resource_customizations/\(Anneal.group)/\(customization.kind)/testdata"
        ).map { "testdata/\($0.name).yaml" }
        for (file, key) in [("health_test.yaml", "tests"), ("actions/action_test.yaml", "discoveryTests")] {
            let tested = try customization.cases(file, key).compactMap { $0["inputPath"]?.stringValue }
            #expect(Set(tested) == Set(recorded), "\(file)")
        }
    }

    @Test(arguments: Customization.all)
    func `suspend and resume change one field`(_ customization: Customization) throws {
        for test in try customization.cases("actions/action_test.yaml", "actionTests") {
            let object = try customization.object(test["inputPath"]?.stringValue ?? "")
            var expected = try customization.object(test["expectedOutputPath"]?.stringValue ?? "")
            expected["metadata"] = object["metadata"]
            expected["status"] = object["status"]
            let action = test["action"]?.stringValue ?? ""
            #expect(try customization.perform(action, on: object).plain == expected.plain, "\(action)")
        }
    }

    @Test(arguments: Customization.all)
    func `every action that is offered has a script`(_ customization: Customization) throws {
        let offered = try customization.actions(on: customization.object("testdata/new.yaml"))
        #expect(Set(offered.keys) == (try customization.scripts()))
    }

    struct Retry: Sendable, CustomTestStringConvertible {
        var customization: Customization
        var file: String
        var testDescription: String { "\(customization) \(file)" }

        static let all = [
            Retry(customization: .trainingJob, file: "testdata/failed.yaml"),
            Retry(customization: .trainingJob, file: "testdata/evalfailed.yaml"),
            Retry(customization: .evalRun, file: "testdata/failed.yaml"),
            Retry(customization: .evalRun, file: "testdata/error.yaml"),
        ]
    }

    @Test(arguments: Retry.all)
    func `retry creates a run like the failed one, which the schema accepts`(_ retry: Retry) throws {
        let failed = try retry.customization.object(retry.file)
        let created = try retried(retry, failed)
        let definition = try #require(
            CustomResourceDefinition.all.first { $0.resourceType.kind == retry.customization.kind })
        #expect(definition.schema.findings(in: created) == [])
        #expect(created["status"] == nil)
        let name = failed[path: ["metadata", "name"]]?.stringValue ?? ""
        #expect(created[path: ["metadata", "name"]]?.stringValue == "\(name)-\(Lua.now)")
        #expect(created[path: ["metadata", "annotations", "anneal.dev/retry-of"]]?.stringValue == name)
        var spec = try #require(created["spec"])
        if retry.customization.kind == TrainingJob.resourceType.kind {
            let uid = failed[path: ["metadata", "uid"]]?.stringValue ?? ""
            #expect(spec["idempotencyKey"]?.stringValue == "retry-of-\(uid)")
            spec["idempotencyKey"] = nil
            #expect(spec["continueFrom"] == ["trainingJob": .string(name)])
            spec["continueFrom"] = nil
        }
        #expect(spec.plain == failed["spec"]?.plain)
        let owner = created[path: ["metadata", "ownerReferences"]]?[0]
        #expect(owner?["uid"] == failed[path: ["metadata", "uid"]])
        // The failed run owns the copy without controlling it: the copy's children are not its own.
        #expect(owner?["controller"] == nil)
    }

    @Test func `a retry neither starts suspended nor passes for the original in Argo CD`() throws {
        var failed = try Customization.trainingJob.object("testdata/failed.yaml")
        failed[path: ["spec", "runPolicy", "suspend"]] = true
        failed[path: ["spec", "hyperparameters", "parameters"]] = [:]
        failed[path: ["metadata", "labels"]] = [
            "team": "research", "app.kubernetes.io/instance": "runs", "argocd.argoproj.io/instance": "runs",
        ]
        failed[path: ["metadata", "annotations"]] = ["argocd.argoproj.io/tracking-id": "runs:x"]
        let created = try retried(Retry(customization: .trainingJob, file: ""), failed)
        #expect(created[path: ["spec", "runPolicy", "suspend"]] == false)
        // An empty object would be written as a list, which the API server refuses.
        #expect(created[path: ["spec", "hyperparameters", "parameters"]] == nil)
        #expect(created[path: ["metadata", "labels"]] == ["team": "research"])
        #expect(created[path: ["metadata", "annotations"]]?.objectValue?.count == 1)
    }

    @Test func `a retry of a run that is cleaned up is not deleted with it`() throws {
        var failed = try Customization.trainingJob.object("testdata/failed.yaml")
        failed[path: ["spec", "runPolicy", "ttlSecondsAfterFinished"]] = 60
        let created = try retried(Retry(customization: .trainingJob, file: ""), failed)
        #expect(created[path: ["metadata", "ownerReferences"]] == nil)
    }

    @Test func `a retry keeps the key that its author chose`() throws {
        var failed = try Customization.trainingJob.object("testdata/failed.yaml")
        failed[path: ["spec", "idempotencyKey"]] = "nightly"
        let created = try retried(Retry(customization: .trainingJob, file: ""), failed)
        #expect(created[path: ["spec", "idempotencyKey"]] == "nightly")
    }

    private func retried(_ retry: Retry, _ failed: JSONValue) throws -> JSONValue {
        let answer = try retry.customization.perform("retry", on: failed)
        #expect(answer.arrayValue?.count == 1)
        #expect(answer[0]?["operation"] == "create")
        return try #require(answer[0]?["resource"])
    }
}

extension JSONValue {
    /// The value with numbers of one type, as Lua has them.
    var plain: JSONValue {
        switch self {
        case .integer(let number): .number(Double(number))
        case .array(let elements): .array(elements.map(\.plain))
        case .object(let members): .object(members.mapValues(\.plain))
        case .null, .bool, .number, .string: self
        }
    }
}
