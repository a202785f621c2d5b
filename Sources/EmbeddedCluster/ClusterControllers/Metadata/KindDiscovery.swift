import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// A kind of object that the server offers, and its verbs.
struct DiscoveredType: Hashable, Sendable {
    var type: ResourceType
    var verbs: Set<String>

    var isCollectable: Bool { verbs.isSuperset(of: ["list", "watch", "delete"]) }
}

/// Finds the kinds of objects that the server offers, in their preferred versions.
struct KindDiscovery: Sendable {
    let client: KubernetesClient

    private struct GroupList: Decodable {
        struct Group: Decodable {
            struct Version: Decodable { var groupVersion: String }
            var preferredVersion: Version?
            var versions: [Version]
        }
        var groups: [Group]
    }

    private struct ResourceList: Decodable {
        struct Resource: Decodable {
            var name: String
            var namespaced: Bool
            var kind: String
            var verbs: [String]
        }
        var resources: [Resource]
    }

    /// Reads the kinds, without subresources and without events, which are many, short-lived, and own
    /// nothing.
    func types() async throws -> [DiscoveredType] {
        let groups: GroupList = try await read("/apis")
        var types = try await resources(groupVersion: "v1", path: "/api/v1")
        for group in groups.groups {
            guard let version = (group.preferredVersion ?? group.versions.first)?.groupVersion else {
                continue
            }
            types += (try? await resources(groupVersion: version, path: "/apis/\(version)")) ?? []
        }
        return types.filter { $0.type.plural != "events" }
    }

    private func resources(groupVersion: String, path: String) async throws -> [DiscoveredType] {
        let list: ResourceList = try await read(path)
        let parts = groupVersion.split(separator: "/", maxSplits: 1).map(String.init)
        let (group, version) = parts.count == 2 ? (parts[0], parts[1]) : ("", groupVersion)
        return list.resources.filter { !$0.name.contains("/") }.map { resource in
            DiscoveredType(
                type: ResourceType(
                    group: group, version: version, kind: resource.kind, plural: resource.name,
                    isNamespaced: resource.namespaced),
                verbs: Set(resource.verbs))
        }
    }

    private func read<T: Decodable>(_ path: String) async throws -> T {
        let response = try await client.send(APIRequest(method: .get, path: path))
        return try JSONDecoder().decode(T.self, from: response.body)
    }
}
