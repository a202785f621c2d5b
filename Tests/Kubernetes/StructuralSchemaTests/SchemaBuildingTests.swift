import KubernetesAPI
import StructuralSchema
import Testing

@Suite struct SchemaBuildingTests {
    @Test func `a built schema is the one that it reads like`() {
        let schema = Schema.object(
            "What to train.",
            [
                "method": .string("How.").oneOf("lora", "full").default("lora"),
                "numNodes": .integer("Nodes.", format: .int32).range(1...64).default(1),
                "ratio": .number("Share.").exclusiveMinimum(0).maximum(1),
                "params": .map("The rest.", of: .string("A value.").maxLength(256)).maxProperties(64),
                "suites": .listMap("What to run.", keys: ["name"], of: .object("A suite.")).maxItems(16),
            ], required: ["method"]
        )
        .rule("self.numNodes > 1", message: "too few", fieldPath: ".numNodes")
        #expect(schema.kind == .object)
        #expect(schema.properties["method"]?.enumeration == ["lora", "full"])
        #expect(schema.properties["numNodes"]?.minimum == 1)
        #expect(schema.properties["numNodes"]?.defaultValue == 1)
        #expect(schema.properties["ratio"]?.exclusiveMinimum == true)
        #expect(schema.properties["suites"]?.listMapKeys == ["name"])
        #expect(schema.properties["suites"]?.listType == .map)
        #expect(
            schema.validations == [.init("self.numNodes > 1", message: "too few", fieldPath: ".numNodes")])
    }
}
