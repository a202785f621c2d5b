import KubernetesAPI
import StructuralSchema
import Testing

/// Messages of a real kube-apiserver 1.36.
@Suite struct RecordedErrorTests {
    static let notChecked =
        "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid;"
        + " correct the existing errors to complete validation"

    @Test(arguments: [
        (#"{"mode":"fast"}"#, []),
        (
            #"{"mode":"odd"}"#,
            [#"spec.mode: Unsupported value: "odd": supported values: "fast", "slow""#, notChecked]
        ),
        (#"{}"#, ["spec.mode: Required value", notChecked]),
        (
            #"{"mode":"fast","size":11}"#,
            ["spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"]
        ),
        (
            #"{"mode":"fast","size":"4"}"#,
            [
                #"spec.size: Invalid value: "string": spec.size in body must be of type integer: "string""#,
                notChecked,
            ]
        ),
        (
            #"{"mode":"fast","size":4.5}"#,
            [
                #"spec.size: Invalid value: "number": spec.size in body must be of type integer: "number""#,
                #"<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.size"#,
                notChecked,
            ]
        ),
        (
            #"{"mode":"fast","name":"ABCDEFG"}"#,
            ["spec.name: Too long: may not be more than 5 bytes", notChecked]
        ),
        (
            #"{"mode":"fast","name":"AB"}"#,
            [#"spec.name: Invalid value: "AB": spec.name in body should match '^[a-z]+$'"#]
        ),
        (
            #"{"mode":"fast","ratio":0}"#,
            ["spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0"]
        ),
        (#"{"mode":"slow","size":8}"#, ["spec.size: Invalid value: slow widgets are small"]),
        (
            #"{"mode":"fast","items":[{"key":"a"},{"key":"a"}]}"#,
            [#"spec.items[1]: Duplicate value: {"key":"a"}"#]
        ),
        (
            #"{"mode":"fast","items":[{"key":"a"},{"key":"b"},{"key":"c"},{"key":"d"}]}"#,
            ["spec.items: Too many: 4: must have at most 3 items", notChecked]
        ),
        (
            #"{"mode":"fast","params":{"a":"x","b":"x","c":"x","d":"x","e":"x"}}"#,
            ["spec.params: Too many: 5: must have at most 4 items", notChecked]
        ),
        (
            #"{"mode":"fast","when":"yesterday"}"#,
            [
                #"spec.when: Invalid value: "yesterday": spec.when in body must be of type date-time: "yesterday""#,
                notChecked,
            ]
        ),
        (#"{"mode":"fast","name":null}"#, []),
        (#"{"mode":"fast","cpu":"500m"}"#, []),
        (
            #"{"mode":"fast","cpu":true}"#,
            [
                #"spec.cpu: Invalid value: "boolean": spec.cpu in body must be of type integer,string: "boolean""#,
                notChecked,
            ]
        ),
        (
            #"{"mode":"odd","size":99,"name":"ABCDEFG"}"#,
            [
                #"spec.mode: Unsupported value: "odd": supported values: "fast", "slow""#,
                "spec.name: Too long: may not be more than 5 bytes",
                "spec.size: Invalid value: 99: spec.size in body should be less than or equal to 10",
                notChecked,
            ]
        ),
    ])
    func `errors are reported as recorded`(spec: String, errors: [String]) throws {
        #expect(try Widget.errors(spec).map(\.description) == errors)
    }

    @Test func `a change of an immutable field is refused`() throws {
        let errors = try Widget.errors(
            #"{"mode":"fast","frozen":"y"}"#, old: #"{"mode":"fast","frozen":"x"}"#)
        #expect(errors.map(\.description) == [#"spec.frozen: Invalid value: "y": frozen is immutable"#])
        #expect(
            errors.message(kind: "Widget", group: "example.dev", name: "w1")
                == #"Widget.example.dev "w1" is invalid: spec.frozen: Invalid value: "y": frozen is immutable"#
        )
        #expect(try Widget.errors(#"{"mode":"fast","frozen":"y"}"#, old: #"{"mode":"fast"}"#).isEmpty)
    }

    @Test func `an unchanged value is not judged again`() throws {
        let old = #"{"mode":"fast","size":99}"#
        #expect(try Widget.errors(#"{"mode":"slow","size":99}"#, old: old).map(\.field) == ["spec.size"])
        #expect(try Widget.errors(#"{"mode":"fast","size":99,"name":"a"}"#, old: old).isEmpty)
    }

    @Test func `one error stands alone and several in brackets`() throws {
        let errors = try Widget.errors("{}")
        #expect(
            errors.message(kind: "Widget", group: "example.dev", name: "bad")
                == #"Widget.example.dev "bad" is invalid: [spec.mode: Required value, \#(Self.notChecked)]"#)
    }

    @Test func `defaults are filled in and unknown fields pruned`() throws {
        var value = try JSONValue(
            parsing: #"{"spec":{"mode":"fast","unknown":1,"items":[{"key":"a","x":2}]},"extra":true}"#)
        let schema = try Widget.schema()
        #expect(schema.unknownFields(in: value) == ["extra", "spec.items[0].x", "spec.unknown"])
        schema.prune(&value)
        schema.applyDefaults(to: &value)
        #expect(value.text == #"{"spec":{"items":[{"key":"a","v":7}],"mode":"fast","size":3}}"#)
    }

    @Test func `nulls that are not allowed are dropped`() throws {
        var value = try JSONValue(
            parsing: #"{"spec":{"mode":"fast","name":null,"size":null,"params":{"a":null}}}"#)
        try Widget.schema().applyDefaults(to: &value)
        #expect(value.text == #"{"spec":{"mode":"fast","params":{},"size":3}}"#)
    }
}
