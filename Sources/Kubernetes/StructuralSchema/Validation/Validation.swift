import KubernetesAPI

extension Schema {
    /// All errors of `value`, in the words of a real API server: types, bounds, formats, duplicates in lists,
    /// and then the CEL rules, unless an earlier error leaves them nothing to rely on.
    ///
    /// - Parameters:
    ///   - value: the whole object, or the value at `path`. Apply defaults and prune first.
    ///   - old: the value that it replaces. Unchanged parts are not judged again, and transition rules run.
    ///   - path: place of `value`; empty for a whole object.
    ///   - others: errors of the object that are known already; not among the results.
    public func validate(
        _ value: JSONValue, old: JSONValue? = nil, at path: String = "", beside others: [FieldError] = []
    ) -> [FieldError] {
        var validation = SchemaValidation()
        validation.check(self, value, old: old, at: path, depth: 0)
        var errors = validation.errors
        var lists = ListValidation()
        lists.check(self, value, old: old, at: path, depth: 0)
        errors += lists.errors
        if (others + errors).contains(where: \.blocksRules) {
            return hasRules ? errors + [.rulesNotChecked] : errors
        }
        var rules = RuleValidation()
        rules.check(self, value, old: old, at: path, depth: 0)
        return errors + rules.errors
    }

    /// Whether there is a CEL rule anywhere in this schema. It searches the whole schema: do not call it for
    /// every value.
    var hasRules: Bool {
        if !validations.isEmpty || properties.values.contains(where: \.hasRules) { return true }
        if items?.value.hasRules == true { return true }
        if case .schema(let schema) = additionalProperties { return schema.value.hasRules }
        return false
    }

    /// The schema's type as messages name it.
    var typeName: String { isIntOrString ? "integer,string" : kind?.rawValue ?? "" }
}

extension JSONValue {
    /// The JSON type as messages name it. A whole number is an integer, however it was written.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number(let number): Int64(exactly: number) == nil ? "number" : "integer"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension JSONValue {
    /// The format of a value that is no string, list or null, as messages name it; empty if it has none.
    fileprivate var formatName: String? {
        switch self {
        case .null, .string, .array: nil
        case .bool, .object: ""
        case .integer: "int64"
        case .number(let number): Int64(exactly: number) == nil ? "float64" : "int64"
        }
    }
}

/// `path` and a member's name, joined as in messages.
func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

/// Types, bounds, formats and required members: kube-openapi's validators, with their quirks.
struct SchemaValidation {
    var errors: [FieldError] = []

    mutating func check(_ schema: Schema, _ value: JSONValue, old: JSONValue?, at path: String, depth: Int) {
        if let old, old == value { return }
        guard depth <= JSONValue.depthLimit else {
            errors.append(.forbidden(path, "must not nest deeper than \(JSONValue.depthLimit) levels"))
            return
        }
        checkType(schema, value, path)
        checkEnumeration(schema, value, path)
        switch value {
        case .string(let text): checkString(schema, text, path)
        case .integer(let number): checkNumber(schema, value, Double(number), path)
        case .number(let number): checkNumber(schema, value, number, path)
        case .array(let elements): checkArray(schema, elements, old: old, path, depth)
        case .object(let members): checkObject(schema, members, old: old, path, depth)
        case .null, .bool: break
        }
        if !value.isNull { checkJunctors(schema, value, path, depth) }
    }

    private mutating func checkType(_ schema: Schema, _ value: JSONValue, _ path: String) {
        let actual = value.typeName
        if value.isNull, schema.isNullable { return }
        if let format = schema.format, let found = value.formatName, schema.kind != .some(.array) {
            // kube-openapi names the formats if both sides have one; a missing one counts as empty.
            let isWhole = actual == "integer" && (schema.kind == .integer || schema.kind == .number)
            if !isWhole, actual != schema.kind?.rawValue {
                typeError(path, .string(found), format)
            }
            return
        }
        let accepted: Bool
        if schema.isIntOrString {
            accepted = actual == "integer" || actual == "string"
        } else {
            guard let kind = schema.kind else { return }
            accepted = actual == kind.rawValue || (kind == .number && actual == "integer")
        }
        if !accepted { typeError(path, .string(actual), schema.typeName) }
    }

    private mutating func typeError(_ path: String, _ value: JSONValue, _ expected: String) {
        errors.append(
            .typeInvalid(shown(path), value, "\(path) in body must be of type \(expected): \(value.text)"))
    }

    /// The path as shown: `<nil>` for the whole object.
    private func shown(_ path: String) -> String { path.isEmpty ? "<nil>" : path }

    private mutating func checkEnumeration(_ schema: Schema, _ value: JSONValue, _ path: String) {
        guard let allowed = schema.enumeration, !allowed.contains(where: { $0.isSame(as: value) }) else {
            return
        }
        if value.isNull, !schema.isNullable { return }
        errors.append(
            .notSupported(shown(path), value, supported: allowed.map { $0.stringValue ?? $0.text }))
    }

    private mutating func checkString(_ schema: Schema, _ text: String, _ path: String) {
        if let format = schema.format, schema.kind == .string, !StringFormat.accepts(text, format: format) {
            typeError(path, .string(text), format)
        }
        let length = text.unicodeScalars.count
        if let limit = schema.maxLength, length > limit {
            errors.append(.tooLong(shown(path), limit: limit))
        } else if let limit = schema.minLength, length < limit {
            invalid(path, .string(text), "should be at least \(limit) chars long")
        } else if let pattern = schema.pattern,
            case .success(let expression) = RegularExpression.compiled(pattern),
            !expression.matches(text)
        {
            invalid(path, .string(text), "should match '\(pattern)'")
        }
    }

