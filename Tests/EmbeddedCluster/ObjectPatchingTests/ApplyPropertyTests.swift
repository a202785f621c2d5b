import KubernetesAPI
import SeededRandomness
import StructuralSchema
import Testing

@testable import ObjectPatching

/// Random configurations.
private struct Configurations {
    var random: SeededGenerator

    /// A widget; `half` 0 and 1 have no field in common, nil takes any.
    mutating func widget(half: Int? = nil) -> JSONValue {
        var spec: [String: JSONValue] = [:]
        if half != 1, Bool.random(using: &random) { spec["mode"] = word() }
        if half != 0, Bool.random(using: &random) {
            spec["size"] = .integer(.random(in: 0...2, using: &random))
        }
        let keys = half.map { $0 == 0 ? ["a", "b", "c"] : ["x", "y", "z"] } ?? ["a", "b", "x", "y"]
        spec["tags"] = .array(keys.filter { _ in Bool.random(using: &random) }.map(JSONValue.string))
        var items: [JSONValue] = []
        for key in keys.shuffled(using: &random) where Bool.random(using: &random) {
            var item: JSONValue = ["key": .string(key)]
            if Bool.random(using: &random) { item["v"] = .integer(.random(in: 0...2, using: &random)) }
            items.append(item)
        }
        spec["items"] = .array(items)
        var limits: [String: JSONValue] = [:]
        for key in keys where Bool.random(using: &random) {
            limits[key] = Bool.random(using: &random) ? ["cpu": word()] : [:]
        }
        if !limits.isEmpty { spec["limits"] = .object(limits) }
        for key in ["tags", "items"] where Bool.random(using: &random) { spec[key] = nil }
        return [
            "apiVersion": "example.dev/v1", "kind": "Widget", "metadata": ["name": "w"],
            "spec": .object(spec),
        ]
    }

    mutating func word() -> JSONValue { .string(["p", "q", "r"].randomElement(using: &random) ?? "p") }

    /// A random JSON value.
    mutating func value(depth: Int) -> JSONValue {
        switch Int.random(in: 0...(depth > 0 ? 7 : 4), using: &random) {
        case 0: .null
        case 1: .bool(.random(using: &random))
        case 2: .integer(.random(in: -2...2, using: &random))
        case 3: .number(.random(in: -2...2, using: &random))
        case 4: word()
        case 5: .array((0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth: depth - 1) })
        default:
            .object(
                Dictionary(
                    (0..<Int.random(in: 0...4, using: &random)).map { _ in (key(), value(depth: depth - 1)) },
                    uniquingKeysWith: { $1 }))
        }
    }

    private static let keys = [
        "spec", "status", "metadata", "managedFields", "tags", "items", "key", "v", "limits", "size",
        "$patch",
        "$setElementOrder/items", "$retainKeys", "$deleteFromPrimitiveList/tags", "fieldsV1", "f:spec",
        "op", "path", "from", "value", "operation", "finalizers", "conditions", "type",
    ]

    mutating func key() -> String { Self.keys.randomElement(using: &random) ?? "spec" }
}

@Suite("Server-side apply, by chance")
struct ApplyPropertyTests {
    private let manager = Managers.widget

    @Test(arguments: 0..<150)
    func `applying twice changes nothing`(seed: Int) throws {
        var source = Configurations(random: SeededGenerator(seed: UInt64(seed)))
        var object: JSONValue?
        for name in ["one", "two", "one"] {
            var applied = source.widget()
            applied[path: ["metadata", "labels"]] = ["by-\(name)": "x"]
            let once = try manager.apply(
                live: object, applied: applied, manager: name, force: true, now: instant)
            let twice = try manager.apply(
                live: once, applied: applied, manager: name, now: later)
            #expect(twice == once)
            object = once
        }
    }

