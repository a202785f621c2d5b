import KubernetesAPI
import Testing

@testable import ObjectPatching

private func configMap(_ data: String, metadata: String = #"{"name":"ssa"}"#) -> JSONValue {
    json(#"{"apiVersion":"v1","kind":"ConfigMap","metadata":\#(metadata),"data":\#(data)}"#)
}

/// The exchanges `apply/…` and `cr/apply-…` of the recording, in order.
@Suite("Server-side apply, as recorded")
struct RecordedApplyTests {
    private let manager = Managers.configMap

    /// The object after `apply/create`.
    private func created() throws -> JSONValue {
        try manager.apply(
            live: nil, applied: configMap(#"{"a":"1","b":"1"}"#), manager: "one", now: instant)
    }

    @Test
    func `an applied creation is owned as recorded`() throws {
        let object = try created()
        #expect(
            object[path: ["metadata", "managedFields"]]
                == json(
                    #"""
                    [{"manager":"one","operation":"Apply","apiVersion":"v1","time":"\#(instant)",
                    "fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{},"f:b":{}}}}]
                    """#))
        #expect(object["data"] == ["a": "1", "b": "1"])
    }

    @Test
    func `applying the same again changes nothing, not even a time`() throws {
        let object = try created()
        let again = try manager.apply(
            live: object, applied: configMap(#"{"a":"1","b":"1"}"#), manager: "one", now: later)
        #expect(again == object)
    }

    @Test
    func `removal, a second manager, conflict, force and shared values go as recorded`() throws {
        var object = try manager.apply(
            live: try created(), applied: configMap(#"{"a":"1"}"#), manager: "one", now: instant)
        #expect(object["data"] == ["a": "1"])
        #expect(object.fields(of: "one") == ["f:data": ["f:a": [:]]])

        object = try manager.apply(
            live: object, applied: configMap(#"{"c":"2"}"#), manager: "two", now: instant)
        #expect(object["data"] == ["a": "1", "c": "2"])
        #expect(object.fields(of: "two") == ["f:data": ["f:c": [:]]])

        let before = object
        let error = #expect(throws: PatchError.self) {
            try manager.apply(
                live: before, applied: configMap(#"{"a":"9"}"#), manager: "two", now: instant)
        }
        #expect(
            error?.status
                == Status(
                    message: #"Apply failed with 1 conflict: conflict with "one": .data.a"#,
                    reason: "Conflict",
                    details: StatusDetails(causes: [
                        StatusCause(
                            reason: "FieldManagerConflict", message: #"conflict with "one""#, field: ".data.a"
                        )
                    ]), code: 409))

        object = try manager.apply(
            live: object, applied: configMap(#"{"a":"9","c":"2"}"#), manager: "two", force: true, now: instant
        )
        #expect(object.managers == ["two"])
        #expect(object.fields(of: "two") == ["f:data": ["f:a": [:], "f:c": [:]]])

        object = try manager.apply(
            live: object, applied: configMap(#"{"a":"9"}"#), manager: "one", now: later)
        #expect(object.managers == ["one", "two"])
        #expect(object["data"] == ["a": "9", "c": "2"])
        // A manager that comes to own an unchanged value makes no change, so its entry has no time.
        #expect(object.entry(of: "one")?["time"] == nil)
        #expect(object.entry(of: "two")?["time"] == .string(instant.description))
    }

    @Test
    func `managed fields in the body of an apply are refused as recorded`() throws {
        let error = #expect(throws: PatchError.self) {
            try manager.apply(
                live: nil,
                applied: configMap("{}", metadata: #"{"name":"ssa","managedFields":[{"manager":"x"}]}"#),
                manager: "one", now: instant)
        }
        #expect(error?.status.message == "metadata.managedFields must be nil")
        #expect(error?.status.reason == "BadRequest")
        #expect(error?.status.code == 400)
    }

    @Test
    func `lists of a pod are owned by their keys as recorded`() throws {
        let object = try Managers.pod.apply(
            live: nil,
            applied: json(
                #"""
                {"apiVersion":"v1","kind":"Pod","metadata":{"name":"ap","labels":{"app":"ap"}},
                "spec":{"containers":[{"name":"c","image":"x"}]}}
                """#), manager: "one", now: instant)
        #expect(
            object.fields(of: "one")
                == json(
                    #"""
                    {"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":
                    {".":{},"f:image":{},"f:name":{}}}}}
                    """#))
    }

    @Test
    func `applied status and conditions of a custom resource are owned as recorded`() throws {
        let widget = json(
            #"""
            {"apiVersion":"example.dev/v1","kind":"Widget","metadata":{"name":"w2"},
            "spec":{"mode":"fast","size":3}}
            """#)
        var object = Managers.widget.update(live: nil, new: widget, manager: "recorder", now: instant)
        object = try Managers.widgetStatus.apply(
            live: object,
            applied: json(
                #"""
                {"apiVersion":"example.dev/v1","kind":"Widget","metadata":{"name":"w2"},
                "status":{"phase":"P","conditions":[{"type":"A","status":"True"}]}}
                """#), manager: "op", force: true, now: instant)
        #expect(
            object.fields(of: "op", subresource: "status")
                == json(
                    #"""
                    {"f:status":{"f:conditions":{"k:{\"type\":\"A\"}":{".":{},"f:status":{},"f:type":{}}},
                    "f:phase":{}}}
                    """#))
        object = try Managers.widgetStatus.apply(
            live: object,
            applied: json(
                #"""
                {"apiVersion":"example.dev/v1","kind":"Widget","metadata":{"name":"w2"},
                "status":{"conditions":[{"type":"B","status":"True"}]}}
                """#), manager: "op2", now: instant)
        #expect(
            object["status"]
                == json(
                    #"""
                    {"conditions":[{"status":"True","type":"A"},{"status":"True","type":"B"}],"phase":"P"}
                    """#))
        #expect(object.managers == ["op", "op2", "recorder"])
        #expect(
            object.fields(of: "recorder", "Update") == ["f:spec": [".": [:], "f:mode": [:], "f:size": [:]]])
    }
}

@Suite("Server-side apply")
struct ApplyTests {
    private let manager = Managers.widget

    private func widget(_ spec: String) -> JSONValue {
        json(
            #"{"apiVersion":"example.dev/v1","kind":"Widget","metadata":{"name":"w"},"spec":\#(spec)}"#)
    }

    private func apply(
        _ live: JSONValue?, _ spec: String, by name: String, force: Bool = false
    ) throws -> JSONValue {
        try manager.apply(live: live, applied: widget(spec), manager: name, force: force, now: instant)
    }

    @Test
    func `a field of two appliers stays until both have dropped it`() throws {
        var object = try apply(nil, #"{"mode":"fast","size":1}"#, by: "one")
        object = try apply(object, #"{"size":1}"#, by: "two")
        object = try apply(object, #"{"mode":"fast"}"#, by: "one")
        #expect(object["spec"] == ["mode": "fast", "size": 1])
        object = try apply(object, "{}", by: "two")
        #expect(object["spec"] == ["mode": "fast"])
        #expect(object.fields(of: "two") == ["f:spec": [:]])
    }

    @Test
    func `an updater's field is kept when the applier drops it`() throws {
        var object = try apply(nil, #"{"mode":"fast","size":1}"#, by: "one")
        var scaled = object
        scaled[path: ["spec", "size"]] = 2
        object = manager.update(live: object, new: scaled, manager: "scaler", now: later)
        #expect(object.fields(of: "one") == ["f:spec": ["f:mode": [:]]])
        #expect(object.fields(of: "scaler", "Update") == ["f:spec": ["f:size": [:]]])
        object = try apply(object, #"{"mode":"fast"}"#, by: "one")
        #expect(object[path: ["spec", "size"]] == 2)
        let error = #expect(throws: PatchError.self) {
            try apply(object, #"{"size":1}"#, by: "one")
        }
        #expect(
            error?.status.message == "Apply failed with 1 conflict: conflict with \"scaler\" using "
                + "example.dev/v1: .spec.size")
    }

    @Test
    func `several conflicts are listed by manager`() throws {
        var object = try apply(
            nil, #"{"mode":"a","items":[{"key":"k","v":1}],"tags":["t"]}"#, by: "two")
        object = try apply(object, #"{"size":1}"#, by: "one")
        let error = #expect(throws: PatchError.self) {
            try apply(object, #"{"mode":"b","size":2,"items":[{"key":"k","v":2}],"tags":["t"]}"#, by: "me")
        }
        #expect(
            error?.status.message == """
                Apply failed with 3 conflicts: conflicts with "one":
                - .spec.size
                conflicts with "two":
                - .spec.mode
                - .spec.items[key="k"].v
                """)
        #expect(error?.status.details?.causes?.count == 3)
    }

    @Test
    func `elements of a set and of a keyed list have owners of their own`() throws {
        var object = try apply(nil, #"{"tags":["a","b"],"items":[{"key":"x","v":1}]}"#, by: "one")
        object = try apply(object, #"{"tags":["b","c"],"items":[{"key":"y","v":2}]}"#, by: "two")
        #expect(object[path: ["spec", "tags"]] == ["a", "b", "c"])
        object = try apply(object, "{}", by: "one")
        #expect(object["spec"] == json(#"{"tags":["b","c"],"items":[{"key":"y","v":2}]}"#))
        #expect(
            object.fields(of: "two")
                == json(
                    #"""
                    {"f:spec":{"f:tags":{"v:\"b\"":{},"v:\"c\"":{}},
                    "f:items":{"k:{\"key\":\"y\"}":{".":{},"f:key":{},"f:v":{}}}}}
                    """#))
    }

    @Test
    func `an element of a keyed list stays while somebody owns a part of it`() throws {
        var object = try apply(nil, #"{"items":[{"key":"x"}]}"#, by: "one")
        object = try apply(object, #"{"items":[{"key":"x","v":5}]}"#, by: "two")
        object = try apply(object, "{}", by: "one")
        #expect(object["spec"] == json(#"{"items":[{"key":"x","v":5}]}"#))
        object = try apply(object, #"{"mode":"m"}"#, by: "two")
        #expect(object["spec"] == ["mode": "m"])
    }

    @Test
    func `an applied order wins, and the rest keeps its place`() throws {
        var object = try apply(nil, #"{"tags":["a","b","c"]}"#, by: "one")
        object = try apply(object, #"{"tags":["c","x","a"]}"#, by: "two")
        #expect(object[path: ["spec", "tags"]] == ["b", "c", "x", "a"])
        object = try apply(object, #"{"tags":["d","c","b"]}"#, by: "one")
        #expect(object[path: ["spec", "tags"]] == ["d", "c", "x", "a", "b"])
    }

    @Test
    func `an atomic list has one owner`() throws {
        func pod(_ keys: [String]) -> JSONValue {
            let tolerations = JSONValue.array(keys.map { ["key": .string($0)] })
            return ["apiVersion": "v1", "kind": "Pod", "spec": ["tolerations": tolerations]]
        }
        let object = try Managers.pod.apply(live: nil, applied: pod(["a"]), manager: "one", now: instant)
        #expect(object.fields(of: "one") == ["f:spec": ["f:tolerations": [:]]])
        #expect(throws: PatchError.self) {
            try Managers.pod.apply(live: object, applied: pod(["a", "b"]), manager: "two", now: instant)
        }
        let forced = try Managers.pod.apply(
            live: object, applied: pod(["b"]), manager: "two", force: true, now: instant)
        #expect(forced["spec"] == json(#"{"tolerations":[{"key":"b"}]}"#))
        #expect(forced.managers == ["two"])
    }

    @Test
    func `an absent key has its default: ports of one number and two protocols`() throws {
        let object = try Managers.pod.apply(
            live: nil,
            applied: json(
                #"""
                {"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"c","ports":[
                {"containerPort":53},{"containerPort":53,"protocol":"UDP"}]}]}}
                """#), manager: "one", now: instant)
        let ports = object.fields(of: "one")?[
            path: ["f:spec", "f:containers", #"k:{"name":"c"}"#, "f:ports"]]
        #expect(ports?[#"k:{"containerPort":53,"protocol":"TCP"}"#] == [".": [:], "f:containerPort": [:]])
        #expect(ports?[#"k:{"containerPort":53,"protocol":"UDP"}"#] != nil)
    }

    @Test
    func `members of a map of objects belong to the manager that applied them`() throws {
        var object = try apply(nil, #"{"limits":{"a":{"cpu":"1"}}}"#, by: "one")
        #expect(
            object.fields(of: "one") == ["f:spec": ["f:limits": ["f:a": [".": [:], "f:cpu": [:]]]]])
        object = try apply(object, #"{"limits":{"a":{"memory":"2"},"b":{}}}"#, by: "two")
        object = try apply(object, "{}", by: "one")
        #expect(object["spec"] == json(#"{"limits":{"a":{"memory":"2"},"b":{}}}"#))
    }

    @Test
    func `fields of another subresource are neither changed nor owned`() throws {
        var applied = widget(#"{"mode":"fast"}"#)
        applied["status"] = ["phase": "Hacked"]
        let object = try manager.apply(live: nil, applied: applied, manager: "one", now: instant)
        #expect(object["status"] == nil)
        #expect(object.fields(of: "one") == ["f:spec": ["f:mode": [:]]])
        let again = try Managers.widgetStatus.apply(
            live: object, applied: applied.with("spec", ["mode": "slow"]), manager: "one", now: instant)
        #expect(again["spec"] == ["mode": "fast"])
        #expect(again["status"] == ["phase": "Hacked"])
        #expect(again.fields(of: "one", subresource: "status") == ["f:status": ["f:phase": [:]]])
    }

    @Test
    func `before the first apply, everything belongs to before-first-apply`() throws {
        var old = widget(#"{"mode":"fast","size":3}"#)
        old[path: ["metadata", "uid"]] = "u"
        let touched = manager.update(
            live: old, new: old.with("spec", ["mode": "x"]), manager: "m", now: instant)
        #expect(touched.managers.isEmpty)

        let object = try apply(old, #"{"mode":"fast"}"#, by: "one")
        #expect(object.fields(of: "one") == ["f:spec": ["f:mode": [:]]])
        #expect(
            object.fields(of: "before-first-apply", "Update") == [
                "f:spec": [".": [:], "f:mode": [:], "f:size": [:]]
            ])
        #expect(throws: PatchError.self) { try apply(old, #"{"size":4}"#, by: "one") }
    }

    @Test(arguments: [
        (#"{"bogus":1}"#, ".spec.bogus: field not declared in schema"),
        (#"{"size":"x"}"#, #".spec.size: expected numeric (int or float), got "x""#),
        (#"{"mode":{}}"#, ".spec.mode: expected string, got {}"),
        (#"{"items":{}}"#, ".spec.items: expected list, got &{map[]}"),
        (#"{"tags":["a","a"]}"#, #".spec.tags: duplicate entries for key [="a"]"#),
        (#"{"items":[{"key":"a"},{"key":"a"}]}"#, #"duplicate entries for key [key="a"]"#),
        (#"{"items":[{"v":1}]}"#, #"omits key field "key""#),
    ])
    func `a value without a type is refused, and the field named`(_ spec: String, _ message: String) {
        let error = #expect(throws: PatchError.self) { try apply(nil, spec, by: "one") }
        #expect(error?.code == .untyped)
        #expect(error?.status.code == 500)
        #expect(error?.status.message?.contains(message) == true, "\(error?.status.message ?? "")")
    }

    @Test
    func `another version than the resource's is refused`() {
        var applied = widget("{}")
        applied["apiVersion"] = "example.dev/v2"
        let error = #expect(throws: PatchError.self) {
            try manager.apply(live: nil, applied: applied, manager: "one", now: instant)
        }
        #expect(
            error?.status.message == "Incorrect version specified in apply patch. Specified patch version: "
                + "example.dev/v2, expected: example.dev/v1")
    }

    @Test
    func `kubectl takes over what its client-side apply applied, and no more`() throws {
        let configuration =
            #"{"apiVersion":"example.dev/v1","kind":"Widget","spec":{"mode":"fast","size":1}}"#
        var created = widget(#"{"mode":"fast","size":1}"#)
        created[path: ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"]] =
            .string(configuration)
        var object = manager.update(
            live: nil, new: created, manager: "kubectl-client-side-apply", now: instant)
        #expect(throws: PatchError.self) { try apply(object, #"{"mode":"slow","size":1}"#, by: "other") }
        object = try apply(object, #"{"mode":"slow","size":1}"#, by: "kubectl")
        #expect(object[path: ["spec", "mode"]] == "slow")
        let annotation = object[
            path: ["metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"]]
        #expect(annotation?.stringValue?.contains(#""mode":"slow""#) == true)

        var scaled = object
        scaled[path: ["spec", "size"]] = 7
        object = manager.update(live: object, new: scaled, manager: "scaler", now: later)
        #expect(throws: PatchError.self) { try apply(object, #"{"mode":"slow","size":1}"#, by: "kubectl") }
    }
}

extension JSONValue {
    func with(_ key: String, _ value: JSONValue?) -> JSONValue {
        var result = self
        result[key] = value
        return result
    }
}
