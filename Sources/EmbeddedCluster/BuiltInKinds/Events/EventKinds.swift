import APIServer
import KubernetesAPI
import StructuralSchema

/// Events: `v1`, and `events.k8s.io/v1`, which is the same objects under other names.
enum EventKinds {
    private static let shared: [String: Schema] = [
        "eventTime": .timestamp("When it happened, with microseconds.").nullable(),
        "action": .string("What was done."),
        "reason": .string("Why it was done, in one CamelCase word."),
        "type": .string("Normal or Warning."),
        "reportingInstance": .string("Which instance of the controller says so."),
        "related": .objectReference.description("A second object that the event is about."),
        "series": .object(
            "That the event went on happening.",
            [
                "count": .int32("How often."),
                "lastObservedTime": .timestamp("When last, with microseconds.").nullable(),
            ]),
    ]

    private static let source = Schema.object(
        "Who reported the event.",
        ["component": .string("Name of the component."), "host": .string("The node it runs on.")])

    private static let coreType = ResourceType(version: "v1", kind: "Event", plural: "events")

    static let core = ResourceDefinition(
        type: coreType, shortNames: ["ev"],
        schema: Schema.resource(
            "Something that happened to an object.",
            [
                "involvedObject": .objectReference.description("The object that it happened to.").default([:]
                ),
                "message": .string("What happened, for people."),
                "source": source.default([:]),
                "firstTimestamp": .timeOrNull("When it first happened."),
                "lastTimestamp": .timeOrNull("When it last happened."),
                "count": .int32("How often it happened."),
                "reportingComponent": .string("The controller that says so.").default(""),
            ], required: ["involvedObject"]
        ).adding(shared).adding([
            "eventTime": .timeOrNull("When it happened, with microseconds."),
            "reportingInstance": .string("Which instance of the controller says so.").default(""),
        ]),
        columns: EventColumns.columns(EventFields.core), selectableFields: selectable(EventFields.core),
        strategy: EventStrategy(fields: .core))

    static let events = ResourceDefinition(
        type: ResourceType(group: "events.k8s.io", version: "v1", kind: "Event", plural: "events"),
        shortNames: ["ev"],
        schema: Schema.resource(
            "Something that happened to an object.",
            [
                "regarding": .objectReference.description("The object that it happened to.").default([:]),
                "note": .string("What happened, for people."),
                "deprecatedSource": source.default([:]),
                "deprecatedFirstTimestamp": .timeOrNull("When it first happened."),
                "deprecatedLastTimestamp": .timeOrNull("When it last happened."),
                "deprecatedCount": .int32("How often it happened."),
                "reportingController": .string("The controller that says so."),
            ]
        ).adding(shared).adding(["eventTime": .timeOrNull("When it happened, with microseconds.")]),
        columns: EventColumns.columns(EventFields.events), selectableFields: selectable(EventFields.events),
        strategy: EventStrategy(fields: .events),
        storedAs: StoredForm(type: coreType, fromStored: EventFields.fromCore, toStored: EventFields.toCore))

    private static func selectable(_ names: EventFields) -> [SelectableField] {
        let ofObject = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"]
            .map { SelectableField("\(names.object).\($0)") }
        let ofReport = [
            SelectableField("reason"), SelectableField("type"), SelectableField(names.controller),
        ]
        // The newer form cannot be chosen by it.
        guard names.object == EventFields.core.object else { return ofObject + ofReport }
        let source = SelectableField("source") { event in
            let component = event[path: [names.source, "component"]]?.stringValue ?? ""
            return component.isEmpty ? event[names.controller]?.stringValue ?? "" : component
        }
        return ofObject + ofReport + [source]
    }
}

/// Names of the members that the two forms of an event name differently.
struct EventFields: Sendable {
    var object: String
    var message: String
    var source: String
    var first: String
    var last: String
    var count: String
    var controller: String

    static let core = EventFields(
        object: "involvedObject", message: "message", source: "source", first: "firstTimestamp",
        last: "lastTimestamp", count: "count", controller: "reportingComponent")
    static let events = EventFields(
        object: "regarding", message: "note", source: "deprecatedSource", first: "deprecatedFirstTimestamp",
        last: "deprecatedLastTimestamp", count: "deprecatedCount", controller: "reportingController")

    private var all: [String] { [object, message, source, first, last, count, controller] }

    static func fromCore(_ event: JSONValue) -> JSONValue {
        renamed(event, core, events, apiVersion: "events.k8s.io/v1")
    }

    static func toCore(_ event: JSONValue) -> JSONValue { renamed(event, events, core, apiVersion: "v1") }

    private static func renamed(
        _ event: JSONValue, _ from: EventFields, _ to: EventFields, apiVersion: String
    ) -> JSONValue {
        guard var members = event.objectValue else { return event }
        for (old, new) in zip(from.all, to.all) where old != new {
            if let value = members.removeValue(forKey: old) { members[new] = value }
        }
        members["apiVersion"] = .string(apiVersion)
        return .object(members)
    }
}

struct EventStrategy: ResourceStrategy {
    let fields: EventFields

    private var isCore: Bool { fields.object == EventFields.core.object }

