import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import Synchronization
import TestSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Serves one lease as an API server does: with versions, conflicts, and watches that begin with the present
/// state.
final class LeaseServer: Sendable {
    private struct State {
        var lease: Lease?
        var version: Int64 = 0
        var isDown = false
        var isSilent = false
    }

    private let state = Mutex(State())
    private let changes = Mutex<[Lease]>([])
    private let scripted: Mutex<ScriptedServer?> = Mutex(nil)

    init() throws {
        let server = try ScriptedServer { [weak self] connection, request in
            self?.answer(connection, request)
        }
        scripted.withLock { $0 = server }
    }

    var url: String { scripted.withLock { $0?.url ?? "" } }

    /// All leases that were written, in order.
    var history: [Lease] { changes.withLock { $0 } }
    var holder: String? { state.withLock { $0.lease?.spec?.holderIdentity } }

    /// Makes all requests fail, or no more.
    func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    /// Takes requests and answers none of them.
    func fallSilent() { state.withLock { $0.isSilent = true } }

    /// Writes as another process.
    func put(holder: String, seconds: Int64) {
        var lease = Lease(metadata: ObjectMeta(name: "operator", namespace: "n"), spec: LeaseSpec())
        lease.spec?.holderIdentity = holder
        lease.spec?.leaseDurationSeconds = seconds
        lease.spec?.renewTime = EventRecorder.systemTime()
        _ = write(lease, expecting: nil)
    }

    private func write(_ lease: Lease, expecting version: String?) -> Lease? {
        let written: Lease? = state.withLock { state in
            guard version == nil || state.lease?.metadata.resourceVersion == version else { return nil }
            var lease = lease
            state.version += 1
            lease.metadata.resourceVersion = String(state.version)
            state.lease = lease
            return lease
        }
        if let written { changes.withLock { $0.append(written) } }
        return written
    }

    private func answer(_ connection: ScriptedConnection, _ request: ScriptedRequest) {
        let (lease, isDown, isSilent) = state.withLock { ($0.lease, $0.isDown, $0.isSilent) }
        guard !isSilent else { return }
        guard !isDown else { return connection.respond(503, status(503, "ServiceUnavailable")) }
        if request.query("watch") != nil { return watch(connection) }
        switch request.method {
        case "GET":
            guard let lease else { return connection.respond(404, status(404, "NotFound")) }
            connection.respond(200, text(lease))
        case "POST", "PUT":
            let isCreation = request.method == "POST"
            guard let sent = try? JSONDecoder().decode(Lease.self, from: Data(request.body)),
                !(isCreation && lease != nil),
                let written = write(sent, expecting: isCreation ? nil : sent.metadata.resourceVersion)
            else { return connection.respond(409, status(409, isCreation ? "AlreadyExists" : "Conflict")) }
            connection.respond(200, text(written))
        default: connection.respond(405, status(405, "MethodNotAllowed"))
        }
    }

    /// Looks for changes as long as the watch is read.
    private func watch(_ connection: ScriptedConnection) {
        connection.beginChunks()
        var sent: String?
        while true {
            let (lease, isDown) = state.withLock { ($0.lease, $0.isDown) }
            guard !isDown else { return connection.hangUp() }
            if let lease, lease.metadata.resourceVersion != sent {
                let type = sent == nil ? "ADDED" : "MODIFIED"
                sent = lease.metadata.resourceVersion
                guard connection.sendChunk("{\"type\":\"\(type)\",\"object\":\(text(lease))}\n") else {
                    return
                }
            } else {
                usleep(5_000)
            }
        }
    }

    private func text(_ lease: Lease) -> String {
        guard let data = try? JSONEncoder().encode(lease) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    private func status(_ code: Int, _ reason: String) -> String {
        "{\"kind\":\"Status\",\"reason\":\"\(reason)\",\"code\":\(code)}"
    }
}
