import AnnealAPI
import KubernetesAPI

/// Requests whose options come in the body, in the query or in both, with values that are none among them.
extension Script {
    private typealias Options = (what: String, body: JSONValue?, query: [QueryItem])

    private static func options(_ members: JSONValue) -> JSONValue {
        var body: JSONValue = ["kind": "DeleteOptions", "apiVersion": "v1"]
        for (name, value) in members.objectValue ?? [:] { body[name] = value }
        return body
    }

    private static let dryRun = [QueryItem("dryRun", "All")]

    /// Options that every deletion answers without deleting anything.
    private static let harmless: [Options] = [
        ("body", options(["dryRun": ["All"]]), []), ("query", nil, dryRun),
        ("no kind", ["dryRun": ["All"]], []),
        ("another version", ["kind": "DeleteOptions", "apiVersion": "apps/v1", "dryRun": ["All"]], []),
        ("unknown field", options(["dryRun": ["All"], "fieldManager": "x", "unknown": 1]), []),
        ("the body alone counts", options(["preconditions": ["uid": "other"]]), dryRun),
        ("no dry run", options(["dryRun": ["Some"]]), []),
        ("half a dry run", options(["dryRun": ["All", "Some"]]), []),
        ("no dry run in the query", nil, [QueryItem("dryRun", "Some")]),
        ("empty dry run in the query", nil, [QueryItem("dryRun", "")]),
        ("dry run is no list", options(["dryRun": "All"]), []),
        ("dry run of numbers", options(["dryRun": [1]]), []),
        ("seconds are a text", options(["dryRun": ["All"], "gracePeriodSeconds": "ten"]), []),
        ("seconds are a fraction", options(["dryRun": ["All"], "gracePeriodSeconds": 1.5]), []),
        ("seconds are a list", options(["dryRun": ["All"], "gracePeriodSeconds": [1]]), []),
        ("seconds in the query", nil, dryRun + [QueryItem("gracePeriodSeconds", "ten")]),
        ("no seconds in the query", nil, dryRun + [QueryItem("gracePeriodSeconds", "")]),
        (
            "too many seconds in the query", nil,
            dryRun + [QueryItem("gracePeriodSeconds", "99999999999999999999")]
        ),
        ("negative seconds", options(["dryRun": ["All"], "gracePeriodSeconds": -5]), []),
        ("orphans is a text", options(["dryRun": ["All"], "orphanDependents": "yes"]), []),
        ("orphans in the query", nil, dryRun + [QueryItem("orphanDependents", "yes")]),
        ("no orphans", options(["dryRun": ["All"], "orphanDependents": false]), []),
        (
            "two policies",
            options(["dryRun": ["Some"], "orphanDependents": true, "propagationPolicy": "Gentle"]), []
        ),
        (
            "two policies in the query", nil,
            dryRun + [QueryItem("orphanDependents", "1"), QueryItem("propagationPolicy", "Orphan")]
        ),
        ("no policy", options(["dryRun": ["All"], "propagationPolicy": ""]), []),
        ("no policy in the query", nil, dryRun + [QueryItem("propagationPolicy", "")]),
        ("policy is a number", options(["dryRun": ["All"], "propagationPolicy": 5]), []),
        ("policy is null", options(["dryRun": ["All"], "propagationPolicy": .null]), []),
        ("foreground", options(["dryRun": ["All"], "propagationPolicy": "Foreground"]), []),
        ("orphan", nil, dryRun + [QueryItem("propagationPolicy", "Orphan")]),
        ("another uid", options(["dryRun": ["All"], "preconditions": ["uid": "other"]]), []),
        ("another uid in the query", nil, dryRun + [QueryItem("uid", "other")]),
        ("an empty uid", options(["dryRun": ["All"], "preconditions": ["uid": ""]]), []),
        ("uid is a number", options(["dryRun": ["All"], "preconditions": ["uid": 1]]), []),
        ("version is a number", options(["dryRun": ["All"], "preconditions": ["resourceVersion": 1]]), []),
        ("preconditions are a list", options(["dryRun": ["All"], "preconditions": []]), []),
        ("another kind", ["kind": "Pod", "apiVersion": "v1", "dryRun": ["All"]], []),
        ("options of a creation", ["kind": "CreateOptions", "apiVersion": "v1", "dryRun": ["All"]], []),
        ("no version", ["kind": "DeleteOptions", "apiVersion": "a/b/c", "dryRun": ["All"]], []),
        ("a list", [], []), ("a text", "text", []),
    ]

