import KubernetesAPI

/// A pod as the security checks look at it.
struct PodSecuritySubject: Sendable {
    struct Container: Sendable {
        var value: JSONValue

        var name: String { value["name"]?.stringValue ?? "" }
        /// Its `securityContext`.
        var context: JSONValue { value["securityContext"] ?? [:] }

        /// A list of texts in the security context.
        func texts(_ path: [String]) -> [String] {
            (context[path: path]?.arrayValue ?? []).compactMap(\.stringValue)
        }
    }

    var spec: JSONValue
    /// Init containers, containers and ephemeral containers.
    var all: [Container]

    init(_ pod: JSONValue) {
        spec = pod["spec"] ?? [:]
        all = ["initContainers", "containers", "ephemeralContainers"].flatMap { list in
            (pod[path: ["spec", list]]?.arrayValue ?? []).map { Container(value: $0) }
        }
    }

    /// The pod's own `securityContext`.
    var context: JSONValue { spec["securityContext"] ?? [:] }
    var volumes: [JSONValue] { spec["volumes"]?.arrayValue ?? [] }

    /// The containers for which `isBad` holds, as `containers "a", "b"`; nil if there is none.
    func containers(_ isBad: (Container) -> Bool) -> String? {
        let names = all.filter(isBad).map { "\"\($0.name)\"" }
        guard !names.isEmpty else { return nil }
        return "\(names.count == 1 ? "container" : "containers") \(names.joined(separator: ", "))"
    }

    /// The pod and the containers for whose security context `isBad` holds: `pod and container "a"`.
    func setters(_ isBad: (JSONValue) -> Bool) -> String? {
        let found = [isBad(context) ? "pod" : nil, containers { isBad($0.context) }].compactMap { $0 }
        return found.isEmpty ? nil : found.joined(separator: " and ")
    }
}
