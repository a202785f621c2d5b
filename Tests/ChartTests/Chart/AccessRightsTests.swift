import KubernetesAPI
import TestSupport
import Testing

/// Rights of the chart's roles, compared with a table that is written out here.
@Suite struct AccessRightsTests {
    /// One verb on one resource, as the API server decides on it.
    struct Right: Hashable, Sendable, CustomStringConvertible, Comparable {
        var resource: String
        var verb: String
        /// The one object; nil for all.
        var name: String?
        var description: String { "\(verb) \(resource)\(name.map { "/\($0)" } ?? "")" }
        static func < (left: Right, right: Right) -> Bool { left.description < right.description }
    }

    /// Rights of the operator on its kinds and their children. `finalizers` are asked for by the admission
    /// plugin OwnerReferencesPermissionEnforcement.
    static let runs = rights([
        "trainingjobs.anneal.dev": "list watch patch delete",
        "evalruns.anneal.dev": "create list watch patch delete",
        "trainingjobs/status.anneal.dev": "patch",
        "evalruns/status.anneal.dev": "patch",
        "trainingjobs/finalizers.anneal.dev": "update",
        "evalruns/finalizers.anneal.dev": "update",
        "resourcequotas": "list watch",
        "pods": "create list watch patch delete",
        "persistentvolumeclaims": "create list watch patch delete",
        "services": "create list watch delete",
        "jobs.batch": "create list watch delete",
        "leases.coordination.k8s.io": "create list watch delete",
        "events.events.k8s.io": "create list patch",
    ])
    static let cluster = rights(["nodes": "list watch"])
    static let webhookConfigurations = rights(
        [
            "mutatingwebhookconfigurations.admissionregistration.k8s.io": "list watch patch",
            "validatingwebhookconfigurations.admissionregistration.k8s.io": "list watch patch",
        ], name: "anneal")
    static let leading =
        rights(["leases.coordination.k8s.io": "create"])
        .union(rights(["leases.coordination.k8s.io": "get update watch"], name: "anneal-operator"))
    static let certificate =
        rights(["secrets": "create"])
        .union(rights(["secrets": "list watch patch"], name: "anneal-webhook-tls"))
    static let agent = rights(["leases.coordination.k8s.io": "get patch"])

    struct Expectation: Sendable, CustomTestStringConvertible {
        var rendering: String
        var kind: String
        var role: String
        var namespace: String?
        var rights: Set<Right>
        var testDescription: String { "\(kind) \(role) of \(rendering)" }

        static let all = [
            Expectation(
                rendering: "default", kind: "ClusterRole", role: "anneal-operator",
                rights: runs.union(cluster).union(webhookConfigurations)),
            Expectation(
                rendering: "default", kind: "Role", role: "anneal-operator", namespace: "anneal-system",
                rights: leading.union(certificate)),
            Expectation(
                rendering: "cert-manager", kind: "ClusterRole", role: "anneal-operator",
                rights: runs.union(cluster)),
            Expectation(
                rendering: "cert-manager", kind: "Role", role: "anneal-operator",
                namespace: "anneal-system", rights: leading),
            Expectation(
                rendering: "single-namespace", kind: "ClusterRole", role: "anneal-operator",
                rights: cluster.union(AccessRightsTests.rights(["pods": "list watch"]))),
            Expectation(
                rendering: "single-namespace", kind: "Role", role: "anneal-operator-runs",
                namespace: "team-a", rights: runs),
            Expectation(
                rendering: "single-namespace", kind: "Role", role: "anneal-agent", namespace: "team-a",
                rights: agent),
        ]
    }

    @Test(arguments: Expectation.all)
    func `a role grants what the table says, and nothing else`(_ expectation: Expectation) throws {
        let role = try Rendering(description: expectation.rendering).object(
            expectation.kind, expectation.role)
        #expect(role.namespace == expectation.namespace)
        let granted = Self.granted(by: role)
        #expect(granted.subtracting(expectation.rights).sorted() == [], "granted and not in the table")
        #expect(expectation.rights.subtracting(granted).sorted() == [], "in the table and not granted")
    }

