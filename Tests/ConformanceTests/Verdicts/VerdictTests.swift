import AnnealAPI
import KubernetesAPI
import KubernetesClient
import Testing

/// Verdicts of upstream's code and of the embedded cluster on every manifest of this repository: they agree,
/// for the same reasons, and store accepted objects alike, with the same defaults and without unknown fields.
@Suite(.timeLimit(.minutes(3))) struct VerdictTests {
    @Test(
        .enabled(if: BackEnd.crdServer.isAvailable, "hack/crd-server is not running (ANNEAL_CRD_SERVER)"),
        arguments: try Subject.all())
    func `the apiextensions-apiserver judges as the embedded cluster does`(_ subject: Subject) async throws {
        try await compare(subject, on: .crdServer)
    }

    @Test(
        .enabled(if: BackEnd.kubernetes.isAvailable, "no kube-apiserver is running (ANNEAL_KUBE_APISERVER)"),
        arguments: try Subject.all())
    func `a kube-apiserver judges as the embedded cluster does`(_ subject: Subject) async throws {
        try await compare(subject, on: .kubernetes)
    }

    private func compare(_ subject: Subject, on other: BackEnd) async throws {
        let namespace = TestCluster.unique("verdict")
        let embedded = try await TestCluster(.embedded, namespace: namespace)
        let upstream = try await TestCluster(other, namespace: namespace)
        for cluster in [embedded, upstream] {
            if let old = subject.old { try await cluster.store(old) }
        }
        for fieldValidation in ["Strict", "Warn", "Ignore"] {
            let wanted = try await upstream.verdict(
                on: subject.document, replacing: subject.old, fieldValidation: fieldValidation)
            let found = try await embedded.verdict(
                on: subject.document, replacing: subject.old, fieldValidation: fieldValidation)
            if fieldValidation == "Strict" { #expect(wanted.isAccepted != subject.isWrong, "\(wanted)") }
            #expect(found == wanted, "\(fieldValidation)")
        }
    }
}

/// Verdicts on manifests of every kind with random errors.
@Suite(.timeLimit(.minutes(5))) struct MutantVerdictTests {
    @Test(
        .enabled(if: BackEnd.crdServer.isAvailable, "hack/crd-server is not running (ANNEAL_CRD_SERVER)"),
        arguments: 1...8 as ClosedRange<UInt64>)
    func `the apiextensions-apiserver judges a mutant as the embedded cluster does`(
        _ seed: UInt64
    ) async throws {
        try await compare(seed, on: .crdServer)
    }

    @Test(
        .enabled(if: BackEnd.kubernetes.isAvailable, "no kube-apiserver is running (ANNEAL_KUBE_APISERVER)"),
        arguments: 101...108 as ClosedRange<UInt64>)
    func `a kube-apiserver judges a mutant as the embedded cluster does`(_ seed: UInt64) async throws {
        try await compare(seed, on: .kubernetes)
    }

    private func compare(_ seed: UInt64, on other: BackEnd) async throws {
        let namespace = TestCluster.unique("mutants")
        let embedded = try await TestCluster(.embedded, namespace: namespace)
        let upstream = try await TestCluster(other, namespace: namespace)
        let examples = try Subject.examples().map(\.document)
        var mutation = Mutation(seed: seed)
        for number in 1...40 {
            let mutant = mutation.mutant(of: examples)
            for fieldValidation in ["Strict", "Ignore"] {
                async let wanted = upstream.verdict(on: mutant, fieldValidation: fieldValidation)
                async let found = embedded.verdict(on: mutant, fieldValidation: fieldValidation)
                let verdicts = try await (found: found, wanted: wanted)
                #expect(
                    verdicts.found == verdicts.wanted,
                    "seed \(seed), mutant \(number), \(fieldValidation): \(mutant.text)")
            }
        }
    }
}
