import KubernetesAPI

extension Script {
    static let creation = [
        Script("an object is created once, defaulted and without its status") { transcript, objects in
            var manifest = objects.manifest("first")
            manifest["status"] = ["phase": "Passed"]
            try await transcript.send("create", objects.create(manifest))
            try await transcript.send("create again", objects.create(manifest))
            try await transcript.send("get", objects.get("first"))
            try await transcript.send("get the status", objects.get("first", subresource: "status"))
            try await transcript.send("get another", objects.get("second"))
            manifest[path: ["metadata", "resourceVersion"]] = "1"
            manifest[path: ["metadata", "name"]] = "second"
            try await transcript.send("create with a version", objects.create(manifest))
        },
        Script("a dry run stores nothing") { transcript, objects in
            let dryRun = [QueryItem("dryRun", "All")]
            try await transcript.send("dry run", objects.create(objects.manifest("dry"), query: dryRun))
            try await transcript.send("get", objects.get("dry"))
            try await transcript.send(
                "wrong dry run", objects.create(objects.manifest("dry"), query: [QueryItem("dryRun", "Some")])
            )
        },
        Script("unknown fields are refused, warned of or dropped, as asked") { transcript, objects in
            var manifest = objects.manifest("unknown")
            manifest[path: ["spec", "modle"]] = ["storageUri": "s3://models/base/"]
            manifest[path: ["spec", "model", "versoin"]] = "1"
            for validation in ["Strict", "Warn", "Ignore", "Whatever"] {
                try await transcript.send(
                    validation,
                    objects.create(
                        manifest,
                        query: [QueryItem("fieldValidation", validation), QueryItem("dryRun", "All")]))
            }
        },
        Script("names and metadata are validated") { transcript, objects in
            for name in ["Upper", "-begin", "under_score", "a.b", String(repeating: "n", count: 254)] {
                try await transcript.send("name \(name.prefix(12))", objects.create(objects.manifest(name)))
            }
            let metadata: [(String, JSONValue)] = [
                ("labels", ["-bad": "x", "good": "bad value"]), ("annotations", ["a/b/c": "x"]),
                ("finalizers", ["nodomain"]), ("finalizers", ["anneal.dev/known", "anneal.dev/known"]),
                ("ownerReferences", [["apiVersion": "v1", "kind": "Pod", "name": "x"]]),
                ("ownerReferences", [["kind": "Pod", "name": "x", "uid": "1"]]), ("labels", "text"),
                ("labels", ["a": 1]), ("finalizers", "one"), ("annotations", ["a": true]), ("generation", 7),
                ("namespace", "elsewhere"),
                ("uid", "by-hand"), ("unknown", true),
            ]
            for (name, value) in metadata {
                var manifest = objects.manifest("metadata")
                manifest[path: ["metadata", name]] = value
                try await transcript.send(
                    "metadata.\(name)",
                    objects.create(
                        manifest,
                        query: [QueryItem("fieldValidation", "Strict"), QueryItem("dryRun", "All")]))
            }
        },
        Script("a body that is no such object is refused") { transcript, objects in
            var another = objects.manifest("x")
            another["kind"] = "TrainingJob"
            var unversioned = objects.manifest("x")
            unversioned["apiVersion"] = nil
            var unspecified = objects.manifest("x")
            unspecified["spec"] = nil
            var unnamed = objects.manifest("x")
            unnamed["metadata"] = nil
            let bodies: [(String, JSONValue)] = [
                ("another kind", another), ("no version", unversioned),
                (
                    "another group",
                    ["apiVersion": "example.com/v1alpha1", "kind": "EvalRun", "metadata": [:]]
                ),
                ("another version", ["apiVersion": "anneal.dev/v1", "kind": "EvalRun", "metadata": [:]]),
                ("no kind", ["apiVersion": "anneal.dev/v1alpha1", "metadata": ["name": "x"]]),
                ("no spec", unspecified),
                ("no name", unnamed),
            ]
            for (what, body) in bodies { try await transcript.send(what, objects.create(body)) }
        },
    ]
}
