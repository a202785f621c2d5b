import KubernetesAPI
import ObjectPatching

/// Fields of a JSON object, read as upstream's decoder reads them into a Go struct: null and a missing field
/// are the same, and a value of another type is refused in that decoder's words.
struct GoStruct {
    /// A value that does not fit its field.
    struct Mismatch: Error {
        /// `json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string`
        var message: String
    }

    private let name: String
    private let path: String
    private let value: JSONValue

    /// - Parameters:
    ///   - name: of the struct
    ///   - path: fields that lead to it from the whole object, each followed by a dot
    init(_ name: String, _ value: JSONValue, path: String = "") {
        self.name = name
        self.path = path
        self.value = value
    }

    func text(_ field: String, type: String = "string") throws(Mismatch) -> String? {
        try read(field, type) { $0.stringValue }
    }

    func flag(_ field: String) throws(Mismatch) -> Bool? { try read(field, "bool") { $0.boolValue } }

    func integer(_ field: String) throws(Mismatch) -> Int64? {
        guard let number = present(field) else { return nil }
        if case .integer(let integer) = number { return integer }
        // A number that is no integer is shown.
        if case .number = number { throw mismatch("number \(number.text)", field, "int64") }
        throw mismatch(number.typeName, field, "int64")
    }

    func texts(_ field: String) throws(Mismatch) -> [String] {
        var texts: [String] = []
        for element in try read(field, "[]string", { $0.arrayValue }) ?? [] {
            texts.append(element.isNull ? "" : try fitting(element, field, "string") { $0.stringValue })
        }
        return texts
    }

    func map(_ field: String) throws(Mismatch) -> [String: String] {
        var map: [String: String] = [:]
        for (key, member) in try read(field, "map[string]string", { $0.objectValue }) ?? [:] {
            map[key] = member.isNull ? "" : try fitting(member, field, "string") { $0.stringValue }
        }
        return map
    }

    /// - Parameters:
    ///   - type: as the message names it: `v1.Preconditions`
    ///   - inner: name of the struct, which messages about its own fields begin with
    func structure(_ field: String, type: String, _ inner: String) throws(Mismatch) -> GoStruct? {
        guard try read(field, type, { $0.objectValue }) != nil, let value = value[field] else { return nil }
        return GoStruct(inner, value, path: "\(path)\(field).")
    }

    private func present(_ field: String) -> JSONValue? {
        guard let member = value[field], !member.isNull else { return nil }
        return member
    }

    private func read<Value>(
        _ field: String, _ type: String, _ fit: (JSONValue) -> Value?
    ) throws(Mismatch) -> Value? {
        guard let member = present(field) else { return nil }
        return try fitting(member, field, type, fit)
    }

    private func fitting<Value>(
        _ member: JSONValue, _ field: String, _ type: String, _ fit: (JSONValue) -> Value?
    ) throws(Mismatch) -> Value {
        guard let fitted = fit(member) else { throw mismatch(member.typeName, field, type) }
        return fitted
    }

    private func mismatch(_ found: String, _ field: String, _ type: String) -> Mismatch {
        Mismatch(
            message: "json: cannot unmarshal \(found) into Go struct field \(name).\(path)\(field) "
                + "of type \(type)")
    }
}
