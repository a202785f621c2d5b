import KubernetesAPI

/// Reduces the recording's discovery to the part that the embedded cluster serves: it may offer less, but
/// nothing else.
enum ServedSubset {
    static func reduce(_ recorded: JSONValue, to ours: JSONValue) -> JSONValue {
        var reduced = recorded
        switch recorded["kind"]?.stringValue {
        case "APIGroupList":
            reduced["groups"] = sorted(
                keep(recorded["groups"], named: names(ours["groups"], "name"), "name"), "name")
        case "APIResourceList":
            reduced["resources"] = keep(
                recorded["resources"], named: names(ours["resources"], "name"), "name")
        case "APIGroupDiscoveryList":
            reduced["items"] = .array(
                zip(recorded["items"]?.arrayValue ?? [], ours["items"]?.arrayValue ?? []).map(reduceGroup))
        default: break
        }
        if recorded["serverAddressByClientCIDRs"] != nil {
            reduced["serverAddressByClientCIDRs"] = ours["serverAddressByClientCIDRs"]
        }
        if recorded["openapi"] != nil { return openAPI(recorded) }
        if recorded["gitVersion"] != nil { return version(recorded) }
        if let paths = recorded["paths"]?.objectValue { return index(paths, served: ours) }
        return reduced
    }

    /// The members of the version by which clients decide.
    private static func version(_ value: JSONValue) -> JSONValue {
        ["major": value["major"] ?? .null, "minor": value["minor"] ?? .null]
    }

    /// The index of OpenAPI documents, reduced to those that both servers have; each server has its own
    /// digests.
    private static func index(_ paths: [String: JSONValue], served ours: JSONValue) -> JSONValue {
        let names = paths.keys.filter { ours["paths"]?[$0] != nil }.sorted()
        return .array(
            names.map { name in
                let address = paths[name]?["serverRelativeURL"]?.stringValue ?? ""
                return .string(String(address.prefix { $0 != "?" }))
            })
    }

    /// The parts of an OpenAPI document that clients use: the schema of the kind's own members, and the
    /// parameters that tell what the server understands.
    private static func openAPI(_ document: JSONValue) -> JSONValue {
        let schema = document[path: ["components", "schemas", "dev.example.v1.Widget"]] ?? [:]
        let path = "/apis/example.dev/v1/namespaces/{namespace}/widgets/{name}"
        let patch = document[path: ["paths", path, "patch"]] ?? [:]
        let parameters = names(patch["parameters"], "name").intersection(["fieldValidation", "fieldManager"])
        var spec = schema[path: ["properties", "spec"]] ?? [:]
        // The server adds this to the schema that it publishes.
        spec[path: ["properties", "cpu", "anyOf"]] = JSONValue?.none
        return [
            "spec": spec, "required": schema["required"] ?? .null,
            "kind": schema["x-kubernetes-group-version-kind"] ?? .null,
            "action": patch["x-kubernetes-action"] ?? .null,
            "of": patch["x-kubernetes-group-version-kind"] ?? .null,
            "parameters": .array(parameters.sorted().map(JSONValue.string)),
        ]
    }

    /// Our answer in the form that the comparison needs. The order of groups, which is that of their
    /// priority, does not count.
    static func canonical(_ ours: JSONValue) -> JSONValue {
        if ours["openapi"] != nil { return openAPI(ours) }
        if ours["gitVersion"] != nil { return version(ours) }
        if let paths = ours["paths"]?.objectValue { return index(paths, served: ours) }
        guard ours["kind"]?.stringValue == "APIGroupList" else { return ours }
        var canonical = ours
        canonical["groups"] = sorted(ours["groups"] ?? [], "name")
        return canonical
    }

    private static func reduceGroup(_ recorded: JSONValue, _ ours: JSONValue) -> JSONValue {
        var group = recorded
        group["versions"] = .array(
            zip(recorded["versions"]?.arrayValue ?? [], ours["versions"]?.arrayValue ?? []).map {
                one, other in
                var version = one
                let served = other["resources"]?.arrayValue ?? []
                let resources = keep(
                    one["resources"], named: names(other["resources"], "resource"), "resource")
                version["resources"] = .array(
                    (resources.arrayValue ?? []).map { resource in
                        let mine = served.first { $0["resource"] == resource["resource"] }
                        var reduced = resource
                        let kept = keep(
                            resource["subresources"], named: names(mine?["subresources"], "subresource"),
                            "subresource")
                        reduced["subresources"] = kept.arrayValue?.isEmpty == false ? kept : JSONValue?.none
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
            (list.arrayValue ?? []).sorted { ($0[field]?.stringValue ?? "") < ($1[field]?.stringValue ?? "") }
        )
    }
}
