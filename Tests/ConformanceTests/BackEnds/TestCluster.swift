import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import KubernetesClient

/// A namespace of a back end that serves Anneal's kinds.
struct TestCluster: Sendable {
    let backEnd: BackEnd
    let client: KubernetesClient
    let namespace: String

    init(_ backEnd: BackEnd, namespace: String) async throws {
        self.backEnd = backEnd
        self.namespace = namespace
        client = try await backEnd.client()
        try await InstalledDefinitions.shared.install(on: backEnd, client)
        guard backEnd.hasCoreResources else { return }
        let type = ResourceType(version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false)
        let object: JSONValue = [
            "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace)],
        ]
        do throws(KubernetesError) {
            _ = try await client.send(
                type.create(namespace: nil, body: object.serialized(), fieldManager: nil))
        } catch {
            guard error.isAlreadyExists else { throw error }
        }
    }

    /// A name that no other test has taken.
    static func unique(_ prefix: String) -> String {
        "\(prefix)-\(UUID().uuidString.lowercased().prefix(8))"
    }
}

/// Creates the definitions once per back end and process, and waits until they are served.
actor InstalledDefinitions {
    static let shared = InstalledDefinitions()

    static let definitionType = ResourceType(
        group: "apiextensions.k8s.io", version: "v1", kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions", isNamespaced: false)

    private var installations: [BackEnd: Task<Void, any Error>] = [:]

    func install(on backEnd: BackEnd, _ client: KubernetesClient) async throws {
        let installation = installations[backEnd] ?? Task { try await Self.install(client) }
        installations[backEnd] = installation
        try await installation.value
    }

    /// Every kind of Anneal's, and the one that only tests have.
    private static let definitions = AnnealAPI.CustomResourceDefinition.all + [.ensemble]

    private static func install(_ client: KubernetesClient) async throws {
        for definition in definitions {
            _ = try await client.send(
                definitionType.patch(
                    namespace: nil, name: definition.name,
                    .apply(definition.manifest, fieldManager: "conformance", force: true)))
        }
        for definition in definitions {
            try await awaitServing(definition, client)
        }
    }

    /// A definition is `Established` a little before its objects can be created.
    private static func awaitServing(
        _ definition: AnnealAPI.CustomResourceDefinition, _ client: KubernetesClient
    ) async throws {
        try await eventually("\(definition.name) is established") {
            let response = try await client.send(definitionType.get(namespace: nil, name: definition.name))
            let conditions = try JSONValue(parsing: response.body)[path: ["status", "conditions"]]?.arrayValue
            return conditions?.contains { $0["type"] == "Established" && $0["status"] == "True" } ?? false
        }
        try await eventually("\(definition.name) is served") {
            do throws(KubernetesError) {
                _ = try await client.send(
                    definition.resourceType.list(namespace: nil, options: ListOptions(limit: 1)))
                return true
            } catch {
                guard error.isNotFound || error.isRetryable else { throw error }
                return false
            }
        }
    }
}

struct TookTooLong: Error, CustomStringConvertible {
    var description: String
}

/// Returns when `condition` holds; asks every 20 ms.
func eventually(
    _ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now.advanced(by: limit)
    while try await !condition() {
        guard ContinuousClock.now < end else {
            throw TookTooLong(description: "it never was true that \(what)")
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
