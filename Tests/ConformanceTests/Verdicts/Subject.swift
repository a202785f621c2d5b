import AnnealAPI
import KubernetesAPI
import TestSupport

/// A manifest of this repository that servers are asked about; with `old`, as an update of it.
struct Subject: Sendable, CustomStringConvertible {
    var description: String
    var document: JSONValue
    var old: JSONValue?
    var isWrong: Bool

    /// Anneal's objects in `examples/`.
    static func examples() throws -> [Subject] {
        try Manifest.all(in: "examples").flatMap { manifest in
            try manifest.documents().compactMap { document in
                AnnealAPI.CustomResourceDefinition.of(document).map { _ in
                    Subject(description: manifest.name, document: document, old: nil, isWrong: false)
                }
            }
        }
    }

    /// What users get wrong. Left out are values that JSON cannot carry: `kubectl` refuses them by itself.
    static func wrongManifests() throws -> [Subject] {
        try Manifest.all(in: "Tests/Operator/AnnealAPITests/WrongManifests").compactMap { manifest in
            let documents: [JSONValue]
            do {
                documents = try manifest.documents()
            } catch is Manifest.UnsupportedValue {
                return nil
            }
            guard let document = documents.last else { return nil }
            return Subject(
                description: manifest.name, document: document,
                old: documents.count > 1 ? documents.first : nil, isWrong: true)
        }
    }

    static func all() throws -> [Subject] { try examples() + wrongManifests() }
}
