/// Runs `body` on all items, at most `limit` at once, and returns the results in order of completion. The
/// first error cancels the rest.
func concurrently<Item: Sendable, Result: Sendable>(
    _ items: [Item], limit: Int, _ body: @escaping @Sendable (Item) async throws(S3Error) -> Result
) async throws(S3Error) -> [Result] {
    do {
        return try await withThrowingTaskGroup(of: Result.self) { group in
            var results: [Result] = []
            var rest = items[...]
            for item in rest.prefix(max(1, limit)) { group.addTask { try await body(item) } }
            rest = rest.dropFirst(max(1, limit))
            while let result = try await group.next() {
                results.append(result)
                if let item = rest.popFirst() { group.addTask { try await body(item) } }
            }
            return results
        }
    } catch let error as S3Error {
        throw error
    } catch {
        throw S3Error(.cancelled, "stopped")
    }
}
