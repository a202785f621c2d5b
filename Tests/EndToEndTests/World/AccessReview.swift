import Foundation
import KubernetesAPI
import Synchronization
import Testing

/// Comparison of the rights of Anneal's service accounts with their requests, from the audit log: none is
/// refused, and no right is unused.
struct AccessReview {
    /// A verb on a resource, such as `patch trainingjobs.anneal.dev/status`.
    typealias Grant = String

    let cluster: Cluster

    init(of cluster: Cluster) { self.cluster = cluster }

    func judge() async throws {
        guard try Backend.chosen().offers(.audit) else { return }
        // What is open to all who are signed in, such as the server's version, needs no right of ours.
        let entries = try cluster.audit().filter {
            $0.isOfServiceAccount && (!$0.resource.isEmpty || $0.isRefused)
        }
        // A server that has just started refuses requests until it has read the roles.
        let allowed = Set(entries.filter { !$0.isRefused }.map { "\($0.user) \(Self.grant($0))" })
        let refused = Set(
            entries.filter { $0.isRefused && !allowed.contains("\($0.user) \(Self.grant($0))") }
                .map(\.description))
        #expect(refused.isEmpty, "refused by the roles of the service account")
        let user = "system:serviceaccount:\(OperatorAccess.namespace):\(OperatorAccess.account)"
        AccessLedger.shared.note(
            granted: try await granted(to: OperatorAccess.account),
            used: entries.filter { $0.user == user }.map(Self.grant), of: "operator")
        let agents = entries.filter { $0.user.hasSuffix(":anneal-agent") }
        if let namespace = agents.first?.namespace {
            let role = try await cluster.kubectl("-n", namespace, "get", "role/anneal-agent", "-o", "json")
            AccessLedger.shared.note(
                granted: Self.grants(of: try JSONValue(parsing: Array(role.utf8))),
                used: agents.map(Self.grant), of: "agent")
        }
    }

    private static func grant(_ entry: AuditEntry) -> Grant {
        let parts = [entry.resource, entry.subresource].filter { !$0.isEmpty }
        return grant(entry.verb, entry.group, parts.joined(separator: "/"))
    }

    private static func grant(_ verb: String, _ group: String, _ resource: String) -> Grant {
        let parts = resource.split(separator: "/", maxSplits: 1).map(String.init)
        let qualified = [parts.first ?? "", group].filter { !$0.isEmpty }.joined(separator: ".")
        return "\(verb) " + ([qualified] + parts.dropFirst()).joined(separator: "/")
    }

    /// The rules of the roles that are bound to a service account of the operator's namespace.
    private func granted(to account: String) async throws -> Set<Grant> {
        var grants: Set<Grant> = []
        for (bindings, roles) in [("clusterrolebindings", "clusterroles"), ("rolebindings", "roles")] {
            let text = try await cluster.kubectl(
                "-n", OperatorAccess.namespace, "get", bindings, "-o", "json")
            for binding in try JSONValue(parsing: Array(text.utf8))["items"]?.arrayValue ?? [] {
                let isBound = (binding["subjects"]?.arrayValue ?? []).contains {
                    $0["kind"]?.stringValue == "ServiceAccount" && $0["name"]?.stringValue == account
                        && $0["namespace"]?.stringValue == OperatorAccess.namespace
                }
                guard isBound, let name = binding[path: ["roleRef", "name"]]?.stringValue else { continue }
                let role = try await cluster.kubectl(
                    "-n", OperatorAccess.namespace, "get", "\(roles)/\(name)", "-o", "json")
                grants.formUnion(Self.grants(of: try JSONValue(parsing: Array(role.utf8))))
            }
        }
        return grants
    }

    private static func grants(of role: JSONValue) -> Set<Grant> {
        var grants: Set<Grant> = []
        func texts(_ rule: JSONValue, _ key: String) -> [String] {
            (rule[key]?.arrayValue ?? []).compactMap(\.stringValue)
        }
        for rule in role["rules"]?.arrayValue ?? [] {
            for group in texts(rule, "apiGroups") {
                for resource in texts(rule, "resources") {
                    for verb in texts(rule, "verbs") { grants.insert(grant(verb, group, resource)) }
                }
            }
        }
        return grants
    }
}

/// Rights that all suites together were granted, and used.
final class AccessLedger: Sendable {
    static let shared = AccessLedger()

    private struct Account {
        var granted: Set<AccessReview.Grant> = []
        var used: Set<AccessReview.Grant> = []
    }

    private let accounts = Mutex<[String: Account]>([:])

    func note(granted: Set<AccessReview.Grant>, used: [AccessReview.Grant], of account: String) {
        accounts.withLock {
            $0[account, default: Account()].granted.formUnion(granted)
            $0[account, default: Account()].used.formUnion(used)
        }
    }

    /// Descriptions of unused rights. `update` on finalizers is left out: an admission plugin
    /// (OwnerReferencesPermissionEnforcement) asks the authorizer for it, and it never shows as a request.
    var unused: [String] {
        accounts.withLock { accounts in
            accounts.flatMap { name, account in
                account.granted.subtracting(account.used).filter { !$0.hasSuffix("/finalizers") }
                    .map { "\(name): \($0)" }
            }.sorted()
        }
    }
}
