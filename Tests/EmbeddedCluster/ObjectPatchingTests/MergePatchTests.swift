import KubernetesAPI
import Testing

@testable import ObjectPatching

@Suite("JSON merge patch")
struct MergePatchTests {
    struct Case: CustomTestStringConvertible {
        var document: String
        var patch: String
        var result: String

        var testDescription: String { "\(document) with \(patch)" }
    }

    /// Examples of RFC 7396, appendix A, as far as they patch objects.
    static let cases = [
        Case(document: #"{"a":"b"}"#, patch: #"{"a":"c"}"#, result: #"{"a":"c"}"#),
        Case(document: #"{"a":"b"}"#, patch: #"{"b":"c"}"#, result: #"{"a":"b","b":"c"}"#),
        Case(document: #"{"a":"b"}"#, patch: #"{"a":null}"#, result: "{}"),
        Case(document: #"{"a":"b","b":"c"}"#, patch: #"{"a":null}"#, result: #"{"b":"c"}"#),
        Case(document: #"{"a":["b"]}"#, patch: #"{"a":"c"}"#, result: #"{"a":"c"}"#),
        Case(document: #"{"a":"c"}"#, patch: #"{"a":["b"]}"#, result: #"{"a":["b"]}"#),
        Case(
            document: #"{"a":{"b":"c"}}"#, patch: #"{"a":{"b":"d","c":null}}"#, result: #"{"a":{"b":"d"}}"#),
        Case(document: #"{"a":[{"b":"c"}]}"#, patch: #"{"a":[1]}"#, result: #"{"a":[1]}"#),
        Case(document: #"{"e":null}"#, patch: #"{"a":1}"#, result: #"{"e":null,"a":1}"#),
        Case(document: "{}", patch: #"{"a":{"bb":{"ccc":null}}}"#, result: #"{"a":{"bb":{}}}"#),
    ]

    @Test(arguments: cases)
    func `a merge patch is applied as RFC 7396 says`(_ example: Case) throws {
        let result = try ObjectPatcher.applyPatch(.merge, json(example.patch), to: json(example.document))
        #expect(result == json(example.result))
    }

    @Test(arguments: ["[]", "1", "null", #""x""#])
    func `a patch that is no object is a bad request`(_ patch: String) {
        let error = #expect(throws: PatchError.self) {
            try ObjectPatcher.applyPatch(.merge, json(patch), to: [:])
        }
        #expect(error?.status.code == 400)
        #expect(error?.status.reason == "BadRequest")
    }
}
