import AnnealAPI
import KubernetesAPI
import TestSupport

/// A manifest of this repository on which servers give a verdict; with `old`, as an update of that.
struct Subject: Sendable, CustomStringConvertible {
    var description: String
    var document: JSONValue
    var old: JSONValue?
    var isWrong: Bool

    /// Anneal's objects in `examples/`.
    static func examples() throws -> [Subject] {
        try RepositoryManifest.all(in: "examples").flatMap { manifest in
            try manifest.documents().compactMap { document in
                AnnealAPI.CustomResourceDefinition.of(document).map { _ in
                    Subject(description: manifest.name, document: document, old: nil, isWrong: false)
                }
            }
        }
    }

    /// Manifests with users' mistakes. Values that JSON cannot express are left out: `kubectl` refuses them
    /// by itself.
    static func wrongManifests() throws -> [Subject] {
        try RepositoryManifest.all(in: "Tests/Operator/AnnealAPITests/WrongManifests").compactMap {
            manifest in
            let documents: [JSONValue]
            do {
                documents = try manifest.documents()
            } catch is RepositoryManifest.UnsupportedValue {
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
