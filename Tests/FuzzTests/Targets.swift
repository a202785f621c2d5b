import AnnealAPI
import Foundation
import HTTPTransport
import KubernetesAPI
import Planning
import Scheduling
import StructuralSchema
import Testing

@testable import Agent
@testable import KubernetesClient
@testable import ObjectStorage

/// All decoders of bytes from outside.
enum Targets {
    static let all: [FuzzTarget] =
        [
            json, status, kubeconfig, quantity, timestamp, xml, manifest, metrics, records, reports,
            agentConfiguration,
            review, rules, expressions, schema, addresses,
        ] + objects

    // MARK: Objects of the API server

    /// Watches of each kind that the operator follows, split anywhere; each object that decodes is planned
    /// for.
    static let objects: [FuzzTarget] = [
        watch(TrainingJob.self, Corpus.trainingJobs) { job in
            var observation = TrainingJobObservation(run: job, now: now, settings: settings)
            observation.specErrors = SpecValidation.errors(of: job)
            observation.leases = known.leases
            observation.pods = known.pods
            observation.jobs = known.jobs
            _ = TrainingJobPlanner.plan(observation)
            decide(TrainingJobPlanner.workload(of: job, pods: known.pods, settings: settings, now: now))
        },
        watch(EvalRun.self, Corpus.evalRuns) { run in
            var observation = EvalRunObservation(run: run, now: now, settings: settings)
            observation.specErrors = SpecValidation.errors(of: run)
            _ = EvalRunPlanner.plan(observation)
            decide(EvalRunPlanner.workload(of: run, pods: known.pods, settings: settings, now: now))
        },
        watch(Pod.self, Corpus.pods) { pod in
            try plan { $0.pods = [pod] }
            decide(try waiting(), pods: [pod, pod])
        },
        watch(Job.self, [Corpus.job]) { job in try plan { $0.jobs = [job] } },
        watch(Lease.self, [Corpus.lease]) { lease in try plan { $0.leases = [lease] } },
        watch(Node.self, [Corpus.node]) { node in
            decide(try waiting(), nodes: [node, node])
        },
        watch(PersistentVolumeClaim.self, [Corpus.claim]) { claim in try plan { $0.claims = [claim] } },
    ]

    /// One admission round over the workload.
    private static func decide(_ workload: Workload?, nodes: [Node]? = nil, pods: [Pod]? = nil) {
        guard let workload else { return }
        var waiting = workload
        waiting.state = .waiting
        _ = AdmissionRound.decide(
            .init(
                nodes: nodes ?? known.nodes, pods: (pods ?? known.pods).map(PodFootprint.init),
                workloads: [workload, waiting]))
    }

    private static func waiting() throws -> Workload? {
        var job = try job()
        job.status = TrainingJobStatus(phase: .queued)
        job.status?.current = StageAttempt(stage: .queued, attempt: 1, startedAt: now)
        return TrainingJobPlanner.workload(of: job, pods: [], settings: settings, now: now)
    }

    private static let now = Timestamp(seconds: 1_795_233_600)
    private static let settings = PlannerSettings(agentImage: "agent:1")

    private struct Known {
        var leases: [Lease] = []
        var pods: [Pod] = []
        var jobs: [Job] = []
        var nodes: [Node] = []
    }

    private static let known: Known = {
        var known = Known()
        known.leases = (try? [decoded(Corpus.lease)]) ?? []
        known.pods = (try? Corpus.pods.map { try decoded($0) }) ?? []
        known.jobs = (try? [decoded(Corpus.job)]) ?? []
        known.nodes = (try? [decoded(Corpus.node)]) ?? []
        return known
    }()

    private static func job() throws -> TrainingJob { try decoded(Corpus.trainingJobs[2]) }

    private static func plan(_ change: (inout TrainingJobObservation) -> Void) throws {
        var observation = TrainingJobObservation(run: try job(), now: now, settings: settings)
        change(&observation)
        _ = TrainingJobPlanner.plan(observation)
    }

    private static func decoded<T: Decodable>(_ text: String) throws -> T {
        try JSONDecoder().decode(T.self, from: Data(text.utf8))
    }

