import KubernetesAPI

/// A condition in CEL that stands for itself, outside of a schema, such as a webhook's `matchConditions`.
public enum CELCondition {
    /// Why a condition is neither true nor false.
    public struct Failure: Error, Equatable {
        public var message: String
    }

    /// Whether the condition is true of `variables`.
    ///
    /// - Throws: where the text is no expression, evaluating it fails or costs too much, or its value is
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
