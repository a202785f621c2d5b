import KubernetesAPI

/// A label selector in the form of an object: `metav1.LabelSelector`. An empty one selects everything.
struct ObjectSelector: Sendable {
    private struct Expression: Sendable {
        var key: String
        var operation: String
        var values: [String]
    }

    private var expressions: [Expression]

    init(_ selector: JSONValue?) {
        expressions = (selector?["matchLabels"]?.objectValue ?? [:]).map { key, value in
            Expression(key: key, operation: "In", values: [value.stringValue ?? ""])
        }
        for expression in selector?["matchExpressions"]?.arrayValue ?? [] {
            expressions.append(
                Expression(
                    key: expression["key"]?.stringValue ?? "",
                    operation: expression["operator"]?.stringValue ?? "",
                    values: (expression["values"]?.arrayValue ?? []).compactMap(\.stringValue)))
        }
    }

    var isEmpty: Bool { expressions.isEmpty }

    /// `labels` as they stand in an object's metadata.
    func matches(_ labels: JSONValue?) -> Bool {
        expressions.allSatisfy { expression in
            let value = labels?[expression.key]?.stringValue
            return switch expression.operation {
            case "In": value.map(expression.values.contains) ?? false
            case "NotIn": !(value.map(expression.values.contains) ?? false)
            case "Exists": value != nil
            case "DoesNotExist": value == nil
            default: false
            }
        }
    }
}
