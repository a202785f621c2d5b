import KubernetesAPI
import Scheduling
import Synchronization

/// Lets gangs onto GPUs one at a time, so that two runs cannot both be given the last free ones.
///
/// Between an admission and the binding of its pods, the caches do not yet show what it takes: until then
/// it is held here against everyone else.
final class AdmissionGate: Sendable {
    private struct Admission {
        var gang: GangRequest
        var at: Timestamp
    }

    private let admitted = Mutex<[String: Admission]>([:])

    /// An admission whose pods have not shown up in the cache by then was never carried out.
    static let expirySeconds: Int64 = 60

    /// Asks for room for the gang of the run `uid`; if there is, it is held until `release` or expiry.
    ///
    /// - Parameter answer: decides on the gang, given the gangs that others were admitted with and that
    ///   the caches do not show yet.
    func admit(
        uid: String, gang: GangRequest, now: Timestamp, answer: ([GangRequest]) -> GangAnswer
    ) -> GangAnswer {
        admitted.withLock { admitted in
            admitted = admitted.filter { now.seconds(since: $0.value.at) < Self.expirySeconds }
            let others = admitted.filter { $0.key != uid }.values.map(\.gang)
            let result = answer(Array(others))
            switch result {
            case .fits: admitted[uid] = Admission(gang: gang, at: now)
            case .waits: admitted[uid] = nil
            }
            return result
        }
    }

    /// The caches show the run's pods on their nodes now, or the run no longer wants them.
    func release(uid: String) {
        admitted.withLock { _ = $0.removeValue(forKey: uid) }
    }
}
