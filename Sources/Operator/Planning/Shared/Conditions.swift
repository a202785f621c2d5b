import KubernetesAPI

enum Conditions {
    /// The conditions, each of which holds for the spec's present generation too.
    static func seen(_ conditions: [Condition], generation: Int64?) -> [Condition] {
        conditions.map { condition in
            var condition = condition
            condition.observedGeneration = generation
            return condition
        }
    }
}
