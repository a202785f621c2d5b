import KubernetesAPI
import Testing

@testable import ObjectPatching

@Suite("Strategic merge patch")
struct StrategicMergeTests {
    struct Case: CustomTestStringConvertible {
        var what: String
        var document: String
        var patch: String
        var result: String

        var testDescription: String { what }
    }

    static let cases = [
        Case(
            what: "merges a container by name",
            document: #"{"spec":{"containers":[{"name":"c","image":"x","imagePullPolicy":"Always"}]}}"#,
            patch: #"{"spec":{"containers":[{"name":"c","image":"y"}]}}"#,
            result: #"{"spec":{"containers":[{"name":"c","image":"y","imagePullPolicy":"Always"}]}}"#),
        // A new element goes to the front, as the documentation of kubectl patch shows.
        Case(
            what: "puts a new container first",
            document: #"{"spec":{"containers":[{"name":"nginx"}]}}"#,
            patch: #"{"spec":{"containers":[{"name":"redis","image":"r"}]}}"#,
            result: #"{"spec":{"containers":[{"name":"redis","image":"r"},{"name":"nginx"}]}}"#),
        Case(
            what: "replaces an atomic list",
            document: #"{"spec":{"tolerations":[{"key":"a"},{"key":"b"}]}}"#,
            patch: #"{"spec":{"tolerations":[{"key":"c"}]}}"#,
            result: #"{"spec":{"tolerations":[{"key":"c"}]}}"#),
        Case(
            what: "merges a set", document: #"{"metadata":{"finalizers":["a","b"]}}"#,
            patch: #"{"metadata":{"finalizers":["c","b"]}}"#,
            result: #"{"metadata":{"finalizers":["c","a","b"]}}"#),
        Case(
            what: "deletes from a set", document: #"{"metadata":{"finalizers":["a","b"]}}"#,
            patch: #"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"]}}"#,
            result: #"{"metadata":{"finalizers":["b"]}}"#),
        Case(
            what: "deletes an element by key",
            document: #"{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}"#,
            patch: #"{"spec":{"containers":[{"name":"a","$patch":"delete"}]}}"#,
            result: #"{"spec":{"containers":[{"name":"b"}]}}"#),
        Case(
            what: "replaces a list", document: #"{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}"#,
            patch: #"{"spec":{"containers":[{"$patch":"replace"},{"name":"c"}]}}"#,
            result: #"{"spec":{"containers":[{"name":"c"}]}}"#),
        Case(
            what: "replaces an object", document: #"{"metadata":{"labels":{"a":"1","b":"2"}}}"#,
            patch: #"{"metadata":{"labels":{"$patch":"replace","c":"3"}}}"#,
            result: #"{"metadata":{"labels":{"c":"3"}}}"#),
        Case(
            what: "empties an object", document: #"{"metadata":{"labels":{"a":"1","b":"2"}}}"#,
            patch: #"{"metadata":{"labels":{"$patch":"delete"}}}"#, result: #"{"metadata":{"labels":{}}}"#),
        Case(
            what: "keeps only retained keys",
            document: #"{"spec":{"restartPolicy":"Always","nodeSelector":{"a":"b"}}}"#,
            patch: #"{"spec":{"$retainKeys":["restartPolicy"],"restartPolicy":"Never"}}"#,
            result: #"{"spec":{"restartPolicy":"Never"}}"#),
        Case(
            what: "orders as told, and keeps what others added in its place",
            document: #"{"spec":{"containers":[{"name":"a"},{"name":"x"},{"name":"b"}]}}"#,
            patch: #"""
                {"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"},{"name":"c"}],
                "containers":[{"name":"c"}]}}
                """#,
            result: #"{"spec":{"containers":[{"name":"x"},{"name":"b"},{"name":"a"},{"name":"c"}]}}"#),
        Case(
            what: "deletes with null", document: #"{"spec":{"restartPolicy":"Always"}}"#,
            patch: #"{"spec":{"restartPolicy":null}}"#, result: #"{"spec":{}}"#),
        Case(
            what: "takes new values without nulls and directives", document: "{}",
            patch: #"""
                {"spec":{"containers":[{"name":"a","image":null},{"name":"b","$patch":"delete"}]}}
                """#,
            result: #"{"spec":{"containers":[{"name":"a"}]}}"#),
        Case(
            what: "merges within merged elements",
            document: #"{"spec":{"containers":[{"name":"a","env":[{"name":"X","value":"1"}]}]}}"#,
            patch: #"{"spec":{"containers":[{"name":"a","env":[{"name":"X","value":"2"}]}]}}"#,
            result: #"{"spec":{"containers":[{"name":"a","env":[{"name":"X","value":"2"}]}]}}"#),
    ]

    @Test(arguments: cases)
    func `a strategic merge patch is applied`(_ example: Case) throws {
        let result = try ObjectPatcher.applyPatch(
            .strategic, json(example.patch), to: json(example.document), schema: Managers.pod.type)
        #expect(result == json(example.result))
    }

    @Test(arguments: [
        (#"{"metadata":{"$patch":"spam"}}"#, 400),
        (#"{"metadata":{"$retainKeys":"x"}}"#, 400),
        (#"{"metadata":{"$retainKeys":["a"],"b":"1"}}"#, 400),
        (#"{"metadata":{"$setElementOrder/finalizers":1}}"#, 400),
        (#"{"metadata":{"$deleteFromPrimitiveList/finalizers":1}}"#, 400),
        (#"{"spec":{"containers":[{"image":"x"}]}}"#, 500),
        ("[]", 400),
    ])
    func `a patch that cannot be merged is refused`(_ patch: String, _ code: Int) {
        let error = #expect(throws: PatchError.self) {
            try ObjectPatcher.applyPatch(
                .strategic, json(patch), to: json(#"{"metadata":{},"spec":{"containers":[{"name":"a"}]}}"#),
                schema: Managers.pod.type)
        }
        #expect(error?.status.code == code)
    }
}
