import KubernetesAPI
import KubernetesClient
import Planning
import ServiceLifecycle
import Synchronization

/// Contact of this process with the API server, by its own clock. Silence of a trainer counts only while there is
/// contact: a leader that loses its API server loses its term as well, but a process without election does not.
///
/// The server is asked every two seconds while a trainer is listened to, and not at all else.
final class ServerContact: Sendable {
    /// Seconds between two questions.
    static var interval: Int64 { 2 }
    /// Seconds without an answer after which the contact counts as broken: below the least heartbeat timeout.
    static var patience: Int64 { 7 }

    private struct State {
        var answeredAt: Timestamp?
        var unbrokenSince: Timestamp?
        var listeners: Set<String> = []
    }

    private let state = Mutex(State())

    /// Notes whether a run's trainer is listened to.
    func listen(to run: String?, _ isHeard: Bool) {
        guard let run else { return }
        state.withLock { state in
            if isHeard { state.listeners.insert(run) } else { state.listeners.remove(run) }
        }
    }

    var isNeeded: Bool { state.withLock { !$0.listeners.isEmpty } }

    /// Notes that the server answered.
    func noteAnswer(_ now: Timestamp) {
        state.withLock { state in
            if !Self.isUnbroken(state, now) { state.unbrokenSince = now }
            state.answeredAt = now
        }
    }

    /// Time since which the contact is unbroken; `now` while it is broken, or nothing is known of it.
    func unbrokenSince(_ now: Timestamp) -> Timestamp {
        state.withLock { state in Self.isUnbroken(state, now) ? state.unbrokenSince ?? now : now }
    }

    private static func isUnbroken(_ state: State, _ now: Timestamp) -> Bool {
        state.answeredAt.map { now.seconds(since: $0) <= patience } ?? false
    }
}

/// Asks the API server whether it is there, while somebody needs to know.
struct ContactProbe: ServiceLifecycle.Service {
    let contact: ServerContact
    let client: KubernetesClient
    let now: @Sendable () -> Timestamp

    func run() async throws {
        let client = client.timed(.seconds(ServerContact.patience))
        let request = APIRequest(method: .get, path: "/version")
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: .seconds(ServerContact.interval))) != nil {
                guard contact.isNeeded else { continue }
                do throws(KubernetesError) {
                    _ = try await client.send(request, maximumBodyBytes: 1 << 16)
                    contact.noteAnswer(now())
                } catch {
                    // Any answer is one, a refusal too.
                    if error.status != nil { contact.noteAnswer(now()) }
                }
            }
        }
    }
}
