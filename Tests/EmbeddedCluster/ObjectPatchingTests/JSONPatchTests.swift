import KubernetesAPI
import Testing

@testable import ObjectPatching

@Suite("JSON patch")
struct JSONPatchTests {
    struct Case: CustomTestStringConvertible {
        var what: String
        var document: String
        var patch: String
        /// The result; nil if the patch cannot be applied.
        var result: String?

        var testDescription: String { what }
    }

    /// Examples of RFC 6902, appendix A, and further statements of its text.
    static let cases = [
        Case(
            what: "adds a member", document: #"{"foo":"bar"}"#,
            patch: #"[{"op":"add","path":"/baz","value":"qux"}]"#, result: #"{"baz":"qux","foo":"bar"}"#),
        Case(
            what: "adds an array element", document: #"{"foo":["bar","baz"]}"#,
            patch: #"[{"op":"add","path":"/foo/1","value":"qux"}]"#, result: #"{"foo":["bar","qux","baz"]}"#),
        Case(
            what: "removes a member", document: #"{"baz":"qux","foo":"bar"}"#,
            patch: #"[{"op":"remove","path":"/baz"}]"#, result: #"{"foo":"bar"}"#),
        Case(
            what: "removes an array element", document: #"{"foo":["bar","qux","baz"]}"#,
            patch: #"[{"op":"remove","path":"/foo/1"}]"#, result: #"{"foo":["bar","baz"]}"#),
        Case(
            what: "replaces a value", document: #"{"baz":"qux","foo":"bar"}"#,
            patch: #"[{"op":"replace","path":"/baz","value":"boo"}]"#, result: #"{"baz":"boo","foo":"bar"}"#),
        Case(
            what: "moves a value",
            document: #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
            patch: #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            result: #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#),
        Case(
            what: "moves an array element", document: #"{"foo":["all","grass","cows","eat"]}"#,
            patch: #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
            result: #"{"foo":["all","cows","eat","grass"]}"#),
        Case(
            what: "goes on after a test that holds", document: #"{"baz":"qux","foo":["a",2,"c"]}"#,
            patch:
                #"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2.0}]"#,
            result: #"{"baz":"qux","foo":["a",2,"c"]}"#),
        Case(
            what: "fails with a test that doesn't hold", document: #"{"baz":"qux"}"#,
            patch: #"[{"op":"test","path":"/baz","value":"bar"}]"#),
        Case(
            what: "adds a nested object", document: #"{"foo":"bar"}"#,
            patch: #"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
            result: #"{"foo":"bar","child":{"grandchild":{}}}"#),
        Case(
            what: "ignores what it doesn't know", document: #"{"foo":"bar"}"#,
            patch: #"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
            result: #"{"foo":"bar","baz":"qux"}"#),
        Case(
            what: "doesn't create containers", document: #"{"foo":"bar"}"#,
            patch: #"[{"op":"add","path":"/baz/bat","value":"qux"}]"#),
        Case(
            what: "unescapes tildes and slashes", document: #"{"/":9,"~1":10}"#,
            patch: #"[{"op":"test","path":"/~01","value":10},{"op":"remove","path":"/~1"}]"#,
            result: #"{"~1":10}"#),
        Case(
            what: "appends to an array", document: #"{"foo":["bar"]}"#,
            patch: #"[{"op":"add","path":"/foo/-","value":["abc"]}]"#, result: #"{"foo":["bar",["abc"]]}"#),
        Case(
            what: "copies", document: #"{"a":{"b":1}}"#,
            patch: #"[{"op":"copy","from":"/a","path":"/c"}]"#, result: #"{"a":{"b":1},"c":{"b":1}}"#),
        Case(
            what: "replaces the document", document: #"{"a":1}"#,
            patch: #"[{"op":"replace","path":"","value":{"b":2}}]"#, result: #"{"b":2}"#),
        Case(
            what: "adds null", document: #"{}"#, patch: #"[{"op":"add","path":"/a","value":null}]"#,
            result: #"{"a":null}"#),
        Case(
            what: "tests an absent member for null", document: #"{}"#,
            patch: #"[{"op":"test","path":"/a","value":null}]"#, result: #"{}"#),
        Case(
            what: "moves a value onto itself", document: #"{"a":1}"#,
            patch: #"[{"op":"move","from":"/a","path":"/a"}]"#, result: #"{"a":1}"#),
        Case(
            what: "doesn't move a value into itself", document: #"{"a":{"b":1}}"#,
            patch: #"[{"op":"move","from":"/a","path":"/a/b/c"}]"#),
        Case(
            what: "doesn't remove what isn't there", document: #"{"a":1}"#,
            patch: #"[{"op":"remove","path":"/b"}]"#),
        Case(
            what: "doesn't replace what isn't there", document: #"{"a":1}"#,
            patch: #"[{"op":"replace","path":"/b","value":1}]"#),
        Case(
            what: "refuses an index past the end", document: #"{"a":[1]}"#,
            patch: #"[{"op":"add","path":"/a/2","value":1}]"#),
        Case(
            what: "refuses a leading zero", document: #"{"a":[1,2]}"#,
            patch: #"[{"op":"remove","path":"/a/01"}]"#),
        Case(
            what: "refuses a negative index", document: #"{"a":[1,2]}"#,
            patch: #"[{"op":"remove","path":"/a/-1"}]"#),
        Case(
            what: "refuses an index that overflows", document: #"{"a":[1,2]}"#,
            patch: #"[{"op":"remove","path":"/a/99999999999999999999"}]"#),
        Case(
            what: "refuses a dash where an element must be", document: #"{"a":[1,2]}"#,
            patch: #"[{"op":"remove","path":"/a/-"}]"#),
        Case(
            what: "refuses a path into a scalar", document: #"{"a":1}"#,
            patch: #"[{"op":"add","path":"/a/b/c","value":1}]"#),
        Case(
            what: "refuses a path without a slash", document: #"{"a":1}"#,
            patch: #"[{"op":"remove","path":"a"}]"#),
        Case(
            what: "refuses an unknown operation", document: #"{"a":1}"#,
            patch: #"[{"op":"spam","path":"/a"}]"#),
        Case(
            what: "refuses an operation without a value", document: #"{"a":1}"#,
            patch: #"[{"op":"add","path":"/a"}]"#),
        Case(
            what: "refuses a result that is no object", document: #"{"a":1}"#,
            patch: #"[{"op":"replace","path":"","value":[1]}]"#),
    ]

    @Test(arguments: cases)
    func `a JSON patch is applied or fails as RFC 6902 says`(_ example: Case) throws {
        let document = json(example.document)
        guard let expected = example.result else {
            // The messages are those of the recorded patch/json-test-fails and patch/json-bad-path.
            let error = #expect(throws: PatchError.self) {
                try ObjectPatcher.applyPatch(.json, json(example.patch), to: document)
            }
            #expect(error?.code == .unprocessable)
            #expect(error?.status.code == 422)
            #expect(error?.status.reason == "Invalid")
            #expect(
                error?.status.message == "the server rejected our request due to an error in our request")
            return
        }
        #expect(try ObjectPatcher.applyPatch(.json, json(example.patch), to: document) == json(expected))
    }

    @Test(arguments: [#"{"a":1}"#, #""x""#, "[1]"])
    func `a patch that is no list is a bad request`(_ patch: String) {
        let error = #expect(throws: PatchError.self) {
            try ObjectPatcher.applyPatch(.json, json(patch), to: [:])
        }
        #expect(error?.status.code == 400)
    }

    @Test
    func `more operations than allowed are refused`() {
        let patch = JSONValue.array(
            Array(repeating: ["op": "add", "path": "/a", "value": 1], count: JSONPatch.operationLimit + 1))
        let error = #expect(throws: PatchError.self) { try ObjectPatcher.applyPatch(.json, patch, to: [:]) }
        #expect(error?.status.code == 413)
        #expect(error?.status.message?.contains("10000, got 10001") == true)
    }

    @Test
    func `copies that double each time are stopped`() {
        let copies: [JSONValue] = (0..<40).map { _ in ["op": "copy", "from": "/a", "path": "/a/-"] }
        let error = #expect(throws: PatchError.self) {
            try ObjectPatcher.applyPatch(.json, .array(copies), to: ["a": ["xxxxxxxxxxxxxxxx"]])
        }
        #expect(error?.code == .tooLarge)
    }

    @Test
    func `moves that nest deeper each time are stopped`() {
        var operations: [JSONValue] = [["op": "add", "path": "/a", "value": [:]]]
        for _ in 0..<300 {
            operations.append(["op": "add", "path": "/b", "value": [:]])
            operations.append(["op": "move", "from": "/a", "path": "/b/c"])
            operations.append(["op": "move", "from": "/b", "path": "/a"])
        }
        let error = #expect(throws: PatchError.self) {
            try ObjectPatcher.applyPatch(.json, .array(operations), to: [:])
        }
        #expect(error?.code == .tooLarge)
    }
}
