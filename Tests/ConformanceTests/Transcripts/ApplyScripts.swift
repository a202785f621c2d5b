import KubernetesAPI

extension Script {
    /// The part of a spec that one manager applies.
    private static func suites(_ names: [String], limit: Int64? = nil) -> JSONValue {
        .array(
            names.map { name in
                var suite: JSONValue = [
                    "name": .string(name), "type": "perplexity",
                    "data": ["storageUri": .string("s3://datasets/\(name).jsonl")],
                ]
                suite["limit"] = limit.map(JSONValue.integer)
                return suite
            })
    }

    private static func labels(_ objects: Objects, _ labels: JSONValue) -> JSONValue {
        var manifest = objects.manifest("run")
        manifest["spec"] = nil
        manifest[path: ["metadata", "labels"]] = labels
        return manifest
    }

    static let applies = [
        Script("applying creates, changes and takes back what the manager applied") { transcript, objects in
            var manifest = objects.manifest("run")
            manifest[path: ["metadata", "labels"]] = ["a": "1", "b": "2"]
            func apply(_ what: String, _ transcript: inout Transcript) async throws {
                try await transcript.send(
                    what, objects.patch("run", .apply(manifest, fieldManager: "team", force: false)))
            }
            try await apply("create", &transcript)
            try await apply("the same", &transcript)
            manifest[path: ["metadata", "labels"]] = ["a": "3"]
            try await apply("one label less", &transcript)
            manifest[path: ["spec", "runPolicy"]] = ["activeDeadlineSeconds": 60]
            try await apply("a deadline", &transcript)
            manifest[path: ["spec", "runPolicy"]] = nil
            try await apply("no deadline", &transcript)
            manifest[path: ["spec", "unknown"]] = 1
            try await apply("unknown field", &transcript)
            try await transcript.send(
                "unknown field, strictly",
                objects.patch(
                    "run", .apply(manifest, fieldManager: "team", force: false),
                    query: [QueryItem("fieldValidation", "Strict")]))
            manifest[path: ["spec", "unknown"]] = nil
            manifest[path: ["spec", "suites"]] = .array([
                ["name": "same", "type": "perplexity"], ["name": "same", "type": "perplexity"],
            ])
            try await apply("a name twice", &transcript)
            manifest[path: ["spec", "suites"]] = "none"
            try await apply("a wrong type", &transcript)
        },
        Script("managers conflict about a value, share it, or take it by force") { transcript, objects in
            var manifest = objects.manifest("run")
            manifest[path: ["metadata", "labels"]] = ["shared": "1", "own": "1"]
            try await transcript.send(
                "create", objects.patch("run", .apply(manifest, fieldManager: "red", force: false)))
            let steps: [(String, JSONValue, String, Bool)] = [
                ("shares", ["shared": "1"], "blue", false), ("conflicts", ["shared": "2"], "blue", false),
                ("conflicts twice", ["shared": "2", "own": "2"], "green", false),
                ("forces", ["shared": "2"], "blue", true), ("gives up", [:], "blue", false),
            ]
            for (what, labels, manager, force) in steps {
                try await transcript.send(
                    what,
                    objects.patch(
                        "run", .apply(Self.labels(objects, labels), fieldManager: manager, force: force)))
            }
            try await transcript.send(
                "patch takes over", objects.patch("run", .merge(["metadata": ["labels": ["own": "3"]]])))
            try await transcript.send(
                "apply against the patch",
                objects.patch(
                    "run", .apply(Self.labels(objects, ["own": "1"]), fieldManager: "red", force: false)))
        },
        Script("a status is applied by its subresource, conditions by type") { transcript, objects in
            try await transcript.send("create", objects.create(objects.manifest("run")))
            func apply(
                _ what: String, _ manager: String, _ conditions: [JSONValue], _ transcript: inout Transcript
            ) async throws {
                var body = objects.manifest("run")
                body["spec"] = nil
                body["status"] = ["conditions": .array(conditions)]
                try await transcript.send(
                    what,
                    objects.patch(
                        "run", .apply(body, fieldManager: manager, force: false), subresource: "status"))
            }
            try await apply("first", "red", [.condition("Admitted", status: "True")], &transcript)
            try await apply("beside it", "blue", [.condition("Finished", status: "False")], &transcript)
            try await apply("conflict", "blue", [.condition("Admitted", status: "False")], &transcript)
            try await apply("taken back", "red", [], &transcript)
            var both = objects.manifest("run", spec: ["runPolicy": ["suspend": true]])
            both["status"] = ["phase": "Queued"]
            try await transcript.send(
                "both by the status",
                objects.patch("run", .apply(both, fieldManager: "green", force: true), subresource: "status"))
            try await transcript.send(
                "both by the object", objects.patch("run", .apply(both, fieldManager: "green", force: true)))
        },
        Script("applies that cannot be are refused") { transcript, objects in
            let manifest = objects.manifest("run", spec: ["suites": Self.suites(["quality"])])
            try await transcript.send(
                "invalid", objects.patch("run", .apply(manifest, fieldManager: "team", force: false)))
            let whole = objects.manifest("run")
            try await transcript.send(
                "create", objects.patch("run", .apply(whole, fieldManager: "team", force: false)))
            var named = whole
            named[path: ["metadata", "name"]] = "other"
            var versioned = whole
            versioned[path: ["metadata", "resourceVersion"]] = "1"
            var identified = whole
            identified[path: ["metadata", "uid"]] = "other"
            var managed = whole
            managed[path: ["metadata", "managedFields"]] = [["manager": "x"]]
            var another = whole
            another["kind"] = "TrainingJob"
            let bodies = [
                ("another name", named), ("old version", versioned), ("another uid", identified),
                ("managed fields", managed), ("another kind", another), ("no object", .string("text")),
            ]
            for (what, body) in bodies {
                try await transcript.send(
                    what, objects.patch("run", .apply(body, fieldManager: "team", force: true)))
            }
            var nobody = objects.patch("run", .apply(whole, fieldManager: "", force: false))
            nobody.query = []
            try await transcript.send("no manager", nobody)
        },
    ]
}
