/// A parsed expression of the Common Expression Language.
indirect enum CELExpression: Sendable {
    case literal(CELValue)
    case identifier(String)
    /// `operand.field`, or `operand.?field`.
    case select(CELExpression, String, isOptional: Bool)
    /// `has(operand.field)`
    case has(CELExpression, String)
    /// `operand[index]`, or `operand[?index]`.
    case index(CELExpression, CELExpression, isOptional: Bool)
    case call(String, target: CELExpression?, [CELExpression])
    case and([CELExpression])
    case or([CELExpression])
    case conditional(CELExpression, CELExpression, CELExpression)
    case not(CELExpression)
    case negate(CELExpression)
    case binary(CELOperator, CELExpression, CELExpression)
    case list([CELExpression])
    case map([(key: CELExpression, value: CELExpression)])
    case comprehension(CELComprehension)
}

enum CELOperator: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case contained = "in"
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case remainder = "%"
}

/// `range.all(x, body)` and its like.
struct CELComprehension: Sendable {
    enum Macro: String, Sendable {
        case all, exists, existsOne, map, filter, transformList, transformMap, optMap, optFlatMap
        case sortBy
    }

    var macro: Macro
    var range: CELExpression
    /// One variable, or two if the macro was given both a key and a value.
    var variables: [String]
    /// The condition of `map(x, condition, body)`.
    var condition: CELExpression?
    var body: CELExpression
}

/// Error of reading or evaluating an expression.
struct CELError: Error, Hashable, Sendable {
    enum Code: Hashable, Sendable { case syntax, evaluation, budget }

    var code: Code
    var message: String

    static func syntax(_ message: String) -> CELError { CELError(code: .syntax, message: message) }
    static func evaluation(_ message: String) -> CELError { CELError(code: .evaluation, message: message) }

    static let noSuchOverload = CELError.evaluation("no such overload")
    static let overflow = CELError.evaluation("integer overflow")
    static let budgetExceeded = CELError(code: .budget, message: "call cost exceeds limit")
}
