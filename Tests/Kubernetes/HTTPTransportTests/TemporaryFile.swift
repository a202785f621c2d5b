import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Calls `body` with a file of that content, open for reading and writing.
func withTemporaryFile(_ content: String, _ body: (String, Int32) async throws -> Void) async throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "anneal-\(UUID().uuidString)")
    try Data(content.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    let descriptor = open(url.path(), O_RDWR)
    defer { close(descriptor) }
    try await body(url.path(), descriptor)
}

func contents(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
}
