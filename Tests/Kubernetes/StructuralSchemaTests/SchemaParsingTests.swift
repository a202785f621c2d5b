import KubernetesAPI
import StructuralSchema
import Testing

@Suite struct SchemaParsingTests {
    @Test func `a schema is written as it was read`() throws {
        let json = try JSONValue(parsing: Widget.schemaText)
        #expect(try Widget.schema().json == json)
    }

    @Test func `every keyword survives reading and writing`() throws {
        let text = #"""
            {"type":"object","title":"t","description":"d","properties":{
              "a":{"type":"array","items":{"type":"string","minLength":1,"maxLength":9,"pattern":"^a","format":"uri"},
                   "minItems":1,"maxItems":2,"x-kubernetes-list-type":"set"},
              "b":{"type":"number","minimum":0.5,"maximum":1000000,"exclusiveMaximum":true,"multipleOf":0.5,
                   "example":1,"nullable":true},
              "c":{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]},
              "d":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"x-kubernetes-embedded-resource":true},
              "e":{"type":"object","additionalProperties":{"type":"boolean"},"minProperties":1,
                   "x-kubernetes-map-type":"atomic"},
              "f":{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"string"}},
                   "oneOf":[{"required":["x"]},{"required":["y"]}],"not":{"required":["x","y"]},
                   "x-kubernetes-validations":[{"rule":"has(self.x)","messageExpression":"'no x'",
                     "reason":"FieldValueRequired","fieldPath":".x"}]}}}
            """#
        let json = try JSONValue(parsing: text)
        #expect(try Schema(parsing: json, path: "s").json == json)
    }

    @Test(arguments: [
        (
            #"{"type":"object","properties":{"spec":{"type":"object","properties":{"name":{"maxLength":5}}}}}"#,
            "s.properties[spec].properties[name].type: Required value: must not be empty for specified object fields"
        ),
        (#"{}"#, "s.type: Required value: must not be empty at the root"),
        (#"{"type":"string"}"#, #"s.type: Invalid value: "string": must be object at the root"#),
        (
            #"{"type":"object","properties":{"a":{"type":"array"}}}"#,
            "s.properties[a].items: Required value: must be specified"
        ),
        (
            #"{"type":"object","properties":{"a":{"type":"array","items":{}}}}"#,
            "s.properties[a].items.type: Required value: must not be empty for specified array items"
        ),
        (
            #"{"type":"object","$ref":"x"}"#, "s.$ref: Forbidden: $ref is not supported"
        ),
        (
            #"{"type":"object","minimun":1}"#,
            "s.minimun: Forbidden: unknown keyword; see JSONSchemaProps of apiextensions/v1"
        ),
        (
            #"{"type":"object","properties":{"a":{"type":"string","pattern":"(a"}}}"#,
            #"s.properties[a].pattern: Invalid value: "(a": must be a valid regular expression, but isn't: missing closing )"#
        ),
        (
            #"{"type":"object","properties":{"a":{"type":"integer","maximum":3,"default":4}}}"#,
            #"s.properties[a].default: Invalid value: 4:  in body should be less than or equal to 3"#
        ),
        (
            #"{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"k":{"type":"string"}}},"x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"]}}}"#,
            "s.properties[a].items.properties[k].default: Required value: this property is in"
                + " x-kubernetes-list-map-keys, so it must have a default or be a required property"
        ),
        (
            #"{"type":"object","properties":{"a":{"type":"string"}},"x-kubernetes-validations":[{"rule":"self.b == 1"}]}"#,
            #"s.x-kubernetes-validations[0].rule: Invalid value: "self.b == 1": compilation failed: ERROR: undefined field 'b'"#
        ),
        (
            #"{"type":"object","x-kubernetes-validations":[{"rule":"self.kind =="}]}"#,
            #"s.x-kubernetes-validations[0].rule: Invalid value: "self.kind ==": compilation failed: ERROR: <input>:1:13: Syntax error: unexpected '<EOF>'"#
        ),
    ])
    func `a schema that is not structural is refused`(schema: String, error: String) throws {
        let json = try JSONValue(parsing: schema)
        let failure = #expect(throws: InvalidSchema.self) { try Schema(parsing: json, path: "s") }
        #expect(failure?.errors.map(\.description) == [error])
    }

    @Test func `deep nesting is refused and not fatal`() throws {
        var json: JSONValue = ["type": "object"]
        for _ in 0..<200 { json = ["type": "object", "properties": ["a": json]] }
        #expect(throws: InvalidSchema.self) { try Schema(parsing: json, path: "s") }
    }
}
