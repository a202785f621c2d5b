import KubernetesAPI

/// A JSON patch (RFC 6902).
struct JSONPatch {
    enum Operation {
        case add(JSONPointer, JSONValue)
        case remove(JSONPointer)
        case replace(JSONPointer, JSONValue)
        case move(from: JSONPointer, to: JSONPointer)
        case copy(from: JSONPointer, to: JSONPointer)
        case test(JSONPointer, JSONValue)
    }

    /// Operations of a patch, at most, as in `kube-apiserver`.
    static let operationLimit = 10_000
    /// Bytes that all copy operations of a patch may copy, at most, as in `kube-apiserver`.
    static let copyLimit = 3 << 20

    var operations: [Operation]

    init(operations: [Operation]) { self.operations = operations }

    init(decoding patch: JSONValue) throws(PatchError) {
        guard let elements = patch.arrayValue else {
            throw .malformed(
                "error decoding patch: json: cannot unmarshal \(patch.typeName) into Go value of type "
                    + "jsonpatch.Patch")
        }
        guard elements.count <= Self.operationLimit else {
            throw .tooLarge(
                "The allowed maximum operations in a JSON patch is \(Self.operationLimit), "
                    + "got \(elements.count)")
        }
        operations = []
        for element in elements { operations.append(try Self.operation(element)) }
    }

    private static func operation(_ element: JSONValue) throws(PatchError) -> Operation {
        guard element.objectValue != nil else {
            throw .malformed(
                "error decoding patch: json: cannot unmarshal \(element.typeName) into Go value of type "
                    + "jsonpatch.Operation")
        }
        let path = try pointer("path", of: element)
        switch element["op"]?.stringValue {
        case "add": return .add(path, try value(of: element))
        case "remove": return .remove(path)
        case "replace": return .replace(path, try value(of: element))
        case "move": return .move(from: try pointer("from", of: element), to: path)
        case "copy": return .copy(from: try pointer("from", of: element), to: path)
        case "test": return .test(path, element["value"] ?? .null)
        default: throw .unprocessable
        }
    }

    private static func pointer(_ name: String, of element: JSONValue) throws(PatchError) -> JSONPointer {
        guard let text = element[name]?.stringValue, let pointer = JSONPointer(text),
            pointer.tokens.count <= JSONValue.depthLimit
        else { throw .unprocessable }
        return pointer
    }

    private static func value(of element: JSONValue) throws(PatchError) -> JSONValue {
        guard let value = element["value"] else { throw .unprocessable }
        return value
    }

    func apply(to document: JSONValue) throws(PatchError) -> JSONValue {
        var result = document
        var copied = 0
        for operation in operations {
            switch operation {
            case .add(let path, let value): try result.add(value, at: path.tokens[...])
            case .remove(let path): _ = try result.remove(at: path.tokens[...])
            case .replace(let path, let value): try result.replace(with: value, at: path.tokens[...])
            case .move(let source, let path):
                guard !source.isPrefix(of: path) else { throw .unprocessable }
                guard source != path else {
                    _ = try result.element(at: path)
                    continue
                }
                let value = try result.remove(at: source.tokens[...])
                try Self.checkNesting(of: value, at: path)
                try result.add(value, at: path.tokens[...])
            case .copy(let source, let path):
                let value = try result.element(at: source)
                copied += value.serialized().count
                guard copied <= Self.copyLimit else {
                    throw .tooLarge(
                        "Unable to complete the copy, the accumulated size increase of copy is \(copied), "
                            + "exceeding the limit \(Self.copyLimit)")
                }
                try Self.checkNesting(of: value, at: path)
                try result.add(value, at: path.tokens[...])
            case .test(let path, let expected):
                guard result.holds(expected, at: path) else { throw .unprocessable }
            }
        }
        return result
    }

    /// Checks the depth of a value at its place. Copies and moves can nest deeper than any single value may;
    /// no recursion then has to go deeper than the limit.
    private static func checkNesting(of value: JSONValue, at path: JSONPointer) throws(PatchError) {
        guard value.nesting(within: JSONValue.depthLimit - path.tokens.count) else {
            throw .tooLarge("the patched object nests deeper than \(JSONValue.depthLimit) levels")
        }
    }
}

