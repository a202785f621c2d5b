import Crypto
import FoundationEssentials
import KubernetesAPI

/// Documents of discovery: `/api`, `/apis` and below, in the old form and in the aggregated one.
struct Discovery {
    let resources: [ServedResource]

    private struct GroupVersion {
        var group: String
        var version: String
        var resources: [ServedResource]
    }

    /// Group versions that are served, in the order of the registry.
    private var groupVersions: [GroupVersion] {
        var result: [GroupVersion] = []
        for resource in resources {
            let type = resource.type
            if let index = result.firstIndex(where: { $0.group == type.group && $0.version == type.version })
            {
                result[index].resources.append(resource)
            } else {
                result.append(GroupVersion(group: type.group, version: type.version, resources: [resource]))
            }
        }
        for index in result.indices { result[index].resources.sort { $0.type.plural < $1.type.plural } }
        return result
    }

    private var groups: [String] {
        var names: [String] = []
        for groupVersion in groupVersions where !names.contains(groupVersion.group) {
            names.append(groupVersion.group)
        }
        return names
    }

    // MARK: The old form

    /// `/api`
    func versions(address: String) -> JSONValue {
        [
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [
                ["clientCIDR": "0.0.0.0/0", "serverAddress": .string(address)]
            ],
        ]
    }

    /// `/apis`
    var groupList: JSONValue {
        [
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": .array(groups.filter { !$0.isEmpty }.map { groupEntry($0) }),
        ]
    }

    /// `/apis/GROUP`
    func group(_ name: String) -> JSONValue? {
        guard !name.isEmpty, groups.contains(name) else { return nil }
        var group = groupEntry(name)
        group["kind"] = "APIGroup"
        group["apiVersion"] = "v1"
        return group
    }

    private func groupEntry(_ name: String) -> JSONValue {
        let versions: [JSONValue] = groupVersions.filter { $0.group == name }.map {
            ["groupVersion": .string("\(name)/\($0.version)"), "version": .string($0.version)]
        }
        return [
            "name": .string(name), "versions": .array(versions), "preferredVersion": versions.first ?? .null,
        ]
    }

