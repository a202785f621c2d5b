import KubernetesAPI

/// Finds errors of an expression before it runs: unknown names, functions and fields, and operators on types
/// that they do not take.
struct CELChecker {
    private var scope: [String: CELType]
    private(set) var errors: [String] = []

    init(scope: [String: CELType]) { self.scope = scope }

    /// The type of the expression's value.
    mutating func check(_ expression: CELExpression) -> CELType {
        switch expression {
        case .literal(let value): return Self.type(of: value)
        case .identifier(let name): return lookUp(name)
        case .select(let operand, let field, let isOptional):
            let type = member(field, of: check(operand))
            return isOptional ? Self.optional(type) : type
        case .has(let operand, let field):
            _ = member(field, of: check(operand))
            return .bool
        case .index(let operand, let index, let isOptional):
            let type = element(of: check(operand), check(index))
            return isOptional ? Self.optional(type) : type
        case .call(let name, let target, let arguments): return call(name, target, arguments)
        case .and(let terms), .or(let terms):
            for term in terms { expectBool(check(term), "_&&_") }
            return .bool
        case .not(let operand):
            expectBool(check(operand), "!_")
            return .bool
        case .conditional(let condition, let yes, let no):
            expectBool(check(condition), "_?_:_")
            let first = check(yes)
            let second = check(no)
            return first.name == second.name ? first : .dynamic
        case .negate(let operand): return check(operand)
        case .binary(let symbol, let left, let right): return binary(symbol, check(left), check(right))
        case .list(let items):
            let types = items.map { check($0) }
            guard let first = types.first, types.allSatisfy({ $0.name == first.name }) else {
                return .list(.dynamic)
            }
            return .list(first)
        case .map(let entries):
            for entry in entries {
                _ = check(entry.key)
                _ = check(entry.value)
            }
            return .map(.dynamic)
        case .comprehension(let comprehension): return run(comprehension)
        }
    }

    private static func optional(_ type: CELType) -> CELType {
        if case .optional = type { type } else { .optional(type) }
    }

    private static func type(of value: CELValue) -> CELType {
        switch value {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        default: .dynamic
        }
    }

    private mutating func lookUp(_ name: String) -> CELType {
        if let type = scope[name] { return type }
        if ["int", "uint", "double", "bool", "string", "bytes", "list", "map", "type", "null_type"].contains(
            name)
        {
            return .type
        }
        errors.append("undeclared reference to '\(name)' (in container '')")
        return .dynamic
    }

    private mutating func member(_ field: String, of type: CELType) -> CELType {
        if let member = type.member(field) { return member }
        switch type {
        case .object: errors.append("undefined field '\(field)'")
        default: errors.append("type '\(type.name)' does not support field selection")
        }
        return .dynamic
    }

    private mutating func element(of type: CELType, _ index: CELType) -> CELType {
        switch type {
        case .list(let element): return element
        case .map(let value): return value
        case .optional(let inner): return .optional(element(of: inner, index))
        case .dynamic: return .dynamic
        default:
            errors.append("found no matching overload for '_[_]' applied to '(\(type.name), \(index.name))'")
            return .dynamic
        }
    }

    private mutating func expectBool(_ type: CELType, _ function: String) {
        switch type {
        case .bool, .dynamic: return
        default: errors.append("expected type 'bool' but found '\(type.name)' in '\(function)'")
        }
    }

    private mutating func binary(_ symbol: CELOperator, _ left: CELType, _ right: CELType) -> CELType {
        let mismatch =
            "found no matching overload for '_\(symbol.rawValue)_' applied to '(\(left.name), \(right.name))'"
        switch symbol {
        case .equal, .notEqual:
            if !left.isComparable(with: right) { errors.append(mismatch) }
            return .bool
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            let numbers: Set = ["int", "uint", "double"]
            if !left.isComparable(with: right), !(numbers.contains(left.name) && numbers.contains(right.name))
            {
                errors.append(mismatch)
            }
            return .bool
        case .contained:
            switch right {
            case .list(let element):
                if !left.isComparable(with: element) { errors.append(mismatch) }
            case .map, .dynamic: break
            default: errors.append(mismatch)
            }
            return .bool
        case .add, .subtract, .multiply, .divide, .remainder:
            let times: Set = ["google.protobuf.Duration", "google.protobuf.Timestamp"]
            if times.contains(left.name), times.contains(right.name) {
                return symbol == .subtract && left.name == right.name
                    ? .duration
                    : left.name == right.name
                        ? left : .timestamp
            }
            if !left.isComparable(with: right) { errors.append(mismatch) }
            if case .dynamic = left { return right }
            return left
        }
    }

    private mutating func call(
        _ name: String, _ target: CELExpression?, _ arguments: [CELExpression]
    ) -> CELType {
        let receiver = target.map { check($0) }
        let types = arguments.map { check($0) }
        let known = receiver == nil ? CELFunctions.globals : CELFunctions.methods
        guard known.contains(name) else {
            errors.append("undeclared reference to '\(name)' (in container '')")
            return .dynamic
        }
        if let mistake = misuse(of: name, receiver, types) { errors.append(mistake) }
        checkPattern(name, receiver == nil ? arguments.last : arguments.first)
        return result(of: name, receiver, types)
    }