    static let options = [
        Script("options of a deletion are those of the body, or without one of the query") {
            transcript, objects in
            try await transcript.send("create", objects.create(objects.manifest("run")))
            for (what, body, query) in harmless {
                try await transcript.send(
                    what, objects.raw(.delete, name: "run", query: query, body: body))
            }
            try await transcript.send(
                "a version in the query",
                objects.raw(.delete, name: "run", query: dryRun + [QueryItem("resourceVersion", "0")]))
            try await transcript.send(
                "media type",
                objects.raw(
                    .delete, name: "run", body: options(["dryRun": ["All"]]), contentType: "text/plain"))
            try await transcript.send(
                "of nothing", objects.raw(.delete, name: "none", body: options(["dryRun": ["All"]])))
            try await transcript.send(
                "no options of nothing", objects.raw(.delete, name: "none", body: options(["dryRun": "x"])))
            try await transcript.send("it is still there", objects.get("run"))
        },
        Script("options of deleting a collection are the same, and its answer is the list as it was") {
            transcript, objects in
            for name in ["one", "two"] {
                var manifest = objects.manifest(name)
                manifest[path: ["metadata", "labels"]] = ["name": .string(name)]
                try await transcript.send("create", objects.create(manifest))
            }
            for (what, body, query) in harmless {
                try await transcript.send(what, objects.raw(.delete, query: query, body: body))
            }
            let body = options(["dryRun": ["All"]])
            let queries: [QueryItem] = [
                QueryItem("labelSelector", "name=two"), QueryItem("labelSelector", "=="),
                QueryItem("limit", "1"), QueryItem("limit", "few"), QueryItem("limit", ""),
                QueryItem("timeoutSeconds", "long"), QueryItem("resourceVersionMatch", "Exact"),
            ]
            for item in queries {
                try await transcript.send(
                    "\(item.name) \(item.value)", objects.raw(.delete, query: [item], body: body))
            }
            try await transcript.send("they are still there", objects.list())
            try await transcript.send(
                "one of them",
                objects.raw(
                    .delete, query: [QueryItem("labelSelector", "name=two")],
                    body: options(["propagationPolicy": "Background"])))
            try await transcript.send("the other", objects.list())
        },
        Script("options of a write are named for its verb, and all that is wrong is told at once") {
            transcript, objects in
            let long = String(repeating: "x", count: 129)
            let queries: [[QueryItem]] = [
                [QueryItem("dryRun", "Some")], [QueryItem("dryRun", "")],
                [QueryItem("dryRun", "All"), QueryItem("dryRun", "None")],
                [QueryItem("dryRun", "All"), QueryItem("fieldManager", long)],
                [QueryItem("dryRun", "All"), QueryItem("fieldManager", "a\u{1}\n\u{200B}é")],
                [QueryItem("dryRun", "All"), QueryItem("fieldValidation", "Perhaps")],
                [
                    QueryItem("dryRun", "Some"), QueryItem("fieldManager", long + "\n"),
                    QueryItem("fieldValidation", "Perhaps"), QueryItem("force", "false"),
                ],
            ]
            try await transcript.send("create", objects.create(objects.manifest("run")))
            let manifest = objects.manifest("run")
            for (index, query) in queries.enumerated() {
                try await transcript.send("post \(index)", objects.raw(.post, query: query, body: manifest))
                for name in ["run", "none"] {
                    try await transcript.send(
                        "put \(name) \(index)", objects.raw(.put, name: name, query: query, body: manifest))
                    for type in ["merge-patch+json", "apply-patch+yaml"] {
                        try await transcript.send(
                            "\(type) \(name) \(index)",
                            objects.raw(
                                .patch, name: name, query: query, body: manifest,
                                contentType: "application/\(type)"))
                    }
                }
                try await transcript.send("get \(index)", objects.raw(.get, name: "run", query: query))
            }
            for force in ["true", "false", "maybe", ""] {
                for type in ["merge-patch+json", "apply-patch+yaml"] {
                    try await transcript.send(
                        "\(type) with force \(force)",
                        objects.raw(
                            .patch, name: "run",
                            query: dryRun + [QueryItem("force", force), QueryItem("fieldManager", "me")],
                            body: manifest, contentType: "application/\(type)"))
                }
            }
            try await transcript.send(
                "media type first",
                objects.raw(.post, query: queries[0], body: manifest, contentType: "text/plain"))
            try await transcript.send("nothing has changed", objects.get("run"))
        },
        Script("a list refuses what is no number and what only a watch has") { transcript, objects in
            let items = [
                QueryItem("limit", "few"), QueryItem("limit", ""), QueryItem("limit", "-1"),
                QueryItem("limit", "99999999999999999999"), QueryItem("timeoutSeconds", "1.5"),
                QueryItem("sendInitialEvents", "true"),
            ]
            for item in items {
                try await transcript.send(
                    "\(item.name) \(item.value)", objects.raw(.get, query: [item]))
            }
        },
        Script("a path that names too little is refused") { transcript, objects in
            let type = EvalRun.resourceType.path(namespace: nil)
            let paths: [(APIRequest.Method, String)] = [
                (.post, type), (.delete, type), (.put, type), (.get, "\(type)/run"), (.put, "\(type)/run"),
                (.delete, "\(type)/run"),
            ]
            for (method, path) in paths {
                try await transcript.send(
                    "\(method) \(path)",
                    APIRequest(
                        method: method, path: path, contentType: "application/json",
                        body: (method == .delete ? options(["dryRun": ["All"]]) : objects.manifest("run"))
                            .serialized()))
            }
        },
    ]