extension JSONValue {
    fileprivate func holds(_ expected: JSONValue, at pointer: JSONPointer) -> Bool {
        guard let found = try? element(at: pointer) else { return expected.isNull }
        return found.means(expected)
    }

    fileprivate func element(at pointer: JSONPointer) throws(PatchError) -> JSONValue {
        var current = self
        for token in pointer.tokens {
            switch current {
            case .object(let members):
                guard let next = members[token] else { throw .unprocessable }
                current = next
            case .array(let elements):
                current = elements[try Self.index(token, below: elements.count)]
            case .null, .bool, .integer, .number, .string: throw .unprocessable
            }
        }
        return current
    }

    /// The index that a token names; refused if it has leading zeros or is not below `limit`.
    private static func index(_ token: String, below limit: Int) throws(PatchError) -> Int {
        guard token.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let index = Int(token),
            token.utf8.count == 1 || token.utf8.first != UInt8(ascii: "0"), index < limit
        else { throw .unprocessable }
        return index
    }

    fileprivate mutating func add(_ value: JSONValue, at path: ArraySlice<String>) throws(PatchError) {
        try change(at: path) { (container, token) throws(PatchError) in
            switch container {
            case .object: container[token] = value
            case .array(var elements):
                let end = elements.count
                let index = token == "-" ? end : try Self.index(token, below: end + 1)
                container = .null
                elements.insert(value, at: index)
                container = .array(elements)
            case .null, .bool, .integer, .number, .string: throw PatchError.unprocessable
            }
        } root: { (root) throws(PatchError) in
            root = value
        }
    }

    fileprivate mutating func replace(
        with value: JSONValue, at path: ArraySlice<String>
    ) throws(PatchError) {
        try change(at: path) { (container, token) throws(PatchError) in
            switch container {
            case .object(let members):
                guard members[token] != nil else { throw PatchError.unprocessable }
                container[token] = value
            case .array(var elements):
                let index = try Self.index(token, below: elements.count)
                container = .null
                elements[index] = value
                container = .array(elements)
            case .null, .bool, .integer, .number, .string: throw PatchError.unprocessable
            }
        } root: { (root) throws(PatchError) in
            root = value
        }
    }

    fileprivate mutating func remove(at path: ArraySlice<String>) throws(PatchError) -> JSONValue {
        var removed = JSONValue.null
        try change(at: path) { (container, token) throws(PatchError) in
            switch container {
            case .object(let members):
                guard let old = members[token] else { throw PatchError.unprocessable }
                removed = old
                container[token] = nil
            case .array(var elements):
                let index = try Self.index(token, below: elements.count)
                container = .null
                removed = elements.remove(at: index)
                container = .array(elements)
            case .null, .bool, .integer, .number, .string: throw PatchError.unprocessable
            }
        } root: { (_) throws(PatchError) in
            throw PatchError.unprocessable
        }
        return removed
    }

    /// Descends to the container of the path's last token and changes it there.
    private mutating func change(
        at path: ArraySlice<String>,
        container body: (inout JSONValue, String) throws(PatchError) -> Void,
        root: (inout JSONValue) throws(PatchError) -> Void
    ) throws(PatchError) {
        guard let token = path.first else { return try root(&self) }
        let rest = path.dropFirst()
        guard !rest.isEmpty else { return try body(&self, token) }
        switch self {
        case .object(var members):
            guard var child = members[token] else { throw .unprocessable }
            self = .null
            members[token] = JSONValue.null
            try child.change(at: rest, container: body, root: root)
            members[token] = child
            self = .object(members)
        case .array(var elements):
            let index = try Self.index(token, below: elements.count)
            var child = elements[index]
            self = .null
            elements[index] = .null
            try child.change(at: rest, container: body, root: root)
            elements[index] = child
            self = .array(elements)
        case .null, .bool, .integer, .number, .string: throw .unprocessable
        }
    }
}
