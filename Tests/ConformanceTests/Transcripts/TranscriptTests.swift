import Testing

/// Transcripts of the embedded cluster, against upstream's code.
@Suite(.timeLimit(.minutes(3))) struct TranscriptTests {
    @Test(
        .enabled(if: BackEnd.crdServer.isAvailable, "hack/crd-server is not running (ANNEAL_CRD_SERVER)"),
        arguments: Script.all.filter { !$0.needsCoreResources })
    func `the apiextensions-apiserver and the embedded cluster answer alike`(_ script: Script) async throws {
        try await compare(script, on: .crdServer)
    }

    @Test(
        .enabled(if: BackEnd.kubernetes.isAvailable, "no kube-apiserver is running (ANNEAL_KUBE_APISERVER)"),
        arguments: Script.all)
    func `a kube-apiserver and the embedded cluster answer alike`(_ script: Script) async throws {
        try await compare(script, on: .kubernetes)
    }

    private func compare(_ script: Script, on other: BackEnd) async throws {
        let namespace = TestCluster.unique("transcript")
        async let expected = transcript(of: script, on: other, namespace)
        async let actual = transcript(of: script, on: .embedded, namespace)
        let (wanted, found) = try await (expected, actual)
        #expect(wanted.count == found.count)
        for (wanted, found) in zip(wanted, found) where wanted != found {
            Issue.record("\(other):   \(wanted)\nembedded: \(found)")
        }
    }

    private func transcript(
        of script: Script, on backEnd: BackEnd, _ namespace: String
    ) async throws -> [String] {
        let cluster = try await TestCluster(backEnd, namespace: namespace)
        var transcript = Transcript(cluster)
        try await script.run(&transcript, Objects(namespace: namespace))
        return transcript.lines
    }
}
