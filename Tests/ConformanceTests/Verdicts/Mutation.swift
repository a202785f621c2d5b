import ControllerRuntime
import KubernetesAPI
import SeededRandomness

/// Makes wrong manifests from right ones, by chance from a seed.
struct Mutation {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private static let values: [JSONValue] = [
        .null, true, 0, 1, -1, 7, 100_000, 4_294_967_296, .integer(.max), 0.5, 1.0, 1e300, "", "0", "1", "-1",
        "text", " ", "ümläut", "s3://bucket/key", "s3://b/../k", "https://example.com", "10Gi", "1e3", "100m",
        "2026-01-01T00:00:00Z", "a b", "line\nline", [], [:], ["a"], [.null], [[:]], ["key": "value"],
        ["key": .null], .string(String(repeating: "x", count: 300)),
        .string(String(repeating: "x", count: 5000)),
    ]

    /// One of the documents with one to three members of its spec changed.
    mutating func mutant(of documents: [JSONValue]) -> JSONValue {
        var document = documents.randomElement(using: &random) ?? [:]
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            document["spec"] = mutated(document["spec"] ?? [:])
        }
        return document
    }

    private mutating func mutated(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members) where !members.isEmpty && Int.random(in: 0..<8, using: &random) > 0:
            return mutated(members)
        case .array(let elements) where !elements.isEmpty && Int.random(in: 0..<6, using: &random) > 0:
            return mutated(elements)
        case .null, .bool, .integer, .number, .string, .array, .object: return anything
        }
    }

    private var anything: JSONValue {
        mutating get { Self.values.randomElement(using: &random) ?? .null }
    }

    private mutating func mutated(_ members: [String: JSONValue]) -> JSONValue {
        var members = members
        let names = members.keys.sorted()
        let name = names.randomElement(using: &random) ?? ""
        switch Int.random(in: 0..<10, using: &random) {
        case 0: members[name] = nil
        case 1: members["unknown"] = anything
        case 2: members[name] = anything
        default: members[name] = mutated(members[name] ?? .null)
        }
        return .object(members)
    }

    private mutating func mutated(_ elements: [JSONValue]) -> JSONValue {
        var elements = elements
        let index = Int.random(in: 0..<elements.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: elements.remove(at: index)
        case 1: elements.append(elements[index])
        case 2: elements.append(anything)
        default: elements[index] = mutated(elements[index])
        }
        return .array(elements)
    }
}