    private func misuse(of name: String, _ receiver: CELType?, _ arguments: [CELType]) -> String? {
        let stringMethods: Set = [
            "startsWith", "endsWith", "contains", "matches", "split", "lowerAscii", "upperAscii", "trim",
            "replace", "substring", "charAt", "format", "find", "findAll",
        ]
        let signature = ([receiver].compactMap(\.self) + arguments).map(\.name).joined(separator: ", ")
        let mismatch = "found no matching overload for '\(name)' applied to '(\(signature))'"
        if let receiver, stringMethods.contains(name) {
            switch receiver {
            case .string, .dynamic: return nil
            default: return mismatch
            }
        }
        guard name == "size", let subject = receiver ?? arguments.first else { return nil }
        switch subject {
        case .string, .bytes, .list, .map, .dynamic: return nil
        default: return mismatch
        }
    }

    /// Checks a literal pattern: it must be a regular expression.
    private mutating func checkPattern(_ name: String, _ argument: CELExpression?) {
        guard name == "matches" || name == "find" || name == "findAll",
            case .literal(.string(let pattern))? = argument,
            case .failure(let error) = RegularExpression.compiled(pattern)
        else { return }
        errors.append("invalid matches argument: error parsing regexp: \(error.reason)")
    }

    private func result(of name: String, _ receiver: CELType?, _ arguments: [CELType]) -> CELType {
        switch name {
        case "size", "int", "indexOf", "lastIndexOf", "compareTo", "asInteger", "sign", "getHours",
            "getMinutes", "getSeconds", "getMilliseconds", "getFullYear", "getMonth", "getDate",
            "getDayOfMonth", "getDayOfWeek", "getDayOfYear":
            return .int
        case "startsWith", "endsWith", "contains", "matches", "isSorted", "isInteger", "isGreaterThan",
            "isLessThan", "isQuantity", "isURL", "isIP", "isCIDR", "sets.contains", "sets.intersects",
            "sets.equivalent", "hasValue", "bool":
            return .bool
        case "string", "join", "lowerAscii", "upperAscii", "trim", "replace", "substring", "charAt", "format",
            "find", "getScheme", "getHost", "getHostname", "getPort", "getEscapedPath":
            return .string
        case "split", "findAll": return .list(.string)
        case "double", "asApproximateFloat": return .double
        case "uint": return .uint
        case "bytes": return .bytes
        case "duration": return .duration
        case "timestamp": return .timestamp
        case "quantity", "add", "sub": return .quantity
        case "url": return .url
        case "optional.of", "optional.ofNonZeroValue": return .optional(arguments.first ?? .dynamic)
        case "sort", "distinct", "reverse", "slice": return receiver ?? .dynamic
        case "value", "orValue":
            if case .optional(let inner)? = receiver { return inner }
            return .dynamic
        case "or": return receiver ?? .dynamic
        default: return .dynamic
        }
    }

    private mutating func run(_ macro: CELComprehension) -> CELType {
        let range = check(macro.range)
        let outer = scope
        defer { scope = outer }
        let types = variableTypes(macro, range)
        for (name, type) in zip(macro.variables, types) { scope[name] = type }
        if let condition = macro.condition { expectBool(check(condition), macro.macro.rawValue) }
        let body = check(macro.body)
        switch macro.macro {
        case .all, .exists, .existsOne:
            expectBool(body, macro.macro.rawValue)
            return .bool
        case .filter:
            expectBool(body, macro.macro.rawValue)
            if case .list = range { return range }
            return .list(types.first ?? .dynamic)
        case .map, .transformList: return .list(body)
        case .transformMap: return .map(body)
        case .sortBy: return range
        case .optMap: return .optional(body)
        case .optFlatMap: return body
        }
    }

    private mutating func variableTypes(_ macro: CELComprehension, _ range: CELType) -> [CELType] {
        let takesTwo = macro.variables.count == 2
        switch range {
        case .list(let element): return takesTwo ? [.int, element] : [element]
        case .map(let value): return takesTwo ? [.string, value] : [.string]
        case .optional(let inner): return [inner]
        case .dynamic: return [.dynamic, .dynamic]
        default:
            errors.append(
                "expression of type '\(range.name)' cannot be range of a comprehension (must be list, map, or"
                    + " dynamic)")
            return [.dynamic, .dynamic]
        }
    }
}

extension CELExpression {
    /// Whether the variable `name` is read anywhere.
    func mentions(_ name: String) -> Bool {
        switch self {
        case .literal: false
        case .identifier(let identifier): identifier == name
        case .select(let operand, _, _), .has(let operand, _), .not(let operand), .negate(let operand):
            operand.mentions(name)
        case .index(let operand, let index, _): operand.mentions(name) || index.mentions(name)
        case .call(_, let target, let arguments):
            target?.mentions(name) == true || arguments.contains { $0.mentions(name) }
        case .and(let terms), .or(let terms), .list(let terms): terms.contains { $0.mentions(name) }
        case .conditional(let a, let b, let c): a.mentions(name) || b.mentions(name) || c.mentions(name)
        case .binary(_, let left, let right): left.mentions(name) || right.mentions(name)
        case .map(let entries): entries.contains { $0.key.mentions(name) || $0.value.mentions(name) }
        case .comprehension(let macro):
            macro.range.mentions(name) || macro.body.mentions(name) || macro.condition?.mentions(name) == true
        }
    }
}
