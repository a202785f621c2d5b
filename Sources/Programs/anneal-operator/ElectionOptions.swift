import ArgumentParser
import ControllerRuntime
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Operator

/// Options of the election that chooses one of several operators to act.
struct ElectionOptions: ParsableArguments {
    @Flag(
        inversion: .prefixedNo,
        help: "Act only while holding a Lease, so that several operators may run (default: in a pod).")
    var leaderElect: Bool?

    @Option(help: "Name of the Lease.")
    var leaseName = "anneal-operator"

    @Option(help: "Namespace of the Lease (default: POD_NAMESPACE, else that of the credentials).")
    var leaseNamespace: String?

    @Option(help: "Seconds after which the others take over from a leader that does not renew.")
    var leaseDurationSeconds = 15

    @Option(help: "Seconds after which a leader that cannot renew stops acting.")
    var renewDeadlineSeconds = 10

    @Option(help: "Seconds between two renewals.")
    var retryPeriodSeconds = 2

    func validate() throws {
        guard (1...3600).contains(leaseDurationSeconds) else {
            throw ValidationError(
                "--lease-duration-seconds is \(leaseDurationSeconds); it must be from 1 to 3600")
        }
        guard (1..<leaseDurationSeconds).contains(renewDeadlineSeconds) else {
            throw ValidationError(
                "--renew-deadline-seconds is \(renewDeadlineSeconds); it must be at least 1 and less than "
                    + "--lease-duration-seconds, \(leaseDurationSeconds)")
        }
        guard (1..<renewDeadlineSeconds).contains(retryPeriodSeconds) else {
            throw ValidationError(
                "--retry-period-seconds is \(retryPeriodSeconds); it must be at least 1 and less than "
                    + "--renew-deadline-seconds, \(renewDeadlineSeconds)")
        }
    }

    func election(
        podName: String, ownNamespace: String, isInPod: Bool
    ) -> OperatorConfiguration.Election? {
        guard leaderElect ?? isInPod else { return nil }
        let timing = LeaderElector.Timing(
            leaseDuration: .seconds(leaseDurationSeconds), renewDeadline: .seconds(renewDeadlineSeconds),
            retryPeriod: .seconds(retryPeriodSeconds))
        // A container that was restarted in its pod must not take its predecessor's lease for its own.
        let suffix = String(UInt32.random(in: .min ... .max), radix: 16)
        return OperatorConfiguration.Election(
            lease: ObjectKey(namespace: leaseNamespace ?? ownNamespace, name: leaseName), timing: timing,
            identity: "\(podName)_\(suffix)")
    }
}