    func validateCreate(_ object: JSONValue, _ context: StrategyContext) -> [FieldError] {
        var errors: [FieldError] = []
        let namespace = object[path: ["metadata", "namespace"]]?.stringValue ?? ""
        let named = object[path: [fields.object, "namespace"]]?.stringValue ?? ""
        let isFine = named.isEmpty ? namespace.isEmpty || namespace == "default" : named == namespace
        if !isFine {
            errors.append(
                .invalid("involvedObject.namespace", .string(named), "does not match event.namespace"))
        }
        let isNew = !(object["eventTime"] ?? .null).isNull
        if !isCore, !isNew { errors.append(.required("eventTime")) }
        if isNew || !isCore { errors += validateReport(object) }
        errors += MicroTimes.validate(object["eventTime"], at: "eventTime")
        return errors
    }

    private func validateReport(_ object: JSONValue) -> [FieldError] {
        var errors: [FieldError] = []
        for field in [fields.controller, "reportingInstance", "action", "reason"] {
            let text = object[field]?.stringValue ?? ""
            if text.isEmpty { errors.append(.required(field)) }
            if text.utf8.count > 128 {
                errors.append(.invalid(field, "", "can have at most 128 characters"))
            }
        }
        if (object[fields.message]?.stringValue ?? "").utf8.count > 1024 {
            errors.append(.invalid(fields.message, "", "can have at most 1024 characters"))
        }
        if !isCore, let type = object["type"], type != "Normal", type != "Warning" {
            errors.append(.invalid("type", "", "has invalid value: \(type.stringValue ?? "")"))
        }
        return errors
    }

    func validateUpdate(
        _ object: JSONValue, old: JSONValue, _ context: StrategyContext
    ) -> [FieldError] { validateCreate(object, context) }
}

/// `metav1.MicroTime`, which must have its six digits.
enum MicroTimes {
    static func validate(_ value: JSONValue?, at path: String) -> [FieldError] {
        guard let text = value?.stringValue, MicroTime(text) != nil else { return [] }
        let fraction = text.split(separator: ".", maxSplits: 1).dropFirst().first ?? ""
        guard fraction.prefix(while: \.isNumber).count != 6 else { return [] }
        return [
            .invalid(
                path, .string(text),
                "parsing time \"\(text)\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse"
                    + " \"\(text.dropFirst(19))\" as \".000000\"")
        ]
    }
}

enum EventColumns {
    static func columns(_ fields: EventFields) -> [PrinterColumn] {
        [
            PrinterColumn(
                "Last Seen", description: "Time when this event was last observed.",
                source: .computed { event, context in .string(lastSeen(event, fields, context)) }),
            PrinterColumn(
                "Type", description: "Type of the event.", source: Cells.text(["type"], default: "")),
            PrinterColumn(
                "Reason", description: "Reason of the event.", source: Cells.text(["reason"], default: "")),
            PrinterColumn(
                "Object", description: "The object that the event is about.",
                source: .computed { event, _ in .string(target(event, fields)) }),
            PrinterColumn(
                "Subobject", description: "The part of the object that the event is about.", priority: 1,
                source: Cells.text([fields.object, "fieldPath"], default: "")),
            PrinterColumn(
                "Source", description: "Who reported the event.", priority: 1,
                source: .computed { event, _ in .string(reporter(event, fields)) }),
            PrinterColumn(
                "Message", description: "What happened.",
                source: .computed { event, _ in
                    .string(
                        (event[fields.message]?.stringValue ?? "").split(separator: "\n").joined(
                            separator: " "))
                }),
            PrinterColumn(
                "First Seen", description: "Time when this event was first observed.", priority: 1,
                source: .computed { event, context in
                    .string(ago(event[fields.first] ?? .null, event["eventTime"], context))
                }),
            PrinterColumn(
                "Count", description: "How often the event happened.", priority: 1,
                source: .computed { event, _ in
                    .string(
                        String(
                            event[path: ["series", "count"]]?.integerValue ?? event[fields.count]?
                                .integerValue ?? 1))
                }),
            PrinterColumn(
                "Name", description: "Name of the event.", priority: 1,
                source: Cells.text(["metadata", "name"])),
        ]
    }

    private static func lastSeen(_ event: JSONValue, _ fields: EventFields, _ context: CellContext) -> String
    {
        if let last = event[path: ["series", "lastObservedTime"]], !last.isNull {
            return ago(last, nil, context)
        }
        return ago(event[fields.last] ?? .null, event["eventTime"], context)
    }

    private static func ago(_ time: JSONValue, _ other: JSONValue?, _ context: CellContext) -> String {
        let text = time.stringValue ?? other?.stringValue ?? ""
        return Timestamp(text).map { context.duration(since: $0) } ?? "<unknown>"
    }

    private static func target(_ event: JSONValue, _ fields: EventFields) -> String {
        let kind = event[path: [fields.object, "kind"]]?.stringValue ?? ""
        return "\(kind.lowercased())/\(event[path: [fields.object, "name"]]?.stringValue ?? "")"
    }

    private static func reporter(_ event: JSONValue, _ fields: EventFields) -> String {
        let component = event[path: [fields.source, "component"]]?.stringValue ?? ""
        let name = component.isEmpty ? event[fields.controller]?.stringValue ?? "" : component
        let host =
            event[path: [fields.source, "host"]]?.stringValue ?? event["reportingInstance"]?.stringValue ?? ""
        return host.isEmpty ? name : "\(name), \(host)"
    }
}