    private mutating func invalid(_ path: String, _ value: JSONValue, _ rule: String) {
        errors.append(.invalid(shown(path), value, "\(path) in body \(rule)"))
    }

    private mutating func checkNumber(_ schema: Schema, _ value: JSONValue, _ number: Double, _ path: String)
    {
        if schema.kind == .integer {
            let fits =
                value.integerValue.map { schema.format != "int32" || Int32(exactly: $0) != nil } ?? false
            if !fits {
                let format = schema.format.map { "with format \($0)" } ?? "(default format)"
                errors.append(
                    .invalidObject("Checked value must be of type integer \(format) in \(path)"))
            }
        }
        if let factor = schema.multipleOf, factor > 0 {
            let quotient = number / factor
            if quotient != quotient.rounded() {
                invalid(path, value, "should be a multiple of \(bound(factor, value))")
            }
        }
        if let bound = schema.maximum, schema.exclusiveMaximum ? number >= bound : number > bound {
            let relation = schema.exclusiveMaximum ? "less than" : "less than or equal to"
            invalid(path, value, "should be \(relation) \(self.bound(bound, value))")
        }
        if let bound = schema.minimum, schema.exclusiveMinimum ? number <= bound : number < bound {
            let relation = schema.exclusiveMinimum ? "greater than" : "greater than or equal to"
            invalid(path, value, "should be \(relation) \(self.bound(bound, value))")
        }
    }

    /// A bound as it stands in the message about `value`: whole if the value is a whole number.
    private func bound(_ bound: Double, _ value: JSONValue) -> String {
        if case .integer = value, let whole = Int64(exactly: bound.rounded(.towardZero)) {
            return String(whole)
        }
        return goFormat(bound)
    }

    private mutating func checkArray(
        _ schema: Schema, _ elements: [JSONValue], old: JSONValue?, _ path: String, _ depth: Int
    ) {
        if let items = schema.items?.value {
            let correlation = ListCorrelation(schema: schema, old: old)
            for (index, element) in elements.enumerated() {
                check(
                    items, element, old: correlation.old(for: element), at: "\(path)[\(index)]",
                    depth: depth + 1)
            }
        }
        if let limit = schema.minItems, elements.count < limit {
            invalid(path, .integer(Int64(elements.count)), "should have at least \(limit) items")
        }
        if let limit = schema.maxItems, elements.count > limit {
            errors.append(.tooMany(shown(path), actual: elements.count, limit: limit))
        }
    }

    private mutating func checkObject(
        _ schema: Schema, _ members: [String: JSONValue], old: JSONValue?, _ path: String, _ depth: Int
    ) {
        // Judgement of an object ends at a wrong number of members, as upstream's does.
        if let limit = schema.minProperties, members.count < limit {
            invalid(path, .integer(Int64(members.count)), "should have at least \(limit) properties")
            return
        }
        if let limit = schema.maxProperties, members.count > limit {
            errors.append(.tooMany(shown(path), actual: members.count, limit: limit))
            return
        }
        for name in schema.required where members[name] == nil {
            errors.append(.required(join(path, name)))
        }
        for (name, member) in members.sorted(by: { $0.key < $1.key }) {
            guard let declared = schema.memberSchema(name) else { continue }
            check(declared, member, old: old?[name], at: join(path, name), depth: depth + 1)
        }
        if schema.isEmbeddedResource { checkEmbedded(members, path) }
    }

    private mutating func checkEmbedded(_ members: [String: JSONValue], _ path: String) {
        for name in ["apiVersion", "kind"] where (members[name]?.stringValue ?? "").isEmpty {
            errors.append(.required(join(path, name), "must not be empty"))
        }
    }

    private mutating func checkJunctors(_ schema: Schema, _ value: JSONValue, _ path: String, _ depth: Int) {
        for child in schema.allOf { errors += failures(child, value, path, depth) }
        if !schema.anyOf.isEmpty, !schema.isIntOrString {
            let attempts = schema.anyOf.map { failures($0, value, path, depth) }
            if !attempts.contains(where: \.isEmpty) {
                errors.append(.invalidObject("\"\(path)\" must validate at least one schema (anyOf)"))
                errors += attempts.min { $0.count < $1.count } ?? []
            }
        }
        if !schema.oneOf.isEmpty {
            let attempts = schema.oneOf.map { failures($0, value, path, depth) }
            let matching = attempts.count(where: \.isEmpty)
            if matching != 1 {
                let found = matching == 0 ? "Found none valid" : "Found \(matching) valid alternatives"
                errors.append(
                    .invalidObject("\"\(path)\" must validate one and only one schema (oneOf). \(found)"))
                if matching == 0 { errors += attempts.min { $0.count < $1.count } ?? [] }
            }
        }
        if let not = schema.not, failures(not.value, value, path, depth).isEmpty {
            errors.append(.invalidObject("\"\(path)\" must not validate the schema (not)"))
        }
    }

    private func failures(
        _ schema: Schema, _ value: JSONValue, _ path: String, _ depth: Int
    ) -> [FieldError] {
        var attempt = SchemaValidation()
        attempt.check(schema, value, old: nil, at: path, depth: depth + 1)
        return attempt.errors
    }
}

extension JSONValue {
    /// Equality in which `1` and `1.0` are the same.
    func isSame(as other: JSONValue) -> Bool {
        if self == other { return true }
        guard let mine = doubleValue, let theirs = other.doubleValue else { return false }
        return mine == theirs
    }
}
