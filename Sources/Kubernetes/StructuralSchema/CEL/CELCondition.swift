import KubernetesAPI

/// A condition in CEL outside of a schema, such as those in a webhook's `matchConditions`.
public enum CELCondition {
    /// Error of a condition that is neither true nor false.
    public struct Failure: Error, Equatable {
        public var message: String
    }

    /// Whether the condition is true for `variables`.
    ///
    /// - Throws: if the text is no expression, if evaluating it fails or costs too much, or if its value is
    ///   no boolean.
    public static func holds(_ text: String, variables: [String: JSONValue]) throws(Failure) -> Bool {
        do throws(CELError) {
            let expression = try Schema.Rule.parsed(text).get()
            var evaluator = CELEvaluator(variables: variables.mapValues { CELValue($0, schema: nil) })
            guard case .bool(let flag) = try evaluator.evaluate(expression) else {
                throw CELError.evaluation("cel expression must evaluate to a bool")
            }
            return flag
        } catch {
            throw Failure(message: error.message)
        }
    }
}
