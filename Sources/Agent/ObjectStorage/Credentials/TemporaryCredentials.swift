import FoundationEssentials
import HTTPTransport
import Logging

/// Keys with an end, as a service issues them.
struct IssuedCredentials: Hashable, Sendable {
    var keys: S3Credentials
    /// Time from which they are refused; nil if they are not.
    var expiration: Date?
}

/// Keys that a service issues for a time: they are fetched when the first request needs them, and anew before
/// they expire.
actor TemporaryCredentials: CredentialProvider {
    /// Time before the end from which new keys are fetched.
    private static let margin: TimeInterval = 300
    /// Time between two fetches while the present keys are still good.
    private static let pause: TimeInterval = 30

    private let fetch: @Sendable () async throws(S3Error) -> IssuedCredentials
    private let now: @Sendable () -> Date
    private let logger: Logger
    private var issued: IssuedCredentials?
    private var lastFetch: Date?
    private var isFetching = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(
        now: @escaping @Sendable () -> Date, logger: Logger,
        fetch: @escaping @Sendable () async throws(S3Error) -> IssuedCredentials
    ) {
        self.now = now
        self.logger = logger
        self.fetch = fetch
    }

    func credentials() async throws(S3Error) -> S3Credentials {
        while true {
            let left = (issued?.expiration).map { $0.timeIntervalSince(now()) } ?? .infinity
            if let issued, left > Self.margin || (left > 0 && (isFetching || !isRested)) {
                return issued.keys
            }
            guard isFetching else { break }
            await withCheckedContinuation { waiting.append($0) }
        }
        do throws(S3Error) { return try await renew() } catch {
            guard let issued, let end = issued.expiration, end > now(), error.code != .cancelled else {
                throw error
            }
            logger.warning("\(error.message); the present credentials are good for a while yet")
            return issued.keys
        }
    }

    func credentials(after refused: S3Credentials) async throws(S3Error) -> S3Credentials? {
        while isFetching { await withCheckedContinuation { waiting.append($0) } }
        if let issued, issued.keys != refused { return issued.keys }
        guard isRested else { return nil }
        let keys = try await renew()
        return keys == refused ? nil : keys
    }

    /// Whether the last fetch is long enough ago for another that is no need.
    private var isRested: Bool {
        lastFetch.map { abs(now().timeIntervalSince($0)) >= Self.pause } ?? true
    }

    private func renew() async throws(S3Error) -> S3Credentials {
        isFetching = true
        lastFetch = now()
        defer {
            isFetching = false
            for continuation in waiting { continuation.resume() }
            waiting = []
        }
        let issued = try await fetch()
        self.issued = issued
        return issued.keys
    }
}

extension Date {
    /// The time of a text as services write it, with or without fractions of a second; nil if it is none.
    init?(service text: String) {
        let styles: [Date.ISO8601FormatStyle] = [
            .iso8601, .iso8601WithTimeZone(includingFractionalSeconds: true),
        ]
        for style in styles {
            if let date = try? style.parse(text) {
                self = date
                return
            }
        }
        return nil
    }
}
