import KubernetesAPI

extension Script {
    static let updates = [
        Script("an update of an old version conflicts, and one that changes nothing writes nothing") {
            transcript, objects in
            let first = try await transcript.send("create", objects.create(objects.manifest("run"))).body
            try await transcript.send("update with the same", objects.update("run", first))
            var labelled = first
            labelled[path: ["metadata", "labels"]] = ["team": "red"]
            let second = try await transcript.send("label", objects.update("run", labelled)).body
            try await transcript.send("update of the old version", objects.update("run", first))
            var suspended = second
            suspended[path: ["spec", "runPolicy"]] = ["suspend": true]
            suspended[path: ["status"]] = ["phase": "Passed"]
            try await transcript.send("spec", objects.update("run", suspended))
            var unconditional = suspended
            unconditional[path: ["metadata", "resourceVersion"]] = nil
            try await transcript.send("update without a version", objects.update("run", unconditional))
            try await transcript.send("update of nothing", objects.update("none", objects.manifest("none")))
            try await transcript.send("another name", objects.update("run", objects.manifest("other")))
        },
        Script("what does not change stays as it was created") { transcript, objects in
            let first = try await transcript.send("create", objects.create(objects.manifest("run"))).body
            for (name, value) in [("uid", "other"), ("creationTimestamp", "2020-01-01T00:00:00Z")] {
                var changed = first
                changed[path: ["metadata", name]] = .string(value)
                try await transcript.send(name, objects.update("run", changed))
            }
            var changed = first
            changed[path: ["metadata", "generation"]] = 9
            try await transcript.send("generation", objects.update("run", changed))
            changed = first
            changed[path: ["spec", "suites"]] = [
                ["name": "other", "type": "perplexity", "data": ["storageUri": "s3://datasets/other.jsonl"]]
            ]
            try await transcript.send("immutable field", objects.update("run", changed))
        },
        Script("patches change what they name") { transcript, objects in
            try await transcript.send("create", objects.create(objects.manifest("run")))
            let patches: [(String, Patch)] = [
                ("merge label", .merge(["metadata": ["labels": ["team": "red"]]])),
                ("merge the same", .merge(["metadata": ["labels": ["team": "red"]]])),
                ("merge nothing", .merge([:])),
                ("merge null", .merge(["metadata": ["labels": ["team": .null]]])),
                ("merge old version", .merge(["metadata": ["resourceVersion": "1"]])),
                ("merge another uid", .merge(["metadata": ["uid": "other"]])),
                ("merge another name", .merge(["metadata": ["name": "other"]])),
                ("merge wrong value", .merge(["spec": ["runPolicy": ["activeDeadlineSeconds": 0]]])),
                ("merge wrong type", .merge(["spec": ["runPolicy": ["activeDeadlineSeconds": "ten"]]])),
                ("merge unknown field", .merge(["spec": ["unknown": 1]])),
                ("merge spec", .merge(["spec": ["runPolicy": ["activeDeadlineSeconds": 60]]])),
                ("merge removes defaults", .merge(["spec": ["runPolicy": .null]])),
                (
                    "json",
                    .json([
                        ["op": "test", "path": "/spec/model/storageUri", "value": "s3://models/base/"],
                        ["op": "add", "path": "/metadata/annotations", "value": ["note": "x"]],
                    ])
                ),
                ("json test fails", .json([["op": "test", "path": "/kind", "value": "Pod"]])),
                ("json no path", .json([["op": "remove", "path": "/spec/none"]])),
                ("strategic", .strategic(["metadata": ["labels": ["a": "b"]]])),
                ("not an object", .merge("text")),
            ]
            for (what, patch) in patches {
                try await transcript.send(what, objects.patch("run", patch))
                try await transcript.send(
                    "strict \(what)",
                    objects.patch("run", patch, query: [QueryItem("fieldValidation", "Strict")]))
            }
            try await transcript.send("of nothing", objects.patch("none", .merge([:])))
        },
    ]

    static let statuses = [
        Script("a status is written by its subresource alone, on the version that was seen") {
            transcript, objects in
            let first = try await transcript.send("create", objects.create(objects.manifest("run"))).body
            let version = first[path: ["metadata", "resourceVersion"]] ?? .null
            let uid = first[path: ["metadata", "uid"]] ?? .null
            func status(_ version: JSONValue, _ status: JSONValue?) -> Patch {
                var body: JSONValue = ["metadata": ["resourceVersion": version, "uid": uid]]
                body["status"] = status
                return .merge(body)
            }
            try await transcript.send(
                "status by the object", objects.patch("run", .merge(["status": ["phase": "Queued"]])))
            try await transcript.send(
                "confirm the version", objects.patch("run", status(version, nil), subresource: "status"))
            let second = try await transcript.send(
                "status",
                objects.patch("run", status(version, ["phase": "Queued"]), subresource: "status")
            ).body
            try await transcript.send(
                "stale status",
                objects.patch("run", status(version, ["phase": "Evaluating"]), subresource: "status"))
            try await transcript.send(
                "confirm a stale version", objects.patch("run", status(version, nil), subresource: "status"))
            var changed = second
            changed[path: ["spec", "runPolicy"]] = ["suspend": true]
            changed[path: ["metadata", "labels"]] = ["team": "red"]
            changed[path: ["metadata", "finalizers"]] = ["anneal.dev/ledger"]
            changed["status"] = ["phase": "Evaluating"]
            try await transcript.send(
                "all by the status", objects.update("run", changed, subresource: "status"))
            for (what, body) in Self.wrongStatuses {
                try await transcript.send(
                    what, objects.patch("run", .merge(["status": body]), subresource: "status"))
            }
            try await transcript.send(
                "no status", objects.patch("run", .merge(["status": .null]), subresource: "status"))
            try await transcript.send(
                "another uid",
                objects.patch("run", .merge(["metadata": ["uid": "other"]]), subresource: "status"))
        }
    ]

    private static let wrongStatuses: [(String, JSONValue)] = [
        ("unknown phase", ["phase": "Dreaming"]),
        ("unknown field", ["phase": "Queued", "unknown": 1]),
        (
            "condition without a reason",
            [
                "conditions": [
                    ["type": "Finished", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"]
                ]
            ]
        ),
        (
            "the same condition twice",
            [
                "conditions": [
                    .condition("Finished", status: "True"), .condition("Finished", status: "False"),
                ]
            ]
        ),
        ("condition of no known status", ["conditions": [.condition("Finished", status: "Perhaps")]]),
        ("condition", ["conditions": [.condition("Finished", status: "True")]]),
    ]
}

extension JSONValue {
    static func condition(_ type: String, status: String) -> JSONValue {
        [
            "type": .string(type), "status": .string(status), "reason": "Tested", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
        ]
    }
}
