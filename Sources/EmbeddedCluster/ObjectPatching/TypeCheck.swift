import KubernetesAPI

/// Checks that a configuration can be applied: each field is declared and has its type, and each element of a
/// list has an identity of its own.
enum TypeCheck {
    /// The first problem, as `path: message`; nil if there is none. Members are checked in order of their
    /// names.
    ///
    /// Recursion goes as deep as the value nests, which its parser limits.
    static func firstProblem(in value: JSONValue, type: MergeType) -> String? {
        problem(value, type: type, path: "")
    }

    private static func problem(_ value: JSONValue, type: MergeType, path: String) -> String? {
        if value.isNull { return nil }
        switch type.shape {
        case .untyped: return nil
        case .scalar(let scalar): return problem(value, scalar: scalar, path: path)
        case .atomicList:
            return value.arrayValue == nil ? "\(path): expected list, got \(value.printedByGo)" : nil
        case .set, .keyedList:
            guard let list = value.arrayValue else {
                return "\(path): expected list, got \(value.printedByGo)"
            }
            return problem(inList: list, type: type, path: path)
        case .map(_, let element, _):
            guard let members = value.objectValue else {
                return "\(path): expected map, got \(value.printedByGo)"
            }
            for (key, member) in members.sorted(by: { $0.key < $1.key }) {
                let step = "\(path).\(key)"
                guard element != nil || type.declares(key) else {
                    return "\(step): field not declared in schema"
                }
                if let found = problem(member, type: type.member(key), path: step) { return found }
            }
            return nil
        }
    }

    private static func problem(
        inList list: [JSONValue], type: MergeType, path: String
    ) -> String? {
        var seen: Set<PathElement> = []
        for (index, element) in list.enumerated() {
            guard let identity = PathElement.identifying(element, in: type) else {
                return "\(path): element \(index): \(unidentified(element, type: type))"
            }
            let step = path + identity.readable
            guard seen.insert(identity).inserted else {
                return "\(path): duplicate entries for key \(identity.readable)"
            }
            if let found = problem(element, type: type.element, path: step) { return found }
        }
        return nil
    }

    private static func unidentified(_ element: JSONValue, type: MergeType) -> String {
        guard case .keyedList(let keys, let elementType) = type.shape else {
            return "associative list without keys has an element that is no scalar"
        }
        guard let members = element.objectValue else {
            return "associative list with keys may not have non-map elements"
        }
        let missing = keys.first { members[$0] == nil && elementType.member($0).defaultValue == nil } ?? ""
        return "associative list with keys has an element that omits key field \"\(missing)\" "
            + "(and doesn't have default value)"
    }

    private static func problem(
        _ value: JSONValue, scalar: MergeType.Scalar, path: String
    ) -> String? {
        switch (scalar, value) {
        case (.string, .string), (.number, .integer), (.number, .number), (.boolean, .bool): nil
        case (.any, .string), (.any, .integer), (.any, .number), (.any, .bool): nil
        case (.string, _): "\(path): expected string, got \(value.text)"
        case (.number, _): "\(path): expected numeric (int or float), got \(value.text)"
        case (.boolean, _): "\(path): expected boolean, got \(value.text)"
        case (.any, _): "\(path): expected scalar, got \(value.text)"
        }
    }
}

extension JSONValue {
    /// The value as it stands in messages: as Go's `%v` prints a pointer to a structure that holds it.
    fileprivate var printedByGo: String { "&{\(contentPrintedByGo)}" }

    private var contentPrintedByGo: String {
        switch self {
        case .null: "<nil>"
        case .bool, .integer, .number: text
        case .string(let string): string
        case .array(let elements): "[\(elements.map(\.contentPrintedByGo).joined(separator: " "))]"
        case .object(let members):
            "map["
                + members.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.contentPrintedByGo)" }
                .joined(separator: " ") + "]"
        }
    }
}
