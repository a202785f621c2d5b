import ControllerRuntime
import KubernetesClient
import Logging
import ServiceLifecycle

/// Times at which the leader's term runs: while a lease is held, or always with only one operator.
enum Leadership: Sendable {
    case elected(LeaderElection)
    case sole(LeaderTerm)

    init(
        _ term: LeaderTerm, election: OperatorConfiguration.Election?, client: KubernetesClient,
        fence: WriteFence, logger: Logger
    ) {
        guard let election else {
            self = .sole(term)
            return
        }
        self = .elected(
            LeaderElection(
                client: client, lease: election.lease, identity: election.identity, timing: election.timing,
                fence: fence, logger: logger, term: term.run))
    }

    var service: any ServiceLifecycle.Service {
        switch self {
        case .elected(let election): election
        case .sole(let term): term
        }
    }

    var isLeading: Bool {
        switch self {
        case .elected(let election): election.isLeading
        case .sole: true
        }
    }

    var problem: String? {
        switch self {
        case .elected(let election): election.problem
        case .sole: nil
        }
    }
}
