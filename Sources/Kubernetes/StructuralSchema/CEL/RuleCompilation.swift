import KubernetesAPI

extension Schema.Rule {
    private static let reasons = [
        "FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate",
    ]

    /// Errors of the rule itself, as a CRD's creation reports them. `path` is the rule's place.
    func compileErrors(for schema: Schema, at path: String, isRoot: Bool) -> [FieldError] {
        var errors: [FieldError] = []
        if rule.allSatisfy(\.isWhitespace) {
            return [.required("\(path).rule", "rule is not specified")]
        }
        let type = CELType(schema, isRoot: isRoot)
        errors += compileErrors(of: rule, type, place: "\(path).rule", expecting: "bool")
        if let text = messageExpression {
            errors += compileErrors(of: text, type, place: "\(path).messageExpression", expecting: "string")
        }
        if let message, message.contains("\n") {
            errors.append(
                .invalid("\(path).message", .string(message), "message must not contain line breaks"))
        }
        if message == nil, rule.contains("\n") {
            errors.append(
                .required(
                    "\(path).message", "message must be specified if rule contains line breaks"))
        }
        if let reason, !Self.reasons.contains(reason) {
            errors.append(.notSupported("\(path).reason", .string(reason), supported: Self.reasons))
        }
        if let fieldPath, !Self.exists(fieldPath, in: schema) {
            errors.append(
                .invalid("\(path).fieldPath", .string(fieldPath), "fieldPath must refer to a declared field"))
        }
        if optionalOldSelf, case .success(let expression) = Self.parsed(rule), !expression.mentions("oldSelf")
        {
            errors.append(
                .invalid("\(path).optionalOldSelf", true, "may not be set if oldSelf is not used in rule"))
        }
        return errors
    }

    private func compileErrors(
        of text: String, _ type: CELType, place: String, expecting result: String
    ) -> [FieldError] {
        switch Self.parsed(text) {
        case .failure(let error):
            return [.invalid(place, .string(text), "compilation failed: ERROR: <input>:\(error.message)")]
        case .success(let expression):
            var checker = CELChecker(scope: [
                "self": type, "oldSelf": optionalOldSelf ? .optional(type) : type,
            ])
            let found = checker.check(expression).name
            if checker.errors.isEmpty, found != result, found != "dyn" {
                return [.invalid(place, .string(text), "cel expression must evaluate to a \(result)")]
            }
            return checker.errors.map { message in
                .invalid(place, .string(text), "compilation failed: ERROR: \(message)")
            }
        }
    }

    /// Whether a path such as `.spec.size` or `.params['a.b']` names something declared.
    private static func exists(_ fieldPath: String, in schema: Schema) -> Bool {
        var schema = schema
        var rest = Substring(fieldPath)
        while !rest.isEmpty {
            let name: String
            if rest.hasPrefix("['"), let end = rest.firstRange(of: "']") {
                name = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end.lowerBound])
                rest = rest[end.upperBound...]
            } else if rest.hasPrefix(".") {
                rest = rest.dropFirst()
                name = String(rest.prefix { $0 != "." && $0 != "[" })
                rest = rest.dropFirst(name.count)
            } else {
                return false
            }
            guard !name.isEmpty, let member = schema.memberSchema(name) else { return false }
            schema = member
        }
        return !fieldPath.isEmpty
    }
}
