import KubernetesAPI
import StructuralSchema

/// The rule that holds the Swift types of a kind against its schema.
///
/// For each property of the schema, from the kind's spec and status downwards:
///
/// - the Swift type that mirrors the object has a stored property of that name, and none besides;
/// - the property's comment begins with the schema's description, word for word, and may go on. Where several
///   schemas declare one property, it begins with one description and holds the others too;
/// - a default of the schema is named: `Default 3.`;
/// - a comment on an optional without such a default says what nil means, by the word "nil" or "absent";
/// - a property that is an object, or a list of objects, is of a public struct that mirrors it; the struct of a
///   list's elements begins its comment with their description;
/// - a property with an enumeration is a String, or an enum of exactly these raw values.
struct DocumentationRule {
    private let declarations: PublicDeclarations
    /// Types of other targets, which their own target documents.
    private let foreign: Set<String>
    /// Descriptions by the place of the comment, a type's path with or without a property.
    private var descriptions: [Place: Set<String>] = [:]
    private var seen: [String: Set<String>] = [:]
    private var findings: [String] = []

    private struct Place: Hashable {
        var type: String
        var property: String?
        var text: String { property.map { "\(type).\($0)" } ?? type }
    }

    private init(_ declarations: PublicDeclarations, foreign: Set<String>) {
        (self.declarations, self.foreign) = (declarations, foreign)
    }

    /// Breaches of the rule by the types of these kinds, sorted.
    /// - Parameter kinds: schemas of whole objects, by the name of their Swift type.
    static func violations(
        of kinds: [String: Schema], by declarations: PublicDeclarations, foreign: Set<String> = ["Condition"]
    ) -> [String] {
        var rule = Self(declarations, foreign: foreign)
        for (kind, schema) in kinds {
            rule.describe(Place(type: kind), schema)
            for part in ["spec", "status"] {
                guard let property = schema.properties[part] else { continue }
                rule.hold(property, part, in: kind)
            }
        }
        rule.holdDescriptions()
        rule.holdSurplus(except: Set(kinds.keys))
        return Set(rule.findings).sorted()
    }

    private mutating func hold(_ schema: Schema, _ name: String, in type: String) {
        let place = Place(type: type, property: name)
        guard let property = declarations.types[type]?.properties[name], property.isStored else {
            findings.append("\(place.text) stands in the schema and is no public stored property")
            return
        }
        seen[type, default: []].insert(name)
        describe(place, schema)
        holdNil(property, schema, place)
        let written = property.type ?? ""
        let element = String(written.filter { !"[]?".contains($0) })
        let resolved = declarations.resolve(element, in: type)
        if let choices = schema.enumeration, element != "String" {
            let raw = resolved.flatMap { declarations.types[$0]?.rawValues } ?? []
            if Set(choices) != Set(raw.map(JSONValue.string)) {
                findings.append("\(place.text): \(element) has not the values that the schema has")
            }
        }
        guard let object = schema.items?.value ?? Optional(schema), !object.properties.isEmpty,
            !foreign.contains(element)
        else { return }
        guard let resolved else {
            findings.append("\(place.text) is an object in the schema, and \(element) is no public type here")
            return
        }
        if schema.items != nil { describe(Place(type: resolved), object) }
        for (name, property) in object.properties { hold(property, name, in: resolved) }
    }

    private mutating func describe(_ place: Place, _ schema: Schema) {
        let description = (schema.description ?? "").collapsed
        if description.isEmpty { findings.append("\(place.text) has no description in the schema") }
        descriptions[place, default: []].insert(description)
    }

    private mutating func holdNil(
        _ property: PublicDeclarations.Property, _ schema: Schema, _ place: Place
    ) {
        let comment = property.documentation
        if let value = schema.defaultValue.flatMap(Self.scalar) {
            if !comment.contains("Default \(value).") {
                findings.append("\(place.text): its comment does not say \"Default \(value).\"")
            }
        } else if property.type?.hasSuffix("?") == true {
            let words = comment.lowercased().split { !$0.isLetter }
            if !words.contains("nil"), !words.contains("absent") {
                findings.append("\(place.text): its comment does not say what nil means")
            }
        }
    }

    private static func scalar(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .null, .array, .object: nil
        }
    }

    private mutating func holdDescriptions() {
        for (place, texts) in descriptions {
            let type = declarations.types[place.type]
            let comment = place.property.map { type?.properties[$0]?.documentation } ?? type?.documentation
            guard let comment else {
                findings.append("\(place.text) is no public type")
                continue
            }
            for text in texts where !comment.contains(text) {
                findings.append("\(place.text): the schema says \"\(text)\", the comment \"\(comment)\"")
            }
            if !texts.contains(where: comment.hasPrefix) {
                findings.append("\(place.text): its comment does not begin with the schema's description")
            }
        }
    }

    private mutating func holdSurplus(except kinds: Set<String>) {
        for (type, names) in seen where !kinds.contains(type) {
            for (name, property) in declarations.types[type]?.properties ?? [:]
            where property.isStored && !names.contains(name) {
                findings.append("\(type).\(name) stands in no schema")
            }
        }
    }
}