    @Test(arguments: 0..<150)
    func `managers of disjoint fields never conflict, and drop only their own`(seed: Int) throws {
        var source = Configurations(random: SeededGenerator(seed: UInt64(seed)))
        let (first, second) = (source.widget(half: 0), source.widget(half: 1))
        var object = try manager.apply(live: nil, applied: first, manager: "one", now: instant)
        object = try manager.apply(live: object, applied: second, manager: "two", now: instant)
        for _ in 0..<3 {
            let name = Bool.random(using: &source.random) ? "one" : "two"
            object = try manager.apply(
                live: object, applied: source.widget(half: name == "one" ? 0 : 1), manager: name, now: instant
            )
        }
        object = try manager.apply(live: object, applied: first, manager: "one", now: instant)
        object = try manager.apply(
            live: object, applied: first.with("spec", [:]), manager: "two", now: instant)
        // The fields of the first manager are left; empty values may be left of shared fields.
        let alone = try manager.apply(live: nil, applied: first, manager: "one", now: instant)
        #expect(Self.essence(object["spec"]) == Self.essence(alone["spec"]))
        #expect(object.fields(of: "one") == alone.fields(of: "one"))
    }

    /// The spec without empty lists, and with its sets and keyed lists in a fixed order.
    private static func essence(_ spec: JSONValue?) -> [String: JSONValue] {
        (spec?.objectValue ?? [:]).filter { $0.value != [] }.mapValues { value in
            value.arrayValue.map { .array($0.sorted { $0.text < $1.text }) } ?? value
        }
    }

    @Test(arguments: 0..<150)
    func `every applied field has its applied value, and an owner`(seed: Int) throws {
        var source = Configurations(random: SeededGenerator(seed: UInt64(seed)))
        var object = Managers.widget.update(
            live: nil, new: source.widget(), manager: "creator", now: instant)
        for name in ["one", "two"] {
            let applied = source.widget()
            object = try manager.apply(
                live: object, applied: applied, manager: name, force: true, now: instant)
            let fields = FieldSet(of: applied, type: manager.type)
            let difference = Comparison(from: applied, to: object, type: manager.type)
            #expect(difference.modified.intersection(fields).isEmpty)
            #expect(difference.removed.intersection(fields).isEmpty)
        }
    }

    @Test(arguments: 0..<400)
    func `no input traps, and a patched object stays an object`(seed: Int) {
        var source = Configurations(random: SeededGenerator(seed: UInt64(seed)))
        let live = source.value(depth: 5)
        let patch = source.value(depth: 5)
        for format in PatchFormat.allCases {
            let result = try? ObjectPatcher.applyPatch(format, patch, to: live, schema: manager.type)
            #expect(result == nil || result?.objectValue != nil)
        }
        var configuration = patch
        configuration["apiVersion"] = "example.dev/v1"
        let updated = manager.update(live: live, new: patch, manager: "m", now: instant)
        for object in [live, updated] {
            _ = try? manager.apply(
                live: object, applied: configuration, manager: "kubectl", force: true, now: instant)
        }
    }

    @Test(arguments: [true, false])
    func `objects of the parser's greatest depth do not exhaust the stack`(inLists: Bool) throws {
        let depth = (JSONValue.depthLimit - 2) * (inLists ? 2 : 3) / 3
        let deep = (0..<depth).reduce(JSONValue.string("x")) { inner, level in
            inLists && level % 2 == 1 ? ["items": [inner]] : ["spec": inner]
        }
        let text = try JSONValue(parsing: deep.text)
        let manager = FieldManager(schema: Schema(.object), apiVersion: "v1")
        for format in [PatchFormat.merge, .strategic] {
            #expect(try ObjectPatcher.applyPatch(format, text, to: text) == text)
        }
        let created = manager.update(live: nil, new: text, manager: "one", now: instant)
        let applied = try manager.apply(
            live: created, applied: text.with("apiVersion", "v1"), manager: "two", now: instant)
        #expect(applied.fields(of: "two") != nil)
        #expect(applied["spec"] == text["spec"])
    }

    @Test
    func `long lists are merged in a time that doesn't grow with their square`() throws {
        let count = 4000
        let live: JSONValue = [
            "spec": ["items": .array((0..<count).map { ["key": .string("\($0)"), "v": 1] })]
        ]
        let patch: JSONValue = [
            "spec": ["items": .array((0..<count).map { ["key": .string("\(count - $0)"), "v": 2] })]
        ]
        let merged = try ObjectPatcher.applyPatch(.strategic, patch, to: live, schema: manager.type)
        #expect(merged[path: ["spec", "items"]]?.arrayValue?.count == count + 1)
        let applied = try manager.apply(
            live: live, applied: patch.with("apiVersion", "example.dev/v1"), manager: "one", force: true,
            now: instant)
        #expect(applied[path: ["spec", "items"]]?.arrayValue?.count == count + 1)
    }
}
