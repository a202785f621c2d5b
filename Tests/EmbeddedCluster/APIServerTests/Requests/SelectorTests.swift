import KubernetesAPI
import Testing

@testable import APIServer

@Suite struct SelectorTests {
    private static let labels: [String: JSONValue] = ["app": "web", "tier": "2", "empty": ""]

    @Test(arguments: [
        ("app=web", true), ("app==web", true), ("app!=web", false), ("gone!=x", true),
        ("app in (db, web)", true),
        ("app notin (web)", false), ("gone notin (web)", true), ("app", true), ("gone", false),
        ("!gone", true),
        ("!app", false), ("tier>1", true), ("tier<2", false), ("app=web,tier in (1,2),!gone", true),
        ("empty=", true), ("app=", false), ("", true), ("app in (),app", false),
    ])
    func aSelectorChooses(text: String, expected: Bool) throws {
        #expect(try LabelQuery(text).matches(Self.labels) == expected)
    }

    @Test(arguments: ["==", "app in", "app in (a", "a,", "tier>x", "=a", "app in a", "a b"])
    func aMalformedSelectorIsRefused(text: String) {
        #expect(throws: LabelQuery.ParseError.self) { try LabelQuery(text) }
    }

    @Test(arguments: [
        ("{.status.phase}", "Running"), (".status.phase", "Running"), (".list[1].name", "b"),
        (".list[*].name", "a,b"), (".list[?(@.name==\"b\")].value", "2"), (".labels.a\\.b/c", "dotted"),
        (".list[-1].name", "b"), (".none.at.all", ""), ("['status']['phase']", "Running"),
    ])
    func `a column path leads to its value`(path: String, expected: String) throws {
        let object: JSONValue = [
            "status": ["phase": "Running"], "labels": ["a.b/c": "dotted"],
            "list": [["name": "a", "value": "1"], ["name": "b", "value": "2"]],
        ]
        let values = try #require(JSONPathCell(path)).values(in: object).compactMap(\.stringValue)
        #expect(values.joined(separator: ",") == expected)
    }

    @Test(arguments: ["status", ".", ".list[", ".list[?(name==1)]", ".list[x]"])
    func `a malformed column path is refused`(path: String) {
        #expect(JSONPathCell(path) == nil)
    }

    @Test(arguments: [
        (0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (600, "10m"), (3 * 3600, "3h"), (9000, "150m"),
        (3 * 3600 + 600, "3h10m"), (9 * 3600, "9h"), (49 * 3600, "2d1h"), (9 * 86_400, "9d"),
        (3 * 365 * 86_400, "3y"), (-1, "0s"), (-5, "<invalid>"),
    ])
    func `age is shortened as kubectl does`(seconds: Int, expected: String) {
        #expect(HumanDuration.format(seconds: Int64(seconds)) == expected)
    }

    @Test(arguments: [
        ("application/json", Representation.object), ("", .object), ("*/*", .object),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", .table),
        ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", .metadata),
        ("application/json;as=Table;v=v2;g=meta.k8s.io,application/json", .object),
        ("application/vnd.kubernetes.protobuf,application/json", .object),
    ])
    func `the Accept header chooses the form`(accept: String, expected: Representation) {
        #expect(Representation(accept: accept) == expected)
    }

    @Test func `another form is not acceptable`() {
        #expect(Representation(accept: "application/vnd.kubernetes.protobuf") == nil)
        #expect(Representation(accept: "text/html") == nil)
    }
}
