import KubernetesAPI
import Testing

@testable import ObjectPatching

@Suite("Ownership by updates")
struct UpdateTests {
    private let pod = json(
        #"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"p1","labels":{"app":"p1"}},"spec":{"containers":
        [{"name":"c","image":"x","imagePullPolicy":"Always","resources":{}}],"restartPolicy":"Always"},
        "status":{"phase":"Pending"}}
        """#)

    private func created() -> JSONValue {
        Managers.pod.update(live: nil, new: pod, manager: "recorder", now: instant)
    }

    @Test
    func `neither zero values of a Go type nor the status are owned after a creation`() {
        #expect(
            created().fields(of: "recorder", "Update")
                == json(
                    #"""
                    {"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":
                    {"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:imagePullPolicy":{},"f:name":{},
                    "f:resources":{}}},"f:restartPolicy":{}}}
                    """#))
    }

    @Test
    func `a custom resource begins with no owned defaults`() {
        let widget = json(
            #"""
            {"apiVersion":"example.dev/v1","kind":"Widget","metadata":{"name":"w1","generateName":"w"},
            "spec":{"mode":"fast","items":[{"key":"a","v":7}]}}
            """#)
        let object = Managers.widget.update(live: nil, new: widget, manager: "recorder", now: instant)
        #expect(
            object.fields(of: "recorder", "Update")
                == json(
                    #"""
                    {"f:metadata":{"f:generateName":{}},"f:spec":{".":{},"f:items":{".":{},
                    "k:{\"key\":\"a\"}":{".":{},"f:key":{},"f:v":{}}},"f:mode":{}}}
                    """#))
    }

    @Test
    func `merge patches move ownership as recorded`() throws {
        var object = created()
        func patch(_ text: String, now: Timestamp) throws {
            let new = try ObjectPatcher.applyPatch(.merge, json(text), to: object)
            object = Managers.pod.update(live: object, new: new, manager: "recorder", now: now)
        }
        try patch(#"{"metadata":{"annotations":{"a":"1","b":"2"}}}"#, now: later)
        let owned = { object.fields(of: "recorder", "Update")?[path: ["f:metadata", "f:annotations"]] }
        #expect(owned() == [".": [:], "f:a": [:], "f:b": [:]])
        #expect(object.entry(of: "recorder", "Update")?["time"] == .string(later.description))
        try patch(#"{"metadata":{"annotations":{"a":null}}}"#, now: later)
        #expect(owned() == [".": [:], "f:b": [:]])
        let before = object
        try patch(#"{"metadata":{"annotations":{"b":"2"}}}"#, now: later.advanced(by: 60))
        #expect(object == before)
    }

    @Test
    func `replaced conditions leave only the list to their old owner`() throws {
        var object = created()
        let scheduled = object.with(
            "status",
            json(#"{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False"}]}"#))
        object = Managers.podStatus.update(
            live: object, new: scheduled, manager: "kube-scheduler", now: instant)
        #expect(
            object.fields(of: "kube-scheduler", "Update", subresource: "status")
                == json(
                    #"""
                    {"f:status":{"f:conditions":{".":{},"k:{\"type\":\"PodScheduled\"}":
                    {".":{},"f:status":{},"f:type":{}}}}}
                    """#))
        let running = object.with(
            "status",
            json(
                #"""
                {"phase":"Running","conditions":[{"type":"Ready","status":"True","lastProbeTime":null}]}
                """#))
        object = Managers.podStatus.update(live: object, new: running, manager: "recorder", now: later)
        #expect(
            object.fields(of: "kube-scheduler", "Update", subresource: "status")
                == ["f:status": ["f:conditions": [:]]])
        #expect(
            object.fields(of: "recorder", "Update", subresource: "status")
                == json(
                    #"""
                    {"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{".":{},"f:lastProbeTime":{},
                    "f:status":{},"f:type":{}}},"f:phase":{}}}
                    """#))
        // One name has two entries: the object's and the subresource's.
        #expect(object.managers == ["kube-scheduler", "recorder", "recorder"])
    }

    @Test
    func `a status update owns annotations, but not fields that it cannot write`() {
        let object = created()
        var new = object
        new[path: ["metadata", "annotations"]] = ["via": "status"]
        new[path: ["spec", "restartPolicy"]] = "Never"
        let result = Managers.podStatus.update(live: object, new: new, manager: "recorder", now: later)
        #expect(
            result.fields(of: "recorder", "Update", subresource: "status")
                == ["f:metadata": ["f:annotations": [".": [:], "f:via": [:]]]])
    }

    @Test
    func `a changed field passes to the manager that changed it`() {
        let object = created()
        var new = object
        new[path: ["spec", "restartPolicy"]] = "Never"
        let result = Managers.pod.update(live: object, new: new, manager: "other", now: later)
        #expect(result.fields(of: "other", "Update") == ["f:spec": ["f:restartPolicy": [:]]])
        #expect(
            result.fields(of: "recorder", "Update")?[path: ["f:spec", "f:restartPolicy"]] == nil)
    }

    @Test
    func `a client that forgets managedFields doesn't delete them; one that resets them does`() {
        let object = created()
        let forgetful = Managers.pod.update(
            live: object, new: object.withoutManagedFields, manager: "m", now: later)
        #expect(forgetful == object)
        var reset = object
        reset[path: ["metadata", "managedFields"]] = [[:]]
        reset[path: ["metadata", "uid"]] = "u"
        var live = object
        live[path: ["metadata", "uid"]] = "u"
        let result = Managers.pod.update(live: live, new: reset, manager: "m", now: later)
        #expect(result[path: ["metadata", "managedFields"]] == nil)
    }

    @Test
    func `the oldest updaters are put together beyond ten`() {
        var object = Managers.configMap.update(
            live: nil, new: ["apiVersion": "v1", "data": ["k0": "0"]], manager: "m0", now: instant)
        for number in 1...14 {
            var new = object
            new[path: ["data", "k\(number)"]] = "x"
            object = Managers.configMap.update(
                live: object, new: new, manager: "m\(number)", now: instant.advanced(by: Int64(number)))
        }
        #expect(object.managers.count == 10)
        #expect(object.managers.first == "ancient-changes")
        let ancient = object.fields(of: "ancient-changes", "Update")?["f:data"]?.objectValue?.keys.sorted()
        #expect(ancient == [".", "f:k0", "f:k1", "f:k2", "f:k3", "f:k4", "f:k5"])
    }

    @Test
    func `times alone are no difference`() {
        let object = created()
        var retimed = object
        retimed[path: ["metadata", "managedFields"]] = json(
            object[path: ["metadata", "managedFields"]]?.text
                .replacing(instant.description, with: later.description) ?? "")
        #expect(retimed != object)
        #expect(FieldManager.keepingTimes(of: object, in: retimed) == object)
        let changed = retimed.with("spec", [:])
        #expect(FieldManager.keepingTimes(of: object, in: changed) == changed)
    }

    @Test
    func `duplicate elements are owned together`() {
        let first = Managers.widget.update(
            live: nil, new: json(#"{"spec":{"tags":["a","a","b"]}}"#), manager: "one", now: instant)
        #expect(
            first.fields(of: "one", "Update")?[path: ["f:spec", "f:tags"]]
                == [".": [:], #"v:"a""#: [:], #"v:"b""#: [:]])
        let second = Managers.widget.update(
            live: first, new: first.with("spec", json(#"{"tags":["a","b"]}"#)), manager: "two", now: later)
        #expect(second.fields(of: "two", "Update") == ["f:spec": ["f:tags": [#"v:"a""#: [:]]]])
    }
}
