import KubernetesAPI
import NIOCertificateReloading
import NIOCore
import NIOSSL
import Synchronization

/// Holds the certificate that new connections are served with. It can be replaced at any time; open
/// connections keep theirs.
final class CertificateHolder: CertificateReloader {
    private struct State {
        var override: NIOSSLContextConfigurationOverride?
        var shown: ServedCertificate?
        var waiting: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride {
        state.withLock { $0.override } ?? .noChanges
    }

    var current: ServedCertificate? { state.withLock { $0.shown } }

    /// Serves new connections with that certificate from now on.
    ///
    /// - Returns: false if the certificate is in use already.
    /// - Throws: if the certificate cannot be used; the present one stays.
    func replace(certificate: String, privateKey: String) throws -> Bool {
        let served = ServedCertificate(certificate: certificate, privateKey: privateKey)
        guard served != current else { return false }
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(privateKey.utf8), format: .pem)
        guard !chain.isEmpty else { throw ServingCertificate.Missing() }
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = chain.map { .certificate($0) }
        override.privateKey = .privateKey(key)
        // The context is built to find errors now rather than in a handshake, such as a key of another
        // certificate.
        _ = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
        let waiting = state.withLock { state in
            state.override = override
            state.shown = served
            defer { state.waiting = [:] }
            return state.waiting
        }
        for continuation in waiting.values { continuation.resume() }
        return true
    }

    /// Waits until there is a certificate.
    ///
    /// - Throws: `CancellationError` if the task is cancelled before.
    func waitUntilLoaded() async throws {
        let id = state.withLock { state in
            state.nextWaiter &+= 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.shown != nil { return .success(()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiting[id] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiting.removeValue(forKey: id) }
            continuation?.resume(throwing: CancellationError())
        }
    }
}

/// Certificate and key as PEM texts.
struct ServedCertificate: Hashable, Sendable {
    var certificate: String
    var privateKey: String
}
