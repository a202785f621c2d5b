import KubernetesAPI
import Testing

@testable import ObjectPatching

@Suite("Field sets")
struct FieldSetTests {
    @Test(arguments: [
        "{}", #"{"f:a":{}}"#, #"{"f:a":{".":{},"f:b":{}}}"#,
        #"{"f:l":{"k:{\"name\":\"c\",\"port\":80}":{".":{},"f:x":{}},"v:\"s\"":{},"v:3":{},"i:0":{}}}"#,
    ])
    func `fieldsV1 is read and written alike`(_ text: String) {
        #expect(FieldSet(fieldsV1: json(text))?.fieldsV1 == json(text))
    }

    @Test(arguments: ["[]", #"{"a":{}}"#, #"{"f:a":1}"#, #"{"k:x":{}}"#, #"{"i:x":{}}"#, #"{"k:[]":{}}"#])
    func `a malformed fieldsV1 is refused`(_ text: String) {
        #expect(FieldSet(fieldsV1: json(text)) == nil)
    }

    @Test
    func `a set that nests too deep is refused`() {
        let deep = (0..<1000).reduce(JSONValue.object([:])) { inner, _ in ["f:a": inner] }
        #expect(FieldSet(fieldsV1: deep) == nil)
    }

    private func set(_ text: String) -> FieldSet { FieldSet(fieldsV1: json(text)) ?? FieldSet() }

    @Test
    func `union, intersection and difference of field sets hold`() {
        let left = set(#"{"f:a":{".":{},"f:b":{}},"f:c":{}}"#)
        let right = set(#"{"f:a":{"f:b":{},"f:d":{}},"f:c":{}}"#)
        #expect(left.union(right) == set(#"{"f:a":{".":{},"f:b":{},"f:d":{}},"f:c":{}}"#))
        #expect(left.intersection(right) == set(#"{"f:a":{"f:b":{}},"f:c":{}}"#))
        #expect(left.subtracting(right) == set(#"{"f:a":{}}"#))
        #expect(right.subtracting(left) == set(#"{"f:a":{"f:d":{}}}"#))
        #expect(right.subtractingTrees(set(#"{"f:a":{}}"#)) == set(#"{"f:c":{}}"#))
        #expect(left.paths.map { $0.map(\.readable).joined() } == [".a", ".c", ".a.b"])
    }
}
