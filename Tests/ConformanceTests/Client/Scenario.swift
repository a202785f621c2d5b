import Testing

/// A task that Anneal's client and caches must manage on every API server.
struct Scenario: Sendable, CustomStringConvertible {
    var description: String
    var run: @Sendable (TestCluster) async throws -> Void

    init(_ description: String, run: @escaping @Sendable (TestCluster) async throws -> Void) {
        self.description = description
        self.run = run
    }

    static let all = writing + watching + following + applying + planApplying
    /// Scenarios for a server that forgets its history: those that it must not disturb, and those that need
    /// one.
    static let forgetting = following + expiring

    func run(on backEnd: BackEnd) async throws {
        try await run(TestCluster(backEnd, namespace: TestCluster.unique("scenario")))
    }
}

@Suite(.timeLimit(.minutes(3))) struct ScenarioTests {
    @Test(arguments: Scenario.all)
    func `a scenario ends as it must on the embedded cluster`(_ scenario: Scenario) async throws {
        try await scenario.run(on: .embedded)
    }

    @Test(arguments: Scenario.forgetting)
    func `a scenario ends as it must on an embedded cluster that forgets soon`(_ scenario: Scenario)
        async throws
    {
        try await scenario.run(on: .forgetful)
    }

    @Test(
        .enabled(if: BackEnd.crdServer.isAvailable, "hack/crd-server is not running (ANNEAL_CRD_SERVER)"),
        arguments: Scenario.all + Scenario.expiring)
    func `a scenario ends as it must on the apiextensions-apiserver`(_ scenario: Scenario) async throws {
        try await scenario.run(on: .crdServer)
    }

    @Test(
        .enabled(if: BackEnd.kubernetes.isAvailable, "no kube-apiserver is running (ANNEAL_KUBE_APISERVER)"),
        arguments: Scenario.all + Scenario.expiring)
    func `a scenario ends as it must on a kube-apiserver`(_ scenario: Scenario) async throws {
        try await scenario.run(on: .kubernetes)
    }
}
