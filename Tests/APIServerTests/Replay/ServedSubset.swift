import KubernetesAPI

/// Discovery of the recording, reduced to what the embedded cluster serves: it says less, never otherwise.
enum ServedSubset {
    static func reduce(_ recorded: JSONValue, to ours: JSONValue) -> JSONValue {
        var reduced = recorded
        switch recorded["kind"]?.stringValue {
        case "APIGroupList":
            reduced["groups"] = sorted(keep(recorded["groups"], named: names(ours["groups"], "name"), "name"), "name")
        case "APIResourceList":
            reduced["resources"] = keep(
                recorded["resources"], named: names(ours["resources"], "name"), "name")
        case "APIGroupDiscoveryList":
            reduced["items"] = .array(
                zip(recorded["items"]?.arrayValue ?? [], ours["items"]?.arrayValue ?? []).map(reduceGroup))
        default: break
        }
        return reduced
    }

    /// Groups come in the order of their priority, which says nothing of what they hold.
    static func canonical(_ ours: JSONValue) -> JSONValue {
        guard ours["kind"]?.stringValue == "APIGroupList" else { return ours }
        var canonical = ours
        canonical["groups"] = sorted(ours["groups"] ?? [], "name")
        return canonical
    }

    private static func reduceGroup(_ recorded: JSONValue, _ ours: JSONValue) -> JSONValue {
        var group = recorded
        group["versions"] = .array(
            zip(recorded["versions"]?.arrayValue ?? [], ours["versions"]?.arrayValue ?? []).map { one, other in
                var version = one
                let served = other["resources"]?.arrayValue ?? []
                let resources = keep(one["resources"], named: names(other["resources"], "resource"), "resource")
                version["resources"] = .array(
                    (resources.arrayValue ?? []).map { resource in
                        let mine = served.first { $0["resource"] == resource["resource"] }
                        var reduced = resource
                        let kept = keep(
                            resource["subresources"], named: names(mine?["subresources"], "subresource"),
                            "subresource")
                        reduced["subresources"] = kept.arrayValue?.isEmpty == false ? kept : nil
                        return reduced
                    })
                return version
            })
        return group
    }

    private static func names(_ list: JSONValue?, _ field: String) -> Set<String> {
        Set((list?.arrayValue ?? []).compactMap { $0[field]?.stringValue })
    }

    private static func keep(_ list: JSONValue?, named names: Set<String>, _ field: String) -> JSONValue {
        .array((list?.arrayValue ?? []).filter { names.contains($0[field]?.stringValue ?? "") })
    }

    private static func sorted(_ list: JSONValue, _ field: String) -> JSONValue {
        .array(
            (list.arrayValue ?? []).sorted { ($0[field]?.stringValue ?? "") < ($1[field]?.stringValue ?? "") })
    }
}
