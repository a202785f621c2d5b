import KubernetesAPI
import StructuralSchema
import Testing

@Suite struct RuleTests {
    static let job = Schema.object(
        nil,
        [
            "spec": .object(
                nil,
                [
                    "uri": .string().maxLength(100), "limit": .integer(), "used": .integer(),
                    "steps": .listMap(
                        keys: ["name"],
                        of: .object(
                            nil, ["name": .string(), "image": .string().immutable()], required: ["name"])),
                    "plain": .array(of: .string().immutable()),
                    "labels": .map(of: .string().rule("self != 'bad'", message: "bad label")),
                ]
            )
            .rule(
                "!has(self.used) || !has(self.limit) || self.used <= self.limit",
                messageExpression: "'used ' + string(self.used) + ' of ' + string(self.limit)",
                reason: "FieldValueForbidden", fieldPath: ".used"
            )
            .rule("!has(self.uri) || self.uri.startsWith('s3://')")
        ])

    @Test func `a broken rule gives its own message`() {
        let errors = Self.job.validate([
            "spec": ["used": 3, "limit": 2, "uri": "http://x", "labels": ["a": "bad"]]
        ])
        #expect(
            errors.map(\.description) == [
                "spec.used: Forbidden: used 3 of 2",
                "spec: Invalid value: failed rule: !has(self.uri) || self.uri.startsWith('s3://')",
                #"spec.labels[a]: Invalid value: "bad": bad label"#,
            ])
    }

    @Test func `transition rules follow elements that keys tell apart`() {
        let old: JSONValue = [
            "spec": ["steps": [["name": "a", "image": "1"], ["name": "b", "image": "2"]], "plain": ["x"]]
        ]
        let moved: JSONValue = [
            "spec": ["steps": [["name": "b", "image": "2"], ["name": "c", "image": "9"]], "plain": ["y"]]
        ]
        #expect(Self.job.validate(moved, old: old).isEmpty)
        let changed: JSONValue = ["spec": ["steps": [["name": "b", "image": "3"]]]]
        #expect(
            Self.job.validate(changed, old: old).map(\.description)
                == [#"spec.steps[0].image: Invalid value: "3": is immutable"#])
    }

    @Test func `a rule with optionalOldSelf runs on creation, too`() {
        let schema = Schema.object(
            nil,
            [
                "size": .integer().rule(
                    "oldSelf.hasValue() ? self >= oldSelf.value() : self > 0",
                    message: "must not shrink", optionalOldSelf: true)
            ])
        #expect(schema.validate(["size": 0]).count == 1)
        #expect(schema.validate(["size": 1]).isEmpty)
        #expect(schema.validate(["size": 1], old: ["size": 2]).count == 1)
        #expect(schema.validate(["size": 3], old: ["size": 2]).isEmpty)
    }

    @Test func `an error while evaluating is reported`() {
        let schema = Schema.object(nil, ["a": .integer()]).rule("self.a / 0 == 1", message: "m")
        #expect(
            schema.validate(["a": 1]).map(\.description)
                == ["<nil>: Invalid value: \"object\": division by zero evaluating rule: m"])
    }

    @Test(arguments: [
        ("self.nope == 1", "undefined field 'nope'"),
        ("self.name == 1", "found no matching overload for '_==_' applied to '(string, int)'"),
        ("self.name.startsWith('a').size() > 1", "found no matching overload for 'size' applied to '(bool)'"),
        ("frob(self.name)", "undeclared reference to 'frob' (in container '')"),
        ("other.name == ''", "undeclared reference to 'other' (in container '')"),
        ("self.list.all(x, x.nope)", "undefined field 'nope'"),
        ("self.name.matches('(')", "invalid matches argument: error parsing regexp: missing closing )"),
        ("self.metadata.labels.size() > 0", "undefined field 'labels'"),
    ])
    func `mistakes are found when declared`(rule: String, message: String) {
        let schema = Schema.object(
            nil, ["name": .string(), "list": .array(of: .object(nil, ["a": .integer()]))]
        ).rule(rule, message: "m")
        #expect(
            schema.structuralErrors(at: "s").map(\.description) == [
                "s.x-kubernetes-validations[0].rule: Invalid value: \"\(rule)\": compilation failed: ERROR:"
                    + " \(message)"
            ])
    }

    @Test func `transition rules stand only where elements can be followed`() {
        #expect(
            Self.job.structuralErrors(at: "s").map(\.description) == [
                "s.properties[spec].properties[plain].items.x-kubernetes-validations[0].rule: Invalid value:"
                    + " \"self == oldSelf\": oldSelf cannot be used on the uncorrelatable portion of the schema"
                    + " within s.properties[spec].properties[plain]"
            ])
    }

    @Test func `a rule must give a Boolean`() {
        let schema = Schema.object(nil, ["name": .string()]).rule("self.name", message: "m")
        #expect(
            schema.structuralErrors(at: "s").map(\.message) == [
                #"Invalid value: "self.name": cel expression must evaluate to a bool"#
            ])
    }
}
