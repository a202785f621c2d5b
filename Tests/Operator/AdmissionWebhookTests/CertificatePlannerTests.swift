import Foundation
import KubernetesAPI
import Testing
import X509

@testable import AdmissionWebhook

/// Certificates over years, in virtual time.
@Suite("Certificates")
struct CertificatePlannerTests {
    /// A leader that looks as often as it was told to, and what an observer sees.
    struct World {
        static let start = Timestamp(seconds: 1_800_000_000)
        var names = ["anneal-webhook.anneal.svc", "127.0.0.1", "::1"]
        var lifetimes = CertificateLifetimes(authority: 10_000, serving: 1000, overlap: 50)
        var now = World.start
        var data: [String: Data] = [:]
        var isPublished = true
        var steps: [CertificateStep] = []

        var material: CertificateMaterial { CertificateMaterial(decoding: data) }

        func next() -> CertificateStep {
            CertificatePlanner.next(
                material, now: now, names: names, lifetimes: lifetimes, isPublished: isPublished)
        }

        /// Does what is to be done now; when it is to look again.
        @discardableResult
        mutating func settle() throws -> Timestamp {
            for _ in 0..<8 {
                let step = next()
                if case .wait(let until) = step { return until }
                steps.append(step)
                data = try CertificateIssuer(names: names, lifetimes: lifetimes)
                    .apply(step, to: material, now: now).encoded()
            }
            Issue.record("never settles: \(steps)")
            return now
        }
    }

    /// Verdict of a caller that trusts this bundle on what is served.
    private func trusts(_ bundle: [Certificate], _ material: CertificateMaterial, at now: Timestamp) -> Bool {
        guard let leaf = material.serving?.leaf, leaf.isValid(at: now) else { return false }
        return bundle.contains { leaf.isSigned(by: $0) && $0.isValid(at: now) }
    }

    @Test
    func `the first leader makes authority and certificate, once`() throws {
        var world = World()
        let until = try world.settle()
        #expect(world.steps.count == 1)
        guard case .startOver = world.steps.first else {
            Issue.record("\(world.steps)")
            return
        }
        let material = world.material
        #expect(trusts(material.authorities, material, at: world.now))
        #expect(until > world.now)
        let leaf = try #require(material.serving?.leaf)
        #expect(leaf.subjectNames == Set(world.names.map(SubjectName.init)))
        #expect(leaf.subjectNames.contains(.address([127, 0, 0, 1])))
        #expect(leaf.begins < world.now)
    }

    @Test
    func `over many renewals, callers that are late by the overlap trust what is served at every instant`()
        throws
    {
        var world = World()
        var history: [(at: Timestamp, authorities: [Certificate])] = []
        var serials: Set<String> = []
        var authorities: Set<String> = []
        let end = World.start.advanced(by: 30_000)
        while world.now < end {
            let until = try world.settle()
            let material = world.material
            history.append((world.now, material.authorities))
            if let leaf = material.serving?.leaf { serials.insert("\(leaf.serialNumber)") }
            if let newest = material.authorities.first { authorities.insert("\(newest.serialNumber)") }
            #expect(until > world.now)
            #expect(material.authorities.count <= 2)
            for late in [Int64(0), 20, 48] {
                // State that the caller knew `late` seconds ago.
                let known = history.last { $0.at.advanced(by: late) <= world.now }
                guard let known else { continue }
                #expect(trusts(known.authorities, material, at: world.now), "\(world.now), \(late) s late")
            }
            world.now = min(until, world.now.advanced(by: 17))
        }
        #expect(serials.count >= 40, "\(serials.count)")
        #expect(authorities.count >= 4, "\(authorities.count)")
        #expect(world.steps.contains(.retireAuthorities))
    }

    @Test
    func `between two renewals nothing is done`() throws {
        var world = World()
        let until = try world.settle()
        world.now = until.advanced(by: -1)
        #expect(world.next() == .wait(until: until))
        world.now = until
        guard case .issueServing = world.next() else {
            Issue.record("\(world.next())")
            return
        }
    }