    static let podOptions = [
        Script("a pod gets the grace period that is asked for, and never more", needsCoreResources: true) {
            transcript, objects in
            try await transcript.prepareForPods(objects)
            for (name, node) in [("bound", "node"), ("waiting", nil)] as [(String, String?)] {
                try await transcript.send("create", objects.pod(name, node: node))
                for seconds in [5, 0, -5, 1] as [Int64] {
                    try await transcript.send(
                        "\(name) \(seconds)",
                        objects.raw(
                            .delete, "pods/\(name)",
                            body: options(["dryRun": ["All"], "gracePeriodSeconds": .integer(seconds)])))
                }
            }
            let steps: [(String, JSONValue)] = [
                ("begin", options(["orphanDependents": false])),
                ("dry run of less", options(["dryRun": ["All"], "gracePeriodSeconds": 5])),
                ("dry run below zero", options(["dryRun": ["All"], "gracePeriodSeconds": -5])),
                ("more", options(["gracePeriodSeconds": 50])),
                ("more of another", options(["gracePeriodSeconds": 50, "preconditions": ["uid": "other"]])),
                ("another policy", options(["propagationPolicy": "Orphan"])),
                ("less, another policy", options(["propagationPolicy": "Orphan", "gracePeriodSeconds": 5])),
                ("at once", options(["gracePeriodSeconds": 0])),
            ]
            for (what, body) in steps {
                try await transcript.send(what, objects.raw(.delete, "pods/bound", body: body))
            }
        },
        Script("an eviction takes the options in its body, and the query's dry run", needsCoreResources: true)
        {
            transcript, objects in
            try await transcript.prepareForPods(objects)
            try await transcript.send("create", objects.pod("bound", node: "node"))
            func evict(
                _ what: String, _ options: JSONValue?, query: [QueryItem] = [], name: String = "bound",
                _ transcript: inout Transcript, _ change: (inout JSONValue) -> Void = { _ in }
            ) async throws {
                var body: JSONValue = [
                    "apiVersion": "policy/v1", "kind": "Eviction", "metadata": ["name": .string(name)],
                ]
                body["deleteOptions"] = options
                change(&body)
                try await transcript.send(
                    what, objects.raw(.post, "pods/\(name)/eviction", query: query, body: body))
            }
            let all: JSONValue = ["dryRun": ["All"]]
            let cases: [Options] = [
                ("body", all, []), ("query", nil, dryRun), ("both", all, dryRun),
                ("empty list", ["dryRun": []], dryRun), ("twice", ["dryRun": ["All", "All"]], dryRun),
                ("no dry run", ["dryRun": ["Some"]], []), ("another dry run", ["dryRun": ["Some"]], dryRun),
                ("no dry run in the query", nil, [QueryItem("dryRun", "Some")]),
                ("dry run is no list", ["dryRun": "All"], []),
                ("seconds are a text", ["dryRun": ["All"], "gracePeriodSeconds": "ten"], []),
                ("options are a list", [], []), ("another uid", ["preconditions": ["uid": "other"]], []),
                ("another version", ["preconditions": ["resourceVersion": "1"]], []),
                ("uid is a number", ["preconditions": ["uid": 1]], []),
                ("no policy", ["dryRun": ["All"], "propagationPolicy": "Gentle"], []),
                (
                    "two policies",
                    ["dryRun": ["All"], "propagationPolicy": "Orphan", "orphanDependents": true], []
                ),
                ("unknown field", ["unknown": 1], dryRun + [QueryItem("fieldValidation", "Strict")]),
                ("no validation", nil, dryRun + [QueryItem("fieldValidation", "Perhaps")]),
                ("manager", nil, dryRun + [QueryItem("fieldManager", String(repeating: "x", count: 129))]),
            ]
            for (what, options, query) in cases {
                try await evict(what, options, query: query, &transcript)
                try await evict("\(what), of nothing", options, query: query, name: "none", &transcript)
            }
            try await evict("another name", all, &transcript) { $0["metadata"] = ["name": "other"] }
            try await evict("no name", all, &transcript) { $0["metadata"] = nil }
            try await evict("name is a number", all, &transcript) { $0["metadata"] = ["name": 5] }
            try await evict("older version", all, &transcript) { $0["apiVersion"] = "policy/v1beta1" }
            try await evict("no kind", all, &transcript) { $0["kind"] = nil }
            try await evict("another kind", all, &transcript) {
                $0["kind"] = "Pod"
                $0["apiVersion"] = "v1"
            }
            try await transcript.send("it is still there", objects.raw(.get, "pods/bound"))
            try await evict("at last", ["gracePeriodSeconds": 7], &transcript)
            try await transcript.send("it goes", objects.raw(.get, "pods/bound"))
        },
        Script("a binding is of the pod that it means", needsCoreResources: true) { transcript, objects in
            try await transcript.prepareForPods(objects)
            try await transcript.send("create", objects.pod("waiting", node: nil))
            let metadata: [JSONValue] = [
                ["name": "waiting"], ["name": "other"], ["name": "waiting", "namespace": "other"],
                ["name": "waiting", "uid": "other"], ["name": "waiting", "uid": 5],
            ]
            for (index, metadata) in metadata.enumerated() {
                let body: JSONValue = [
                    "apiVersion": "v1", "kind": "Binding", "metadata": metadata,
                    "target": ["kind": "Node", "name": "node"],
                ]
                try await transcript.send(
                    "\(index)", objects.raw(.post, "pods/waiting/binding", query: dryRun, body: body))
            }
            try await transcript.send("it waits", objects.raw(.get, "pods/waiting"))
        },
        Script("options of a log are checked before its pod is looked for", needsCoreResources: true) {
            transcript, objects in
            try await transcript.prepareForPods(objects)
            try await transcript.send("create", objects.pod("waiting", node: nil))
            let queries: [[QueryItem]] = [
                [QueryItem("sinceSeconds", "0")], [QueryItem("sinceSeconds", "")],
                [QueryItem("sinceSeconds", "long")], [QueryItem("tailLines", "-1")],
                [QueryItem("tailLines", "few"), QueryItem("limitBytes", "-1")],
                [
                    QueryItem("tailLines", "-1"), QueryItem("limitBytes", "0"),
                    QueryItem("sinceSeconds", "-5"), QueryItem("sinceTime", "2026-01-01T00:00:00Z"),
                    QueryItem("stream", "Stdout"),
                ],
                [QueryItem("container", "other")],
                [QueryItem("container", "other"), QueryItem("limitBytes", "0")],
            ]
            for (index, query) in queries.enumerated() {
                for name in ["waiting", "none"] {
                    try await transcript.send(
                        "\(name) \(index)", objects.raw(.get, "pods/\(name)/log", query: query))
                }
            }
        },
        Script("a dry run shows what a deletion would leave, of any kind", needsCoreResources: true) {
            transcript, objects in
            try await transcript.prepareForPods(objects)
            for (path, kind) in [("serviceaccounts", "ServiceAccount"), ("configmaps", "ConfigMap")] {
                var manifest: JSONValue = [
                    "apiVersion": "v1", "kind": .string(kind), "metadata": ["name": "thing"],
                ]
                manifest[path: ["metadata", "finalizers"]] = path == "configmaps" ? ["anneal.dev/x"] : nil
                try await transcript.send("create", objects.raw(.post, path, body: manifest))
                for policy in ["Background", "Foreground", "Orphan"] {
                    let body = options(["dryRun": ["All"], "propagationPolicy": .string(policy)])
                    try await transcript.send(
                        policy, objects.raw(.delete, "\(path)/thing", body: body))
                }
                try await transcript.send("it is still there", objects.raw(.get, "\(path)/thing"))
            }
        },
    ]
}

extension Transcript {
    /// Makes the service account that pods need, which nobody makes where no controller runs.
    fileprivate mutating func prepareForPods(_ objects: Objects) async throws {
        try await send(
            "account",
            objects.raw(
                .post, "serviceaccounts",
                body: ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "default"]]))
    }
}

extension Objects {
    fileprivate func pod(_ name: String, node: String?) -> APIRequest {
        var pod: JSONValue = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)],
            "spec": [
                "automountServiceAccountToken": false,
                "containers": [["name": "main", "image": "example:1"]],
            ],
        ]
        pod[path: ["spec", "nodeName"]] = node.map(JSONValue.string)
        return raw(.post, "pods", body: pod)
    }
}
