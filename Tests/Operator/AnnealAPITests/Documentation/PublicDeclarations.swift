import Foundation
import TestSupport

/// Public declarations of Swift files, read from their text. The files are formatted by `swift format`: one
/// declaration a line, members four columns deeper than their type.
struct PublicDeclarations {
    /// A type, with the members that its file declares public.
    struct TypeDeclaration {
        var documentation = ""
        var properties: [String: Property] = [:]
        /// Raw values of an enumeration's cases, in order; empty for other types.
        var rawValues: [String] = []
    }

    struct Property {
        /// The declared type, such as `[SuiteStatus]?`; nil where the compiler infers it.
        var type: String?
        var documentation: String
        /// Whether the value is kept, and so encoded, rather than computed.
        var isStored: Bool
    }

    /// Types by name; a nested one has its parent's name before it, as `Placement.Pool`.
    private(set) var types: [String: TypeDeclaration] = [:]
    /// Places that break the rule "every public declaration is documented, one on a line".
    private(set) var violations: [String] = []
    /// Public declarations, documented or not.
    private(set) var count = 0

    /// A declaration whose members are being read.
    private struct Scope {
        var indentation: Int
        var name: String
        var isType: Bool
        /// Whether members are public without saying so, as cases and requirements are.
        var areMembersPublic: Bool
    }

    private var scopes: [Scope] = []
    private var comment: [String] = []

    /// The files below a folder of the repository.
    init(folder: String) throws {
        let root = RepositoryManifest.repository.appendingPathComponent(folder)
        let files =
            FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.allObjects ?? []
        for case let file as URL in files where file.pathExtension == "swift" {
            read(try String(contentsOf: file, encoding: .utf8), file: file.lastPathComponent)
        }
    }

    /// One file's text.
    init(text: String) { read(text, file: "text") }

    /// The name in `types` of a type that is written as `name` inside `scope`.
    func resolve(_ name: String, in scope: String) -> String? {
        var parts = scope.split(separator: ".").map(String.init)
        while !parts.isEmpty {
            let candidate = (parts + [name]).joined(separator: ".")
            if types[candidate] != nil { return candidate }
            parts.removeLast()
        }
        return types[name] == nil ? nil : name
    }

    private mutating func read(_ text: String, file: String) {
        (scopes, comment) = ([], [])
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.drop { $0 == " " }
            let indentation = line.count - content.count
            if content.hasPrefix("///") {
                comment.append(String(content.dropFirst(3)))
            } else if content.hasPrefix("}") {
                scopes.removeAll { $0.indentation >= indentation }
                comment = []
            } else if !content.hasPrefix("@") || content.contains(" public ") {
                declaration(String(content), indentation: indentation, place: "\(file):\(index + 1)")
                comment = []
            }
        }
    }

    private mutating func declaration(_ line: String, indentation: Int, place: String) {
        let scope = scopes.last { $0.indentation + 4 == indentation }
        var words = line.split(separator: " ").map(String.init)
        let isExplicit = words.contains("public") || words.contains("open")
        let modifiers: Set = ["public", "open", "static", "final", "indirect", "mutating", "nonisolated"]
        words = Array(words.drop { modifiers.contains($0) || $0.hasPrefix("@") || $0.hasPrefix("public(") })
        guard let keyword = words.first, Self.keywords.contains(keyword) || keyword.hasPrefix("init")
        else { return }
        let isPublic = isExplicit || (scope?.areMembersPublic == true && !line.hasPrefix("private"))
        let name = words.dropFirst().first.map {
            String($0.prefix { $0.isLetter || $0.isNumber || $0 == "`" })
        }
        .map { $0.replacing("`", with: "") }
        let path = (scope.map { [$0.name] } ?? []) + (name.map { [$0] } ?? [])
        if keyword == "extension" {
            if isExplicit { violations.append("\(place): an extension is not public, its members are") }
            scopes.append(
                Scope(indentation: indentation, name: name ?? "", isType: true, areMembersPublic: false))
            return
        }
        if Self.typeKeywords.contains(keyword), !line.hasSuffix("}") {
            let opensPublic = isPublic && (keyword == "enum" || keyword == "protocol")
            scopes.append(
                Scope(
                    indentation: indentation, name: path.joined(separator: "."), isType: true,
                    areMembersPublic: opensPublic))
        }
        guard isPublic, indentation == 0 || scope != nil else { return }
        guard !(scope?.areMembersPublic == true && !isExplicit && !Self.implicit.contains(keyword)) else {
            return
        }
        record(keyword, path.joined(separator: "."), in: scope?.name, line: line, place: place)
    }

    private mutating func record(
        _ keyword: String, _ path: String, in parent: String?, line: String, place: String
    ) {
        count += 1
        let documentation = comment.joined(separator: " ").collapsed
        if documentation.isEmpty { violations.append("\(place): \(path) has no comment") }
        if Self.typeKeywords.contains(keyword) {
            types[path, default: TypeDeclaration()].documentation = documentation
        }
        guard let parent, let name = path.split(separator: ".").last.map(String.init) else { return }
        switch keyword {
        case "case":
            if line.split(separator: "//").first?.contains(",") == true {
                violations.append("\(place): one case a line, each with its comment")
            }
            let raw = line.split(separator: "\"").dropFirst().first.map(String.init)
            types[parent]?.rawValues.append(raw ?? name)
        case "var", "let":
            guard !line.contains("static ") else { return }
            let declared = line.split(separator: ":", maxSplits: 1).dropFirst().first?
                .split { $0 == "=" || $0 == "{" }.first
            types[parent]?.properties[name] = Property(
                type: declared.map { String($0).collapsed }, documentation: documentation,
                isStored: !line.contains("{"))
        default: break
        }
    }

    private static let typeKeywords: Set = ["struct", "enum", "class", "actor", "protocol"]
    private static let implicit: Set = ["case", "var", "func", "init", "associatedtype"]
    private static let keywords = typeKeywords.union([
        "case", "var", "let", "func", "subscript", "typealias", "associatedtype", "extension",
    ])
}

extension String {
    /// The text with each run of white space as one space, and without the marks of code.
    var collapsed: String {
        replacing("`", with: "").split { $0.isWhitespace }.joined(separator: " ")
    }
}