    @Test(arguments: Rendering.allCases)
    func `no role has a wildcard`(_ rendering: Rendering) throws {
        for role in try roles(of: rendering) {
            for right in Self.granted(by: role) {
                #expect(!right.description.contains("*"), "\(role.kind) \(role.name): \(right)")
            }
            #expect(Self.rules(of: role).allSatisfy { $0["nonResourceURLs"] == nil })
        }
    }

    @Test(arguments: Rendering.allCases)
    func `no role of the cluster reads secrets, and no role reads all of a namespace's`(
        _ rendering: Rendering
    )
        throws
    {
        for role in try roles(of: rendering) {
            for right in Self.granted(by: role) where right.resource == "secrets" {
                #expect(!role.isOfCluster)
                #expect(right.name != nil || right.verb == "create", "\(role.kind) \(role.name): \(right)")
            }
        }
    }

    @Test(arguments: Rendering.allCases)
    func `every binding binds a role of the rendering to a service account of it`(_ rendering: Rendering)
        throws
    {
        let objects = try rendering.objects()
        let accounts = objects.filter { $0.kind == "ServiceAccount" }.map {
            "\($0.namespace ?? "")/\($0.name)"
        }
        for binding in objects where binding.kind.hasSuffix("RoleBinding") {
            let role = try rendering.objects().first {
                $0.kind == binding["roleRef", "kind"]?.stringValue
                    && $0.name == binding["roleRef", "name"]?.stringValue
                    && $0.namespace == binding.namespace
            }
            #expect(role != nil, "\(binding.kind) \(binding.name)")
            for subject in binding["subjects"]?.arrayValue ?? [] {
                #expect(subject["kind"] == "ServiceAccount")
                let account =
                    "\(subject["namespace"]?.stringValue ?? "")/\(subject["name"]?.stringValue ?? "")"
                #expect(accounts.contains(account), "\(binding.kind) \(binding.name)")
            }
        }
    }

    @Test func `people with the cluster's roles may do the same with runs`() throws {
        let read = "get list watch"
        let expected = [
            "view": read, "edit": "\(read) create update patch delete",
            "admin": "\(read) create update patch delete deletecollection",
        ]
        for (role, verbs) in expected {
            let object = try Rendering(description: "default").object("ClusterRole", "anneal-\(role)")
            #expect(
                Self.granted(by: object)
                    == Self.rights([
                        "trainingjobs.anneal.dev": verbs, "evalruns.anneal.dev": verbs,
                        "trainingjobs/status.anneal.dev": "get", "evalruns/status.anneal.dev": "get",
                    ]))
            #expect(
                object["metadata", "labels", "rbac.authorization.k8s.io/aggregate-to-\(role)"] == "true")
        }
    }

    /// `examples/namespace.yaml` prepares a namespace as `tenantNamespaces` does.
    @Test func `the example's agent has the same rights as the chart's`() throws {
        let example = try RepositoryManifest(
            RepositoryManifest.repository.appendingPathComponent("examples/namespace.yaml"))
        let role = try #require(
            try example.documents().map(RenderedObject.init(json:)).first { $0.kind == "Role" })
        #expect(Self.granted(by: role) == Self.agent)
    }

    private func roles(of rendering: Rendering) throws -> [RenderedObject] {
        try rendering.objects().filter { ["Role", "ClusterRole"].contains($0.kind) }
    }

    private static func rules(of role: RenderedObject) -> [JSONValue] { role["rules"]?.arrayValue ?? [] }

    private static func granted(by role: RenderedObject) -> Set<Right> {
        var rights: Set<Right> = []
        for rule in rules(of: role) {
            let names = rule["resourceNames"].map { $0.strings.map(Optional.some) } ?? [nil]
            for group in rule["apiGroups"]?.strings ?? [] {
                for resource in rule["resources"]?.strings ?? [] {
                    for verb in rule["verbs"]?.strings ?? [] {
                        let qualified = group.isEmpty ? resource : "\(resource).\(group)"
                        rights.formUnion(names.map { Right(resource: qualified, verb: verb, name: $0) })
                    }
                }
            }
        }
        return rights
    }

    private static func rights(_ table: [String: String], name: String? = nil) -> Set<Right> {
        Set(
            table.flatMap { resource, verbs in
                verbs.split(separator: " ").map { Right(resource: resource, verb: String($0), name: name) }
            })
    }
}
