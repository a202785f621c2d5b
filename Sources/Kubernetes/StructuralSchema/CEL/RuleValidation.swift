import KubernetesAPI
import Synchronization

/// A parsed rule.
struct CompiledRule: Sendable {
    var expression: CELExpression
    var message: CELExpression?
    var usesOldSelf: Bool
}

extension Schema.Rule {
    private static let cache = Mutex<[String: Result<CELExpression, CELError>]>([:])
    private static let compiledRules = Mutex<[String: CompiledRule]>([:])
    private static let cacheLimit = 1024

    /// The expression, parsed once and kept.
    static func parsed(_ text: String) -> Result<CELExpression, CELError> {
        if let known = cache.withLock({ $0[text] }) { return known }
        let result: Result<CELExpression, CELError>
        do throws(CELError) {
            result = .success(try CELParser.parse(text))
        } catch {
            result = .failure(error)
        }
        cache.withLock { cache in
            if cache.count >= cacheLimit { cache.removeAll() }
            cache[text] = result
        }
        return result
    }

    /// The parsed rule; nil if it does not parse, which cannot happen to a served CRD's rules.
    func compiled() -> CompiledRule? {
        let name = messageExpression.map { "\(rule)\n\($0)" } ?? rule
        if let known = Self.compiledRules.withLock({ $0[name] }) { return known }
        guard case .success(let expression) = Self.parsed(rule) else { return nil }
        var message: CELExpression?
        if let text = messageExpression, case .success(let parsed) = Self.parsed(text) { message = parsed }
        let compiled = CompiledRule(
            expression: expression, message: message,
            usesOldSelf: expression.mentions("oldSelf") || message?.mentions("oldSelf") == true)
        Self.compiledRules.withLock { rules in
            if rules.count >= Self.cacheLimit { rules.removeAll() }
            rules[name] = compiled
        }
        return compiled
    }
}

/// Evaluates the CEL rules of a value and of everything in it.
struct RuleValidation {
    /// Steps that all rules together may take on one object.
    static let budget = 10_000_000

    var errors: [FieldError] = []
    private var budget = RuleValidation.budget

    mutating func check(_ schema: Schema, _ value: JSONValue, old: JSONValue?, at path: String, depth: Int) {
        guard depth <= JSONValue.depthLimit, budget > 0 else { return }
        if !schema.validations.isEmpty, !value.isNull { checkRules(schema, value, old: old, path) }
        switch value {
        case .object(let members):
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                guard let declared = schema.memberSchema(name) else { continue }
                let isMap = schema.properties[name] == nil
                check(
                    declared, member, old: old?[name], at: isMap ? "\(path)[\(name)]" : join(path, name),
                    depth: depth + 1)
            }
        case .array(let elements):
            guard let items = schema.items?.value else { return }
            let correlation = ListCorrelation(schema: schema, old: old)
            for (index, element) in elements.enumerated() {
                check(
                    items, element, old: correlation.old(for: element), at: "\(path)[\(index)]",
                    depth: depth + 1)
            }
        case .null, .bool, .integer, .number, .string: return
        }
    }

    private mutating func checkRules(_ schema: Schema, _ value: JSONValue, old: JSONValue?, _ path: String) {
        // The value is made when a rule needs it: a transition rule on creation needs none.
        lazy var current = CELValue(value, schema: schema)
        let former = old.map { CELValue($0, schema: schema) }
        let isUnchanged = old == value
        for rule in schema.validations {
            guard let compiled = rule.compiled() else { continue }
            // A transition rule needs a former value; other rules do not judge an unchanged value again.
            if compiled.usesOldSelf, former == nil, !rule.optionalOldSelf { continue }
            if !compiled.usesOldSelf, isUnchanged { continue }
            var variables = ["self": current]
            if rule.optionalOldSelf {
                variables["oldSelf"] = .optional(former)
            } else if let former {
                variables["oldSelf"] = former
            }
            evaluate(rule, compiled, variables, value, schema, path)
        }
    }

    private mutating func evaluate(
        _ rule: Schema.Rule, _ compiled: CompiledRule, _ variables: [String: CELValue], _ value: JSONValue,
        _ schema: Schema, _ path: String
    ) {
        let limit = min(budget, CELEvaluator.budget)
        var evaluator = CELEvaluator(variables: variables, budget: limit)
        defer { budget -= limit - max(0, evaluator.budget) }
        do throws(CELError) {
            let result = try evaluator.evaluate(compiled.expression)
            guard result != .bool(true) else { return }
            guard result == .bool(false) else { throw CELError.noSuchOverload }
        } catch {
            let advice = error.code == .budget ? "; cut the rule or bound the field" : ""
            errors.append(
                .invalid(
                    Self.field(path), .string(schema.kind?.rawValue ?? ""),
                    "\(error.message) evaluating rule: \(rule.message ?? rule.rule)\(advice)"))
            return
        }
        var detail = rule.message?.trimmed ?? "failed rule: \(rule.rule.trimmed)"
        if let message = compiled.message, case .string(let text)? = try? evaluator.evaluate(message),
            !text.trimmed.isEmpty, !text.contains("\n")
        {
            detail = String(text.prefix(5 * 1024)).trimmed
        }
        report(rule, value, path + (rule.fieldPath ?? ""), detail, as: rule.reason)
    }

    private static func field(_ path: String) -> String {
        path.isEmpty ? "<nil>" : path.hasPrefix(".") ? String(path.dropFirst()) : path
    }

    private mutating func report(
        _ rule: Schema.Rule, _ value: JSONValue, _ path: String, _ detail: String, as reason: String?
    ) {
        let field = Self.field(path)
        let isComposite = value.objectValue != nil || value.arrayValue != nil
        switch reason {
        case "FieldValueRequired": errors.append(.required(field, detail))
        case "FieldValueForbidden": errors.append(.forbidden(field, detail))
        case "FieldValueDuplicate":
            errors.append(
                isComposite
                    ? FieldError(code: .duplicate, field: field, message: "Duplicate value")
                    : .duplicate(field, value))
        default: errors.append(isComposite ? .invalid(field, detail) : .invalid(field, value, detail))
        }
    }
}

extension String {
    fileprivate var trimmed: String {
        let isSpace = { (character: Character) in character.isWhitespace }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