    @Test
    func `a new authority takes over only when callers were told of it, unless time runs out`() throws {
        var world = World()
        try world.settle()
        let old = try #require(world.material.serving?.leaf.serialNumber)
        world.now = try #require(world.material.authorities.first).after(thirds: 2)
        world.isPublished = false
        // The serving certificate of the start is over by then; one that is fresh is what matters here.
        try world.settle()
        var fresh = World()
        fresh.lifetimes = CertificateLifetimes(authority: 1200, serving: 1_000, overlap: 50)
        try fresh.settle()
        fresh.now = try #require(fresh.material.authorities.first).after(thirds: 2)
        // Renewed moments ago, under the old authority.
        fresh.data = try CertificateIssuer(names: fresh.names, lifetimes: fresh.lifetimes)
            .apply(.issueServing(why: ""), to: fresh.material, now: fresh.now.advanced(by: -60)).encoded()
        fresh.isPublished = false
        fresh.steps = []
        try fresh.settle()
        guard case .announceAuthority = fresh.steps.first, fresh.steps.count == 1 else {
            Issue.record("\(fresh.steps)")
            return
        }
        #expect(fresh.material.authorities.count == 2)
        fresh.now = fresh.now.advanced(by: 51)
        guard case .wait(let last) = fresh.next() else {
            Issue.record("\(fresh.next())")
            return
        }
        fresh.isPublished = true
        guard case .issueServing = fresh.next() else {
            Issue.record("\(fresh.next())")
            return
        }
        fresh.isPublished = false
        fresh.now = last
        guard case .issueServing = fresh.next() else {
            Issue.record("\(fresh.next())")
            return
        }
        #expect(world.material.serving?.leaf.serialNumber != old)
    }

    @Test(arguments: [
        ("ca.crt", "", false), ("ca.crt", "garbage", false), ("ca.key", "garbage", true),
        ("ca.key", "", true), ("tls.crt", "garbage", false), ("tls.key", "garbage", false),
        ("tls.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", false),
    ])
    func `a broken part is made anew, and a certificate that still serves goes on serving`(
        _ key: String, _ text: String, _ servingStays: Bool
    ) throws {
        var world = World()
        try world.settle()
        let before = world.material.serving?.leaf
        world.data[key] = Data(text.utf8)
        try world.settle()
        let material = world.material
        #expect(trusts(material.authorities, material, at: world.now))
        #expect((material.serving?.leaf == before) == servingStays)
        #expect(material.authorityKey?.publicKey == material.authorities.first?.publicKey)
        guard case .wait = world.next() else {
            Issue.record("\(world.next())")
            return
        }
    }

    @Test
    func `a key of another certificate, and bytes that are no text, count as broken`() throws {
        var (one, other) = (World(), World())
        try one.settle()
        try other.settle()
        for key in ["ca.key", "tls.key"] {
            var mixed = one
            mixed.data[key] = other.data[key]
            try mixed.settle()
            #expect(trusts(mixed.material.authorities, mixed.material, at: mixed.now))
        }
        one.data = ["ca.crt": Data([0xFF, 0x00]), "tls.crt": Data([0x80])]
        try one.settle()
        #expect(trusts(one.material.authorities, one.material, at: one.now))
    }

    @Test
    func `another name gets another certificate of the same authority`() throws {
        var world = World()
        try world.settle()
        let authority = world.material.authorities
        world.names.append("ANNEAL-webhook.other.svc")
        world.steps = []
        try world.settle()
        #expect(world.steps.count == 1)
        #expect(world.material.authorities == authority)
        #expect(world.material.serving?.leaf.subjectNames.contains(.dns("anneal-webhook.other.svc")) == true)
    }

    @Test
    func `authority and certificate are made anew after a long absence`() throws {
        var world = World()
        try world.settle()
        world.now = world.now.advanced(by: 100_000)
        try world.settle()
        #expect(world.material.authorities.count == 1)
        #expect(trusts(world.material.authorities, world.material, at: world.now))
    }

    @Test
    func `a serving certificate never outlives its authority`() throws {
        var world = World()
        world.lifetimes = CertificateLifetimes(authority: 500, serving: 5000, overlap: 10)
        try world.settle()
        let leaf = try #require(world.material.serving?.leaf)
        #expect(leaf.ends <= (try #require(world.material.authorities.first)).ends)
    }
}

@Suite("Publication of authorities")
struct BundlePublicationTests {
    private let bundle = Data("PEM".utf8)

    @Test
    func `only webhooks that trust something else are patched, and only while they are unchanged`() {
        let webhooks = [
            RegisteredWebhook(name: "a", clientConfig: .init(caBundle: bundle)),
            RegisteredWebhook(name: "b", clientConfig: .init(caBundle: Data("old".utf8))),
            RegisteredWebhook(name: "c", clientConfig: .init()),
        ]
        #expect(!BundlePublication.isPublished(bundle, in: webhooks))
        #expect(
            BundlePublication.patch(bundle, for: webhooks) == [
                ["op": "test", "path": "/webhooks/1/name", "value": "b"],
                ["op": "add", "path": "/webhooks/1/clientConfig/caBundle", "value": "UEVN"],
                ["op": "test", "path": "/webhooks/2/name", "value": "c"],
                ["op": "add", "path": "/webhooks/2/clientConfig/caBundle", "value": "UEVN"],
            ])
        let settled = webhooks.map {
            RegisteredWebhook(name: $0.name, clientConfig: .init(caBundle: bundle))
        }
        #expect(BundlePublication.isPublished(bundle, in: settled))
        #expect(BundlePublication.patch(bundle, for: settled).isEmpty)
    }
}
