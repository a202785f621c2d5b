import KubernetesAPI

extension Schema {
    /// Errors that keep this schema from being structural, in the words of `apiextensions.k8s.io/v1`.
    ///
    /// - Parameter path: the schema's place in the CRD.
    public func structuralErrors(at path: String) -> [FieldError] {
        var rules = StructuralRules()
        rules.check(self, at: path, level: .root, depth: 0)
        return rules.errors
    }
}

private struct StructuralRules {
    enum Level { case root, field, item }

    var errors: [FieldError] = []

    /// - Parameter uncorrelated: path of the list above whose elements cannot be followed through a change;
    ///   nil if there is none.
    mutating func check(
        _ schema: Schema, at path: String, level: Level, depth: Int, uncorrelated: String? = nil
    ) {
        guard depth <= Schema.depthLimit else {
            errors.append(.forbidden(path, "must not nest deeper than \(Schema.depthLimit) levels"))
            return
        }
        checkType(schema, path, level)
        checkMembers(schema, path)
        checkList(schema, path)
        checkDefault(schema, path)
        checkExpressions(schema, path, level, uncorrelated)
        for (name, child) in schema.properties.sorted(by: { $0.key < $1.key }) {
            check(
                child, at: "\(path).properties[\(name)]", level: .field, depth: depth + 1,
                uncorrelated: uncorrelated)
        }
        if case .schema(let child) = schema.additionalProperties {
            check(
                child.value, at: "\(path).additionalProperties", level: .field, depth: depth + 1,
                uncorrelated: uncorrelated)
        }
        if let items = schema.items {
            let isFollowed = schema.listType == .map
            check(
                items.value, at: "\(path).items", level: .item, depth: depth + 1,
                uncorrelated: uncorrelated ?? (isFollowed ? nil : path))
        }
        for (keyword, children) in schema.junctors {
            for (index, child) in children.enumerated() {
                let place = keyword == "not" ? "\(path).not" : "\(path).\(keyword)[\(index)]"
                checkJunctor(child, outside: schema, at: place, depth: depth + 1)
            }
        }
    }

    private mutating func checkType(_ schema: Schema, _ path: String, _ level: Level) {
        let place = "\(path).type"
        if schema.isIntOrString {
            if let kind = schema.kind {
                errors.append(
                    .invalid(
                        place, .string(kind.rawValue), "must be empty if x-kubernetes-int-or-string is true"))
            }
            return
        }
        if schema.isEmbeddedResource, schema.kind != .object {
            errors.append(.required(place, "must be object if x-kubernetes-embedded-resource is true"))
        }
        switch level {
        case .root:
            guard let kind = schema.kind else {
                errors.append(.required(place, "must not be empty at the root"))
                return
            }
            if kind != .object {
                errors.append(.invalid(place, .string(kind.rawValue), "must be object at the root"))
            }
        case .field where schema.kind == nil && !schema.preserveUnknownFields:
            errors.append(.required(place, "must not be empty for specified object fields"))
        case .item where schema.kind == nil && !schema.preserveUnknownFields:
            errors.append(.required(place, "must not be empty for specified array items"))
        case .field, .item: break
        }
        if schema.isNullable, schema.listType != nil || schema.isEmbeddedResource, level == .root {
            errors.append(.forbidden("\(path).nullable", "must be false at the root"))
        }
    }

    private mutating func checkMembers(_ schema: Schema, _ path: String) {
        if schema.additionalProperties != nil, !schema.properties.isEmpty {
            errors.append(
                .forbidden(
                    "\(path).additionalProperties", "additionalProperties and properties are mutual exclusive"
                ))
        }
        if case .allowed(false) = schema.additionalProperties {
            errors.append(
                .forbidden("\(path).additionalProperties", "additionalProperties cannot be set to false"))
        }
        if schema.uniqueItems {
            errors.append(
                .forbidden(
                    "\(path).uniqueItems",
                    "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"))
        }
        if schema.kind == .array, schema.items == nil {
            errors.append(.required("\(path).items", "must be specified"))
        }
        if let mapType = schema.mapType, schema.kind != .object {
            errors.append(
                .invalid(
                    "\(path).type", .string(schema.kind?.rawValue ?? ""),
                    "must be object if x-kubernetes-map-type is specified as \(mapType.rawValue)"))
        }
        if let pattern = schema.pattern, case .failure(let error) = RegularExpression.compiled(pattern) {
            errors.append(
                .invalid(
                    "\(path).pattern", .string(pattern),
                    "must be a valid regular expression, but isn't: \(error.reason)"))
        }
    }

    private mutating func checkList(_ schema: Schema, _ path: String) {
        guard let listType = schema.listType else {
            if !schema.listMapKeys.isEmpty {
                errors.append(
                    .required(
                        "\(path).x-kubernetes-list-type",
                        "must be map if x-kubernetes-list-map-keys is non-empty"))
            }
            return
        }
        if schema.kind != .array {
            errors.append(
                .invalid(
                    "\(path).type", .string(schema.kind?.rawValue ?? ""),
                    "must be array if x-kubernetes-list-type is specified"))
        }
        let items = schema.items?.value ?? Schema()
        switch listType {
        case .atomic: break
        case .set:
            if items.kind == .object, items.mapType != .atomic {
                errors.append(
                    .invalid(
                        "\(path).items.x-kubernetes-map-type", .string(items.mapType?.rawValue ?? ""),
                        "must be atomic as item of a list with x-kubernetes-list-type=set"))
            }
        case .map: checkKeys(schema.listMapKeys, of: items, path)
        }
    }