    private static func watch<R: KubernetesResource & Equatable>(
        _ type: R.Type, _ samples: [String], _ use: @escaping @Sendable (R) throws -> Void
    ) -> FuzzTarget {
        let lines = samples.map { #"{"type":"MODIFIED","object":\#($0)}"# + "\n" }
        let bookmark =
            #"{"type":"BOOKMARK","object":{"kind":"X","metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#
        let error =
            #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"old"}}"#
        return FuzzTarget("watch \(R.resourceType.kind)", lines + [bookmark + "\n", error + "\n"]) { bytes in
            let middle = bytes.count / 3
            var whole = WatchDecoder<R>()
            whole.append(bytes)
            var split = WatchDecoder<R>()
            split.append(bytes[..<middle])
            var pending: [WatchUpdate<R>] = []
            while let update = try? split.next() { pending.append(update) }
            split.append(bytes[middle...])
            while let update = try? split.next() { pending.append(update) }
            var count = 0
            while let update = try? whole.next() {
                count += 1
                guard case .event(.modified(let object)) = update else { continue }
                try use(object)
                try holdRoundTrip(object)
            }
            guard count == pending.count else {
                throw Broken("split in two, it gives \(pending.count), not \(count)")
            }
        }
    }

    private static func holdRoundTrip<T: Codable & Equatable>(_ value: T) throws {
        let bytes = try JSONEncoder().encode(value)
        guard try JSONDecoder().decode(T.self, from: bytes) == value else {
            throw Broken(
                "\(T.self) is another after writing and reading: \(String(decoding: bytes, as: UTF8.self))")
        }
    }

    // MARK: Small texts

    static let json = FuzzTarget(
        "JSON", Corpus.trainingJobs + [Corpus.job, #"[1.5e-7,"\ud83e\udd14",null,true]"#]
    ) { bytes in
        guard let value = try? JSONValue(parsing: bytes) else { return }
        let again = try JSONValue(parsing: Array(value.serialized()))
        // A negative zero becomes a zero, so the written forms are compared.
        guard again.serialized() == value.serialized() else {
            throw Broken("JSON is another after writing and reading")
        }
    }

    static let status = FuzzTarget(
        "Status",
        [
            #"{"kind":"Status","code":429,"reason":"TooManyRequests","details":{"retryAfterSeconds":3,"causes":[{"field":"a","message":"b"}]}}"#
        ]
    ) { bytes in
        let response = HTTPResponse(
            status: 429,
            headers: [HTTPHeader("Retry-After", String(decoding: bytes.prefix(20), as: UTF8.self))],
            body: Data(bytes))
        let error = KubernetesError.api(Status(response))
        _ = error.retryAfter
        _ = error.description
    }

    static let kubeconfig = FuzzTarget("kubeconfig", [Corpus.kubeconfig]) { bytes in
        var config = MergedKubeconfig()
        try? config.merge(String(decoding: bytes, as: UTF8.self), name: "f", directory: "/nonexistent")
        for name in config.contextNames { _ = try? config.configuration(context: name) }
    }

    static let quantity = FuzzTarget(
        "quantity", ["500m", "1.5Gi", "4e3", "-0.000001", "12E", "+7Ki", "1e-18"]
    ) { bytes in
        guard let value = Quantity(String(decoding: bytes, as: UTF8.self)) else { return }
        guard Quantity(value.text) == value else { throw Broken("\(value.text) is another when read again") }
        _ = value.units
    }

    static let timestamp = FuzzTarget(
        "timestamp", ["2026-11-21T04:00:00Z", "2026-11-21T04:00:00.123456+01:30", "0000-01-01T00:00:00Z"]
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if let time = Timestamp(text) {
            guard Timestamp(time.description) == time else {
                throw Broken("\(time) is another when read again")
            }
            _ = time.advanced(by: .max)
            _ = time.seconds(since: Timestamp(seconds: .min))
        }
        if let time = MicroTime(text) {
            guard MicroTime(time.description) == time else {
                throw Broken("\(time) is another when read again")
            }
        }
    }

    // MARK: What agents read

    static let xml = FuzzTarget(
        "S3 XML", [Corpus.listing, "<Error><Code>NoSuchKey</Code><Message>m</Message></Error>"]
    ) { bytes in
        guard let document = try? XMLElement(parsing: bytes) else { return }
        _ = try? ObjectPage(document, bucket: "b", what: "a listing")
    }

    static let manifest = FuzzTarget("manifest", [Corpus.manifest]) { bytes in
        guard let manifest = try? Manifest(parsing: Data(bytes), source: "s3://b/anneal-manifest.json") else {
            return
        }
        let again = try Manifest(parsing: try manifest.serialized(), source: "again")
        guard again == manifest else { throw Broken("the manifest is another when read again") }
        for file in manifest.files
        where file.path.split(separator: "/", omittingEmptySubsequences: false).contains("..") {
            throw Broken("\(file.path) leaves the folder")
        }
    }

    static let metrics = FuzzTarget(
        "metrics",
        [
            #"{"step": 3, "totalSteps": 9, "epoch": 0.5, "loss": 1.25, "evalLoss": 2, "learningRate": 1e-4, "tokensPerSecond": 900}"#
                + "\n"
        ]
    ) { bytes in
        var splitter = LineSplitter(limit: 1 << 20)
        try? splitter.take(Data(bytes)) { line in
            guard let point = MetricsPoint(line) else { return }
            let numbers = [
                point.epoch, point.loss, point.evalLoss, point.learningRate, point.tokensPerSecond,
            ]
            guard numbers.allSatisfy({ $0?.isFinite != false }), point.step ?? 0 >= 0 else {
                throw Broken("\(point) is no measurement")
            }
        }
    }

    static let records = FuzzTarget(
        "records",
        [
            #"{"prompt":"a","completion":"b"}"#,
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"\ud83e\udd14"}]}"#,
            #"{"text":"a"}"#, #"{"prompt":"a","chosen":"b","rejected":"c"}"#,
            #"{"messages":[{"role":"assistant","weight":0,"tool_calls":[{"type":"function","function":"#
                + #"{"name":"f","arguments":"{\"a\":[1]}"}}]}],"tools":"[{\"function\":{\"name\":\"f\"}}]"}"#,
        ]
    ) { bytes in
        for format in DatasetFormat.allCases { _ = try? Record(bytes, format: format) }
    }

    static let reports = FuzzTarget(
        "termination messages",
        [
            Corpus.stageReport, #"{"metrics":{"perplexity":3.5},"samples":7}"#,
            #"{"initialEvalLoss":2.5,"finalEvalLoss":1e308,"steps":100}"#,
        ]
    ) { bytes in
        let text = JSONValue.string(String(decoding: bytes, as: UTF8.self)).text
        for sample in Corpus.pods {
            let quoted = sample.replacing(
                #""{\"reason\":\"Succeeded\",\"dataset\":{\"records\":3}}""#, with: text
            )
            .replacing("Failed", with: "Succeeded")
            guard let pod: Pod = try? decoded(quoted) else { continue }
            try plan { $0.pods = [pod] }
        }
    }

    static let agentConfiguration = FuzzTarget(
        "agent's configuration", [Corpus.stageReport, Corpus.trainingJobs[0]]
    ) { bytes in
        _ = try? ConfigurationFile.decode(Data(bytes), as: TrainingJobSpec.self)
        _ = try? ConfigurationFile.decode(Data(bytes), as: StageReport.self)
    }

    static let addresses = FuzzTarget(
        "addresses", ["s3://bucket/a/b", "s3://b", "https://[::1]:6443/a?b=c#d", "http://h:1"]
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if let location = try? S3Location(text) { _ = location.appending("a/b") }
        _ = APIRequest(method: .get, path: text).target
    }

    // MARK: Schemas and rules

    static let rules = FuzzTarget(
        "CEL",
        [
            "self.a.all(x, x > 1) && has(self.b.c)", "size(self.s) <= 5 ? 'a' : \"b\"",
            "quantity(self.q).isLessThan(quantity('1Gi'))",
            "self.s.matches('^a+$') || self.m['k'] in [1, 2.5, 3u]",
        ]
    ) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        let variables: [String: JSONValue] = ["self": ["a": [1, 2], "s": "aaa", "q": "1Mi", "m": ["k": 1]]]
        _ = try? CELCondition.holds(text, variables: variables)
    }

    static let expressions = FuzzTarget(
        "regular expressions",
        ["^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "^s3://[^/]+(/.*)?$", "(a|b){2,5}?\\d+\\.[^\\s]", "(?i)a+b*c?"]
    ) { bytes in
        guard let expression = try? RegularExpression(String(decoding: bytes, as: UTF8.self)) else { return }
        _ = expression.matches("s3://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab/abc-def.0123456789")
    }

    static let schema = FuzzTarget("schemas", [Corpus.schema]) { bytes in
        guard let json = try? JSONValue(parsing: bytes), let schema = try? Schema(parsing: json, path: "s")
        else { return }
        let value: JSONValue = ["a": ["abb", "x"], "b": 7.25, "c": "5", "d": ["e": true]]
        _ = schema.validate(value, at: "s")
        let again = try Schema(parsing: schema.json, path: "s")
        guard again.json == schema.json else { throw Broken("the schema is another when read again") }
    }
}

/// Fuzzing of all targets, which CI runs for some seconds, and a person for any time.
@Suite(.serialized) struct DecoderFuzzing {
    @Test(arguments: Targets.all)
    func `no input traps, hangs or comes back as another`(target: FuzzTarget) throws {
        try FuzzRun(target, of: Targets.all.count).run()
    }
}
