import FoundationEssentials
import KubernetesAPI

/// Time and chance, injected so that tests can rule them.
public struct ServerEnvironment: Sendable {
    public var now: @Sendable () -> Timestamp
    public var makeUID: @Sendable () -> String
    /// A random text of the given length, of the letters that generated names use.
    public var randomSuffix: @Sendable (Int) -> String
    /// Waits, for watches' time-outs and bookmarks.
    public var sleep: @Sendable (Duration) async throws -> Void

    public init(
        now: @escaping @Sendable () -> Timestamp, makeUID: @escaping @Sendable () -> String,
        randomSuffix: @escaping @Sendable (Int) -> String,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.now = now
        self.makeUID = makeUID
        self.randomSuffix = randomSuffix
        self.sleep = sleep
    }

    /// The real clock and the system's random numbers.
    public static let live = ServerEnvironment(
        now: { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) },
        makeUID: { UUID().uuidString.lowercased() },
        randomSuffix: { length in
            // Letters of `k8s.io/apimachinery/pkg/util/rand`, which has no vowels and no look-alikes.
            let letters = Array("bcdfghjklmnpqrstvwxz2456789")
            return String((0..<length).compactMap { _ in letters.randomElement() })
        },
        sleep: { try await Task.sleep(for: $0) })
}
