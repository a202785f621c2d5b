import Crypto
import FoundationEssentials
import KubernetesAPI
import StructuralSchema
import Synchronization

/// OpenAPI 3 documents, one a group version: schemas for `kubectl explain`, and as much of the paths as
/// tells a client which parameters the server understands.
struct OpenAPIDocument {
    let resources: [ServedResource]

    func document(group: String, version: String) -> JSONValue? {
        let own = resources.filter { $0.type.group == group && $0.type.version == version }
        guard !own.isEmpty else { return nil }
        var schemas: [String: JSONValue] = [:]
        var paths: [String: JSONValue] = [:]
        for resource in own {
            let name = Self.schemaName(resource.type)
            var schema = resource.definition.schema.json
            schema["x-kubernetes-group-version-kind"] = [Self.groupVersionKind(resource.type)]
            schemas[name] = schema
            paths[Self.path(resource.type)] = Self.operations(resource, schemaName: name)
        }
        return [
            "openapi": "3.0.0", "info": ["title": "Anneal", "version": "v1"], "paths": .object(paths),
            "components": ["schemas": .object(schemas)],
        ]
    }

    /// Nothing is described in the old form; clients go on without it.
    var swagger: JSONValue {
        ["swagger": "2.0", "info": ["title": "Anneal", "version": "v1"], "paths": [:], "definitions": [:]]
    }

    var groupVersions: [(group: String, version: String)] {
        var seen: Set<String> = []
        return resources.compactMap { resource in
            let type = resource.type
            return seen.insert(type.apiVersion).inserted ? (type.group, type.version) : nil
        }
    }

    /// `io.k8s.api.core.v1.Pod`; the group's labels reversed for custom resources.
    private static func schemaName(_ type: ResourceType) -> String {
        guard type.group.contains(".") else {
            return "io.k8s.api.\(type.group.isEmpty ? "core" : type.group).\(type.version).\(type.kind)"
        }
        let reversed = type.group.split(separator: ".").reversed().joined(separator: ".")
        return "\(reversed).\(type.version).\(type.kind)"
    }

    private static func groupVersionKind(_ type: ResourceType) -> JSONValue {
        ["group": .string(type.group), "version": .string(type.version), "kind": .string(type.kind)]
    }

    private static func path(_ type: ResourceType) -> String {
        let root = type.group.isEmpty ? "/api/\(type.version)" : "/apis/\(type.group)/\(type.version)"
        return "\(root)\(type.isNamespaced ? "/namespaces/{namespace}" : "")/\(type.plural)/{name}"
    }

    private static func operations(_ resource: ServedResource, schemaName: String) -> JSONValue {
        let reference: JSONValue = ["$ref": .string("#/components/schemas/\(schemaName)")]
        let responses: JSONValue = [
            "200": ["description": "OK", "content": ["application/json": ["schema": reference]]]
        ]
        func operation(_ action: String, _ parameters: [String]) -> JSONValue {
            [
                "x-kubernetes-action": .string(action),
                "x-kubernetes-group-version-kind": groupVersionKind(resource.type),
                "responses": responses,
                "parameters": .array(
                    parameters.map { name -> JSONValue in
                        [
                            "name": .string(name), "in": "query",
                            "schema": ["type": name == "force" ? "boolean" : "string"],
                        ]
                    }),
            ]
        }
        let writing = ["dryRun", "fieldManager", "fieldValidation", "pretty"]
        return [
            "get": operation("get", ["pretty"]), "put": operation("put", writing),
            "patch": operation("patch", writing + ["force"]),
            "delete": operation(
                "delete", ["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "pretty"]),
        ]
    }
}

/// The documents of one state of the registry, serialized once.
final class OpenAPICache: Sendable {
    private struct State {
        var version = -1
        var index = Data()
        var documents: [String: Data] = [:]
    }

    private let state = Mutex(State())

    func index(_ registry: ResourceRegistry) -> Data {
        current(registry) { $0.index }
    }

    /// - Parameter path: `api/v1`, `apis/GROUP/VERSION`
    func document(_ path: String, _ registry: ResourceRegistry) -> Data? {
        current(registry) { $0.documents[path] }
    }

    private func current<Result: Sendable>(
        _ registry: ResourceRegistry, _ body: @Sendable (State) -> Result
    ) -> Result {
        let version = registry.version
        return state.withLock { state in
            if state.version != version {
                state = Self.build(registry.all, version)
            }
            return body(state)
        }
    }

    private static func build(_ resources: [ServedResource], _ version: Int) -> State {
        let openAPI = OpenAPIDocument(resources: resources)
        var state = State(version: version)
        var paths: [String: JSONValue] = [:]
        for (group, version) in openAPI.groupVersions {
            guard let document = openAPI.document(group: group, version: version) else { continue }
            let path = group.isEmpty ? "api/\(version)" : "apis/\(group)/\(version)"
            let data = document.serialized()
            // The hash lets clients keep what they have fetched.
            let hash = SHA256.hash(data: data).map { String($0, radix: 16) }.joined()
            paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(hash)")]
            state.documents[path] = data
        }
        state.index = (["paths": .object(paths)] as JSONValue).serialized()
        return state
    }
}