    private mutating func checkKeys(_ keys: [String], of items: Schema, _ path: String) {
        if keys.isEmpty {
            errors.append(
                .required(
                    "\(path).x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map"
                ))
        }
        if items.kind != .object {
            errors.append(
                .invalid(
                    "\(path).items.type", .string(items.kind?.rawValue ?? ""),
                    "must be object if parent array's x-kubernetes-list-type is map"))
        }
        for (index, key) in keys.enumerated() {
            guard let property = items.properties[key] else {
                errors.append(
                    .invalid(
                        "\(path).x-kubernetes-list-map-keys[\(index)]", .string(key),
                        "entries must all be names of item properties"))
                continue
            }
            if property.kind == .object || property.kind == .array {
                errors.append(
                    .invalid(
                        "\(path).items.properties[\(key)].type", .string(property.kind?.rawValue ?? ""),
                        "must be a scalar type if parent array's x-kubernetes-list-type is map"))
            }
            if property.defaultValue == nil, !items.required.contains(key) {
                errors.append(
                    .required(
                        "\(path).items.properties[\(key)].default",
                        "this property is in x-kubernetes-list-map-keys, so it must have a default or be"
                            + " a required property"))
            }
        }
    }

    private mutating func checkDefault(_ schema: Schema, _ path: String) {
        guard let value = schema.defaultValue else { return }
        let place = "\(path).default"
        if !schema.unknownFields(in: value).isEmpty {
            errors.append(.invalid(place, value, "must not have unknown fields"))
        }
        var complete = value
        schema.applyDefaults(to: &complete)
        // Paths below the value are dropped: the schema holds the whole default.
        errors += schema.validate(complete).map { error in
            FieldError(code: error.code, field: place, message: error.message)
        }
    }

    private mutating func checkExpressions(
        _ schema: Schema, _ path: String, _ level: Level, _ uncorrelated: String?
    ) {
        for (index, rule) in schema.validations.enumerated() {
            let place = "\(path).x-kubernetes-validations[\(index)]"
            errors += rule.compileErrors(for: schema, at: place, isRoot: level == .root)
            if let uncorrelated, rule.compiled()?.usesOldSelf == true {
                errors.append(
                    .invalid(
                        "\(place).rule", .string(rule.rule),
                        "oldSelf cannot be used on the uncorrelatable portion of the schema within"
                            + " \(uncorrelated)"))
            }
        }
    }

    /// Checks a schema inside `allOf` or its like, which may only constrain members that are declared
    /// outside.
    private mutating func checkJunctor(
        _ schema: Schema, outside: Schema?, at path: String, depth: Int
    ) {
        guard depth <= Schema.depthLimit else { return }
        for (keyword, isSet) in schema.typeKeywords where isSet {
            // The expansion of `intOrString` is the one exception.
            if keyword == "type", outside?.isIntOrString == true { continue }
            errors.append(.forbidden("\(path).\(keyword)", "must be empty to be structural"))
        }
        for (name, child) in schema.properties.sorted(by: { $0.key < $1.key }) {
            let declared = outside?.properties[name]
            if declared == nil, outside?.preserveUnknownFields != true {
                errors.append(
                    .required(
                        "\(path).properties[\(name)]", "must be declared outside as well to be structural"))
            }
            checkJunctor(child, outside: declared, at: "\(path).properties[\(name)]", depth: depth + 1)
        }
        if let items = schema.items {
            checkJunctor(
                items.value, outside: outside?.items?.value, at: "\(path).items", depth: depth + 1)
        }
        for (keyword, children) in schema.junctors {
            for (index, child) in children.enumerated() {
                let place = keyword == "not" ? "\(path).not" : "\(path).\(keyword)[\(index)]"
                checkJunctor(child, outside: outside, at: place, depth: depth + 1)
            }
        }
    }
}

extension Schema {
    fileprivate var junctors: [(String, [Schema])] {
        [("allOf", allOf), ("anyOf", anyOf), ("oneOf", oneOf), ("not", not.map { [$0.value] } ?? [])]
    }

    fileprivate var typeKeywords: [(String, Bool)] {
        [
            ("type", kind != nil), ("description", description != nil), ("title", title != nil),
            ("default", defaultValue != nil), ("nullable", isNullable),
            ("additionalProperties", additionalProperties != nil),
            ("x-kubernetes-preserve-unknown-fields", preserveUnknownFields),
            ("x-kubernetes-embedded-resource", isEmbeddedResource),
            ("x-kubernetes-int-or-string", isIntOrString), ("x-kubernetes-list-type", listType != nil),
            ("x-kubernetes-map-type", mapType != nil), ("x-kubernetes-validations", !validations.isEmpty),
        ]
    }
}
