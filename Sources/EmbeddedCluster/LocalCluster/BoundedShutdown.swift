import ServiceLifecycle

/// A service whose graceful end is limited in time: a client that never closes its connection must not keep
/// the process alive.
struct BoundedShutdown: Service {
    let service: any Service
    let limit: Duration

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            group.addTask {
                try await gracefulShutdown()
                try await Task.sleep(for: limit)
            }
            defer { group.cancelAll() }
            do {
                try await group.next()
            } catch is CancellationError {
                return
            }
        }
    }
}
