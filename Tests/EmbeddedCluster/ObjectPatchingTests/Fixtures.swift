import KubernetesAPI
import StructuralSchema
import Testing

@testable import ObjectPatching

let instant = Timestamp(seconds: 1_795_394_534)
let later = Timestamp(seconds: 1_795_394_600)

func json(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) -> JSONValue {
    do {
        return try JSONValue(parsing: text)
    } catch {
        Issue.record("\(error) in \(text)", sourceLocation: sourceLocation)
        return .null
    }
}

func schema(_ kind: Schema.Kind, _ change: (inout Schema) -> Void = { _ in }) -> Schema {
    var schema = Schema(kind)
    change(&schema)
    return schema
}

func listOf(_ element: Schema, type: Schema.ListType? = nil, keys: [String] = []) -> Schema {
    schema(.array) {
        $0.items = Indirect(element)
        $0.listType = type
        $0.listMapKeys = keys
    }
}

func object(_ properties: [String: Schema]) -> Schema { schema(.object) { $0.properties = properties } }

func mapOf(_ element: Schema) -> Schema {
    schema(.object) { $0.additionalProperties = .schema(Indirect(element)) }
}

/// A schema with every kind of merging.
enum Schemas {
    static let string = schema(.string)
    static let integer = schema(.integer)

    static let port = object([
        "containerPort": integer, "name": string, "protocol": schema(.string) { $0.defaultValue = "TCP" },
    ])
    static let container = object([
        "name": string, "image": string, "imagePullPolicy": string,
        "args": listOf(string),
        "env": listOf(object(["name": string, "value": string]), type: .map, keys: ["name"]),
        "ports": listOf(port, type: .map, keys: ["containerPort", "protocol"]),
        "resources": object(["limits": mapOf(string), "requests": mapOf(string)]),
    ])
    static let condition = object([
        "type": string, "status": string, "reason": string, "lastProbeTime": string,
    ])
    static let pod = object([
        "spec": object([
            "containers": listOf(container, type: .map, keys: ["name"]),
            "restartPolicy": string, "tolerations": listOf(object(["key": string])),
            "nodeSelector": schema(.object) {
                $0.additionalProperties = .schema(Indirect(string))
                $0.mapType = .atomic
            },
        ]),
        "status": object([
            "phase": string, "conditions": listOf(condition, type: .map, keys: ["type"]),
        ]),
    ])
    static let configMap = object(["data": mapOf(string)])
    static let widget = object([
        "spec": object([
            "mode": string, "size": integer, "tags": listOf(string, type: .set),
            "items": listOf(object(["key": string, "v": integer]), type: .map, keys: ["key"]),
            "limits": mapOf(object(["cpu": string, "memory": string])),
        ]),
        "status": object([
            "phase": string, "conditions": listOf(condition, type: .map, keys: ["type"]),
        ]),
    ])
}

enum Managers {
    static let configMap = FieldManager(schema: Schemas.configMap, apiVersion: "v1")
    static let pod = FieldManager(
        schema: Schemas.pod, apiVersion: "v1", ignoring: [["status"]],
        emptyObject: ["spec": ["containers": .null], "status": [:]])
    static let podStatus = FieldManager(
        schema: Schemas.pod, apiVersion: "v1", subresource: "status", ignoring: [["spec"]],
        sharing: pod.type)
    static let widget = FieldManager(
        schema: Schemas.widget, apiVersion: "example.dev/v1", ignoring: [["status"]])
    static let widgetStatus = FieldManager(
        schema: Schemas.widget, apiVersion: "example.dev/v1", subresource: "status",
        ignoring: [["spec"], ["metadata"]], sharing: widget.type)
}

extension JSONValue {
    /// The fields that `manager` owns, as `fieldsV1`.
    func fields(of manager: String, _ operation: String = "Apply", subresource: String? = nil) -> JSONValue? {
        entry(of: manager, operation, subresource: subresource)?["fieldsV1"]
    }

    func entry(of manager: String, _ operation: String = "Apply", subresource: String? = nil) -> JSONValue? {
        self[path: ["metadata", "managedFields"]]?.arrayValue?.first { entry in
            entry["manager"] == .string(manager) && entry["operation"] == .string(operation)
                && entry["subresource"]?.stringValue == subresource
        }
    }

    var managers: [String] {
        self[path: ["metadata", "managedFields"]]?.arrayValue?.compactMap { $0["manager"]?.stringValue } ?? []
    }
}