    /// `/api/v1`, `/apis/GROUP/VERSION`
    func resourceList(group: String, version: String) -> JSONValue? {
        guard let found = groupVersions.first(where: { $0.group == group && $0.version == version }) else {
            return nil
        }
        var list: JSONValue = [
            "kind": "APIResourceList",
            "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"),
            "resources": .array(found.resources.flatMap { Self.entries($0) }),
        ]
        if !group.isEmpty { list["apiVersion"] = "v1" }
        return list
    }

    private static func entries(_ resource: ServedResource) -> [JSONValue] {
        let definition = resource.definition
        var entry: JSONValue = [
            "name": .string(definition.type.plural), "singularName": .string(definition.singular),
            "namespaced": .bool(definition.type.isNamespaced), "kind": .string(definition.type.kind),
            "verbs": .array(definition.discoveryVerbs(isCustom: resource.isCustom).map(JSONValue.string)),
        ]
        entry["shortNames"] = definition.shortNames.jsonUnlessEmpty
        entry["categories"] = definition.categories.jsonUnlessEmpty
        if definition.verbs.contains("list") {
            entry["storageVersionHash"] = .string(storageVersionHash(definition.type))
        }
        let subresources = definition.sortedSubresources.map { subresource -> JSONValue in
            let kind = subresource.responseKind(of: definition.type)
            var entry: JSONValue = [
                "name": .string("\(definition.type.plural)/\(subresource.rawValue)"), "singularName": "",
                "namespaced": .bool(definition.type.isNamespaced), "kind": .string(kind.kind),
                "verbs": .array(subresource.verbs.map(JSONValue.string)),
            ]
            if kind.group != definition.type.group {
                entry["group"] = .string(kind.group)
                entry["version"] = .string(kind.version)
            }
            return entry
        }
        return [entry] + subresources
    }

    /// The start of a digest over group, version and kind, as a real server makes it.
    private static func storageVersionHash(_ type: ResourceType) -> String {
        let text = "\(type.group)/\(type.version)/\(type.kind)"
        return Data(SHA256.hash(data: Data(text.utf8)).prefix(8)).base64EncodedString()
    }

    // MARK: The aggregated form

    static let aggregatedMediaType =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

    /// Whether the client prefers the aggregated form.
    static func wantsAggregated(accept: String?) -> Bool {
        let first = (accept ?? "").split(separator: ",").first ?? ""
        let parts = Set(first.split(separator: ";").map { $0.trimmingWhitespace().lowercased() })
        return parts.isSuperset(of: ["as=apigroupdiscoverylist", "g=apidiscovery.k8s.io", "v=v2"])
    }

    /// `/api` (`core`) or `/apis`.
    func aggregated(core: Bool) -> JSONValue {
        let items = groups.filter { $0.isEmpty == core }.map { name -> JSONValue in
            let versions = groupVersions.filter { $0.group == name }.map { groupVersion -> JSONValue in
                [
                    "version": .string(groupVersion.version), "freshness": "Current",
                    "resources": .array(groupVersion.resources.map(Self.aggregatedEntry)),
                ]
            }
            let metadata: JSONValue = name.isEmpty ? [:] : ["name": .string(name)]
            return ["metadata": metadata, "versions": .array(versions)]
        }
        return [
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": [:],
            "items": .array(items),
        ]
    }

    private static func aggregatedEntry(_ resource: ServedResource) -> JSONValue {
        let definition = resource.definition
        let type = definition.type
        var entry: JSONValue = [
            "resource": .string(type.plural), "singularResource": .string(definition.singular),
            "scope": type.isNamespaced ? "Namespaced" : "Cluster",
            "responseKind": responseKind(type, isCore: type.group.isEmpty),
            "verbs": .array(definition.discoveryVerbs(isCustom: resource.isCustom).map(JSONValue.string)),
        ]
        entry["shortNames"] = definition.shortNames.jsonUnlessEmpty
        entry["categories"] = definition.categories.jsonUnlessEmpty
        let subresources = definition.sortedSubresources.map { subresource -> JSONValue in
            let kind = subresource.responseKind(of: type)
            return [
                "subresource": .string(subresource.rawValue),
                "responseKind": responseKind(kind, isCore: kind.group == type.group && type.group.isEmpty),
                "verbs": .array(subresource.verbs.map(JSONValue.string)),
            ]
        }
        if !subresources.isEmpty { entry["subresources"] = .array(subresources) }
        return entry
    }

    /// An empty version says that it is the one that is being listed.
    private static func responseKind(_ type: ResourceType, isCore: Bool) -> JSONValue {
        [
            "group": .string(type.group), "version": isCore ? "" : .string(type.version),
            "kind": .string(type.kind),
        ]
    }
}

extension [String] {
    fileprivate var jsonUnlessEmpty: JSONValue? { isEmpty ? JSONValue?.none : .array(map(JSONValue.string)) }
}

extension ResourceDefinition {
    /// A real server lists the verbs of custom resources in another order.
    fileprivate func discoveryVerbs(isCustom: Bool) -> [String] {
        isCustom
            ? ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"] : verbs
    }

    fileprivate var sortedSubresources: [Subresource] { subresources.sorted { $0.rawValue < $1.rawValue } }
}

extension Subresource {
    var verbs: [String] {
        switch self {
        case .status: ["get", "patch", "update"]
        case .binding, .eviction, .token: ["create"]
        case .log: ["get"]
        case .finalize: ["update"]
        case .approval: ["get", "patch", "update"]
        }
    }

    func responseKind(of type: ResourceType) -> ResourceType {
        switch self {
        case .status, .log, .finalize, .approval: type
        case .binding: ResourceType(version: "v1", kind: "Binding", plural: "")
        case .eviction: ResourceType(group: "policy", version: "v1", kind: "Eviction", plural: "")
        case .token:
            ResourceType(group: "authentication.k8s.io", version: "v1", kind: "TokenRequest", plural: "")
        }
    }
}
