/// Evaluates an expression by the types of the values at hand. Errors are values, and every evaluation ends
/// within its budget.
struct CELEvaluator {
    /// Steps that one rule may take on one value.
    static let budget = 1_000_000

    private var variables: [String: CELValue]
    private(set) var budget: Int

    init(variables: [String: CELValue], budget: Int = CELEvaluator.budget) {
        self.variables = variables
        self.budget = budget
    }

    /// Takes `steps` from the budget.
    mutating func spend(_ steps: Int = 1) throws(CELError) {
        budget -= min(steps, budget + 1)
        guard budget >= 0 else { throw .budgetExceeded }
    }

    mutating func evaluate(_ expression: CELExpression) throws(CELError) -> CELValue {
        try spend()
        switch expression {
        case .literal(let value): return value
        case .identifier(let name): return try lookUp(name)
        case .select(let operand, let field, let isOptional):
            return try select(try evaluate(operand), field, isOptional)
        case .has(let operand, let field): return .bool(try has(try evaluate(operand), field))
        case .index(let operand, let index, let isOptional):
            return try element(of: try evaluate(operand), at: try evaluate(index), isOptional)
        case .call(let name, let target, let arguments): return try call(name, target, arguments)
        case .and(let terms): return try decide(terms, absorbing: false)
        case .or(let terms): return try decide(terms, absorbing: true)
        case .conditional(let condition, let yes, let no):
            guard case .bool(let flag) = try evaluate(condition) else { throw .noSuchOverload }
            return try evaluate(flag ? yes : no)
        case .not(let operand):
            guard case .bool(let flag) = try evaluate(operand) else { throw .noSuchOverload }
            return .bool(!flag)
        case .negate(let operand): return try CELArithmetic.negate(try evaluate(operand))
        case .binary(let symbol, let left, let right): return try binary(symbol, left, right)
        case .list(let items): return try list(items)
        case .map(let entries): return try map(entries)
        case .comprehension(let comprehension): return try run(comprehension)
        }
    }

    private func lookUp(_ name: String) throws(CELError) -> CELValue {
        if let value = variables[name] { return value }
        switch name {
        case "int", "uint", "double", "bool", "string", "bytes", "list", "map", "type", "null_type":
            return .type(name)
        default: throw .evaluation("no such attribute(s): \(name)")
        }
    }

    private mutating func list(_ items: [CELExpression]) throws(CELError) -> CELValue {
        var elements: [CELValue] = []
        for item in items { elements.append(try evaluate(item)) }
        return .list(CELList(elements))
    }

    private mutating func map(
        _ entries: [(key: CELExpression, value: CELExpression)]
    ) throws(CELError) -> CELValue {
        var members: [CELValue: CELValue] = [:]
        for entry in entries {
            let key = try evaluate(entry.key)
            guard members.updateValue(try evaluate(entry.value), forKey: key) == nil else {
                throw .evaluation("duplicate key in map literal")
            }
        }
        return .map(members)
    }

