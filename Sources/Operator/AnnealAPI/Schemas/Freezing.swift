import StructuralSchema

extension Schema {
    /// Keeps these members as the object was created with them.
    ///
    /// A member's own rule sees it change, and one rule sees any of the optional ones come or go. Rules
    /// that read members are dear: whenever one does, an API server copies the schemas of all of them, and
    /// it evaluates the rules of the spec on each write of the status too.
    ///
    /// - Parameter advice: what who changed a member reads after its name.
    func freezing(_ names: [String], advice: String) -> Schema {
        var schema = self
        for name in names { schema.properties[name] = schema.properties[name]?.immutable(message: advice) }
        let optional = names.filter { !schema.required.contains($0) }
        guard !optional.isEmpty else { return schema }
        return schema.rule(
            optional.map { "has(self.\($0)) == has(oldSelf.\($0))" }.joined(separator: " && "),
            message: "\(optional.joined(separator: ", ")): each \(advice)",
            messageExpression: optional.map { "(has(self.\($0)) == has(oldSelf.\($0)) ? '' : '\($0) ')" }
                .joined(separator: " + ") + " + '\(advice.replacing("'", with: "\\'"))'")
    }
}
