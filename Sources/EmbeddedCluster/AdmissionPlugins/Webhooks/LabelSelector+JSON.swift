import KubernetesAPI
import Scheduling

extension LabelSelector {
    /// Reads a `metav1.LabelSelector` as it stands in an object. An empty one, or none, selects everything.
    init(_ selector: JSONValue?) {
        self.init(
            matchLabels: (selector?["matchLabels"]?.objectValue ?? [:]).mapValues { $0.stringValue ?? "" })
        matchExpressions = (selector?["matchExpressions"]?.arrayValue ?? []).map { expression in
            SelectorRequirement(
                key: expression["key"]?.stringValue ?? "",
                operator: expression["operator"]?.stringValue ?? "",
                values: (expression["values"]?.arrayValue ?? []).compactMap(\.stringValue))
        }
    }

    var isEmpty: Bool { matchLabels?.isEmpty != false && matchExpressions?.isEmpty != false }

    /// - Parameter labels: Labels as they stand in an object's metadata.
    func matches(_ labels: JSONValue?) -> Bool { matches { labels?[$0]?.stringValue } }
}