    /// Evaluates `&&` or `||`: a term that decides wins over errors of the others.
    private mutating func decide(_ terms: [CELExpression], absorbing: Bool) throws(CELError) -> CELValue {
        var failure: CELError?
        for term in terms {
            do throws(CELError) {
                guard case .bool(let flag) = try evaluate(term) else { throw CELError.noSuchOverload }
                if flag == absorbing { return .bool(absorbing) }
            } catch {
                if error.code == .budget { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return .bool(!absorbing)
    }

    private mutating func binary(
        _ symbol: CELOperator, _ left: CELExpression, _ right: CELExpression
    ) throws(CELError) -> CELValue {
        let a = try evaluate(left)
        let b = try evaluate(right)
        switch symbol {
        case .equal:
            try spend(a.size + b.size)
            return .bool(a == b)
        case .notEqual:
            try spend(a.size + b.size)
            return .bool(a != b)
        case .less: return .bool(try CELArithmetic.order(a, b) < 0)
        case .lessOrEqual: return .bool(try CELArithmetic.order(a, b) <= 0)
        case .greater: return .bool(try CELArithmetic.order(a, b) > 0)
        case .greaterOrEqual: return .bool(try CELArithmetic.order(a, b) >= 0)
        case .contained:
            try spend(b.size)
            switch b {
            case .list(let list): return .bool(list.elements.contains(a))
            case .map(let members): return .bool(members[a] != nil)
            default: throw .noSuchOverload
            }
        case .add, .subtract, .multiply, .divide, .remainder:
            try spend((a.size + b.size) / 10)
            return try CELArithmetic.apply(symbol, a, b)
        }
    }

    private func select(
        _ operand: CELValue, _ field: String, _ isOptional: Bool
    ) throws(CELError) -> CELValue {
        switch operand {
        case .map(let members):
            let found = members[.string(field)]
            if isOptional { return .optional(found) }
            guard let found else { throw .evaluation("no such key: \(field)") }
            return found
        case .optional(let inner):
            guard let inner else { return .optional(nil) }
            return try select(inner, field, true)
        default:
            throw .evaluation("no such key: \(field)")
        }
    }

    private func has(_ operand: CELValue, _ field: String) throws(CELError) -> Bool {
        switch operand {
        case .map(let members): return members[.string(field)] != nil
        case .optional(let inner):
            return try inner.map { value throws(CELError) in try has(value, field) } ?? false
        default: throw .noSuchOverload
        }
    }

    private func element(
        of operand: CELValue, at index: CELValue, _ isOptional: Bool
    ) throws(CELError) -> CELValue {
        switch operand {
        case .optional(let inner):
            guard let inner else { return .optional(nil) }
            return try element(of: inner, at: index, true)
        case .map(let members):
            let found = members[index]
            if isOptional { return .optional(found) }
            guard let found else { throw .evaluation("no such key: \(index.printed)") }
            return found
        case .list(let list):
            guard let position = index.wholeNumber else { throw .noSuchOverload }
            let isInside = position >= 0 && position < list.elements.count
            if isOptional { return .optional(isInside ? list.elements[Int(position)] : nil) }
            guard isInside else { throw .evaluation("index out of bounds: \(position)") }
            return list.elements[Int(position)]
        default: throw .noSuchOverload
        }
    }

    private mutating func call(
        _ name: String, _ target: CELExpression?, _ arguments: [CELExpression]
    ) throws(CELError) -> CELValue {
        // `opt.orValue(x)` is the one function that evaluates its argument only if it is needed.
        let receiver: CELValue?
        if let target { receiver = try evaluate(target) } else { receiver = nil }
        var values: [CELValue] = []
        for argument in arguments { values.append(try evaluate(argument)) }
        try spend(((receiver?.size ?? 0) + values.reduce(0) { $0 + $1.size }) / 10)
        let result = try CELFunctions.call(name, receiver: receiver, values)
        try spend(result.size / 10)
        return result
    }
}

extension CELEvaluator {
    private mutating func run(_ macro: CELComprehension) throws(CELError) -> CELValue {
        let range = try evaluate(macro.range)
        switch macro.macro {
        case .optMap, .optFlatMap: return try runOptional(macro, range)
        case .all, .exists: return try quantify(macro, try items(of: range, macro))
        default: break
        }
        var results: [CELValue] = []
        var members: [CELValue: CELValue] = [:]
        var keys: [(key: CELValue, value: CELValue)] = []
        var matching = 0
        for item in try items(of: range, macro) {
            let bound = try bind(macro, item)
            defer { unbind(bound) }
            if let condition = macro.condition, try !flag(condition) { continue }
            switch macro.macro {
            case .existsOne: matching += try flag(macro.body) ? 1 : 0
            case .filter: if try flag(macro.body) { results.append(item.key) }
            case .map, .transformList: results.append(try evaluate(macro.body))
            case .transformMap: members[item.key] = try evaluate(macro.body)
            case .sortBy: keys.append((try evaluate(macro.body), item.key))
            case .all, .exists, .optMap, .optFlatMap: break
            }
        }
        switch macro.macro {
        case .existsOne: return .bool(matching == 1)
        case .transformMap: return .map(members)
        case .sortBy: return .list(CELList(try CELArithmetic.sorted(keys)))
        default: return .list(CELList(results))
        }
    }

    /// Elements of a list, or keys of a map; with two variables: index and element, or key and value.
    private func items(
        of range: CELValue, _ macro: CELComprehension
    ) throws(CELError) -> [(key: CELValue, value: CELValue?)] {
        let takesTwo = macro.variables.count == 2
        switch range {
        case .list(let list):
            return list.elements.enumerated().map { index, element in
                takesTwo ? (.int(Int64(index)), element) : (element, nil)
            }
        case .map(let members):
            // The order is fixed, so that the same object always gives the same message.
            return members.sorted { $0.key.printed < $1.key.printed }
                .map { ($0.key, takesTwo ? $0.value : nil) }
        default: throw .noSuchOverload
        }
    }

    private typealias Shadowed = [(name: String, value: CELValue?)]

    private mutating func bind(
        _ macro: CELComprehension, _ item: (key: CELValue, value: CELValue?)
    ) throws(CELError) -> Shadowed {
        try spend()
        let values = [item.key, item.value]
        var shadowed: Shadowed = []
        for (name, value) in zip(macro.variables, values) {
            shadowed.append((name, variables[name]))
            variables[name] = value
        }
        return shadowed
    }

    private mutating func unbind(_ shadowed: Shadowed) {
        for (name, value) in shadowed { variables[name] = value }
    }

    private mutating func flag(_ expression: CELExpression) throws(CELError) -> Bool {
        guard case .bool(let flag) = try evaluate(expression) else { throw .noSuchOverload }
        return flag
    }

    /// `all` and `exists` absorb errors as `&&` and `||` do.
    private mutating func quantify(
        _ macro: CELComprehension, _ items: [(key: CELValue, value: CELValue?)]
    ) throws(CELError) -> CELValue {
        let absorbing = macro.macro == .exists
        var failure: CELError?
        for item in items {
            let bound = try bind(macro, item)
            defer { unbind(bound) }
            do throws(CELError) {
                if try flag(macro.body) == absorbing { return .bool(absorbing) }
            } catch {
                if error.code == .budget { throw error }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return .bool(!absorbing)
    }

    private mutating func runOptional(_ macro: CELComprehension, _ range: CELValue) throws(CELError)
        -> CELValue
    {
        guard case .optional(let inner) = range else { throw .noSuchOverload }
        guard let inner else { return .optional(nil) }
        let bound = try bind(macro, (inner, nil))
        defer { unbind(bound) }
        let result = try evaluate(macro.body)
        if macro.macro == .optMap { return .optional(result) }
        guard case .optional = result else { throw .noSuchOverload }
        return result
    }
}
