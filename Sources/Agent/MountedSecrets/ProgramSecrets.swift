import FoundationEssentials

/// Secrets of which users' programs get values: each must allow it, by its key `allowedInPrograms`.
public struct ProgramSecrets: Sendable {
    /// Key of a Secret whose value `true` lets programs of runs have values of it.
    public static let key = "allowedInPrograms"

    private let folder: String
    private let namespace: String

    /// - Parameters:
    ///   - folder: folder that has a folder for each Secret, with a file for the key
    ///   - namespace: namespace of the Secrets, for remedies
    public init(folder: String, namespace: String) {
        self.folder = folder
        self.namespace = namespace
    }

    /// Checks that a Secret may be given to a program.
    ///
    /// - Parameters:
    ///   - name: name of the Secret
    ///   - field: field of the run that names it
    /// - Throws: `.missing` if it has no such key, `.notAllowed` if the key says no.
    public func check(_ name: String, _ field: String) throws(SecretError) {
        let remedy =
            "If it may, say so: \(MountedSecret.patch(name, namespace, Self.key, "true"))"
        let data = FileManager.default.contents(atPath: "\(folder)/\(name)/\(Self.key)")
        guard let data else {
            throw SecretError(
                .missing,
                "\(field): Secret '\(name)' is not there, or does not say by a key \(Self.key) that programs of runs may "
                    + "have its values. \(remedy)")
        }
        let text = String(decoding: data.prefix(64), as: UTF8.self)
        guard text.filter({ !$0.isWhitespace }).lowercased() == "true" else {
            throw SecretError(
                .notAllowed,
                "\(field): Secret '\(name)' says by its key \(Self.key) that programs of runs may not have its values: "
                    + "that is not 'true'. \(remedy)")
        }
    }
}
