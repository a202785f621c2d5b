import FoundationEssentials

/// A small file of the server's own, in its state folder, that nobody else may read.
struct StateFile: Sendable {
    let path: String

    init(folder: String, name: String) { path = "\(folder)/\(name)" }

    /// The file's text; nil if there is no such file.
    func read() -> String? {
        guard let data = FileManager.default.contents(atPath: path), !data.isEmpty else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    /// The file's text; made by `make` and written if it is not there yet.
    func read(orMake make: () -> String) throws -> String {
        if let text = read() { return text }
        let text = make()
        try write(text)
        return text
    }
}
