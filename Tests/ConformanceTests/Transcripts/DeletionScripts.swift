import KubernetesAPI

extension Script {
    static let deletions = [
        Script("a deletion keeps to its preconditions") { transcript, objects in
            let first = try await transcript.send("create", objects.create(objects.manifest("run"))).body
            try await transcript.send(
                "another uid", objects.delete("run", options: DeleteOptions(uid: "other")))
            try await transcript.send(
                "label", objects.patch("run", .merge(["metadata": ["labels": ["a": "b"]]])))
            var options = DeleteOptions()
            options.preconditions = DeleteOptions.Preconditions(
                resourceVersion: first[path: ["metadata", "resourceVersion"]]?.stringValue)
            try await transcript.send("old version", objects.delete("run", options: options))
            try await transcript.send(
                "the uid",
                objects.delete(
                    "run", options: DeleteOptions(uid: first[path: ["metadata", "uid"]]?.stringValue)))
            try await transcript.send("again", objects.delete("run"))
        },
        Script("finalizers hold a deletion up until they are gone") { transcript, objects in
            var manifest = objects.manifest("held")
            manifest[path: ["metadata", "finalizers"]] = ["anneal.dev/one", "anneal.dev/two"]
            try await transcript.send("create", objects.create(manifest))
            try await transcript.send("delete", objects.delete("held"))
            try await transcript.send("delete again", objects.delete("held"))
            try await transcript.send("get", objects.get("held"))
            try await transcript.send(
                "spec while deleted",
                objects.patch("held", .merge(["spec": ["runPolicy": ["suspend": true]]])))
            try await transcript.send(
                "a new finalizer",
                objects.patch(
                    "held",
                    .merge(["metadata": ["finalizers": ["anneal.dev/one", "anneal.dev/three"]]])))
            try await transcript.send(
                "one less", objects.patch("held", .merge(["metadata": ["finalizers": ["anneal.dev/one"]]])))
            try await transcript.send(
                "status while deleted",
                objects.patch("held", .merge(["status": ["phase": "Queued"]]), subresource: "status"))
            try await transcript.send(
                "none", objects.patch("held", .merge(["metadata": ["finalizers": []]])))
            try await transcript.send("get what is gone", objects.get("held"))
        },
        Script("foreground and orphaning deletions wait for the collector") { transcript, objects in
            for policy in ["Foreground", "Orphan"] {
                try await transcript.send("create", objects.create(objects.manifest("run")))
                try await transcript.send(
                    policy, objects.delete("run", options: DeleteOptions(propagationPolicy: policy)))
                try await transcript.send(
                    "collected", objects.patch("run", .merge(["metadata": ["finalizers": .null]])))
            }
            try await transcript.send("create", objects.create(objects.manifest("run")))
            try await transcript.send(
                "no such policy", objects.delete("run", options: DeleteOptions(propagationPolicy: "Gentle")))
        },
    ]

    static let lists = [
        Script("lists are paged, selected and of one version") { transcript, objects in
            for name in ["a", "b", "c", "d", "e"] {
                var manifest = objects.manifest(name)
                manifest[path: ["metadata", "labels"]] = ["vowel": name == "a" || name == "e" ? "yes" : "no"]
                try await transcript.send("create", objects.create(manifest))
            }
            var token: String?
            for page in 1...3 {
                let reply = try await transcript.send(
                    "page \(page)", objects.list(ListOptions(limit: 2, continue: token)))
                token = reply.body[path: ["metadata", "continue"]]?.stringValue
            }
            let options = [
                ListOptions(labelSelector: "vowel=yes"), ListOptions(labelSelector: "vowel!=yes", limit: 1),
                ListOptions(labelSelector: "vowel in (yes,no),vowel notin (no)"),
                ListOptions(labelSelector: "=,"), ListOptions(fieldSelector: "metadata.name=b"),
                ListOptions(fieldSelector: "spec.model=b"), ListOptions(continue: "!"),
                ListOptions(resourceVersion: "nonsense"), ListOptions(resourceVersionMatch: "Exact"),
                ListOptions(resourceVersion: "0", resourceVersionMatch: "Exact"),
                ListOptions(resourceVersion: "1", resourceVersionMatch: "Nearly"),
            ]
            for (index, option) in options.enumerated() {
                try await transcript.send("list \(index)", objects.list(option))
            }
        }
    ]
}
