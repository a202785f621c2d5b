import AnnealAPI
import KubernetesAPI
import TestSupport
import Testing

/// The health that Argo CD shows, for every phase there is.
@Suite(.enabled(if: Lua.interpreter != nil, "\(Lua.missing)"))
struct HealthTests {
    @Test(arguments: TrainingJobPhase.allCases)
    func `every phase of a TrainingJob has its health`(_ phase: TrainingJobPhase) throws {
        var job = TrainingJob(
            metadata: ObjectMeta(name: "job", namespace: "team"), spec: try Self.trainingJobSpec())
        job.spec.runPolicy = RunPolicy()
        job.spec.runPolicy?.suspend = phase == .suspended
        var status = TrainingJobStatus(phase: phase)
        status.reason = "Why"
        job.status = status
        let health = try Customization.trainingJob.health(of: JSONValue(encoding: job))
        #expect(health == Health(status: Self.expected(phase), message: "\(phase.rawValue): Why"))
    }

    @Test(arguments: EvalRunPhase.allCases)
    func `every phase of an EvalRun has its health`(_ phase: EvalRunPhase) throws {
        var run = EvalRun(
            metadata: ObjectMeta(name: "run", namespace: "team"),
            spec: EvalRunSpec(model: StoredInput(storageUri: "s3://models/m/"), suites: []))
        run.spec.runPolicy = RunPolicy()
        run.spec.runPolicy?.suspend = phase == .suspended
        var status = EvalRunStatus(phase: phase)
        status.message = "In words"
        status.reason = "Why"
        run.status = status
        let health = try Customization.evalRun.health(of: JSONValue(encoding: run))
        #expect(health == Health(status: Self.expected(phase), message: "\(phase.rawValue): In words"))
    }

    /// Health of a phase, by a switch without default: who adds a phase decides here.
    private static func expected(_ phase: TrainingJobPhase) -> Health.Status {
        switch phase {
        case .pending, .validating, .preprocessing, .preparing, .queued, .training, .uploading, .evaluating,
            .registering:
            .progressing
        case .suspended: .suspended
        case .completed, .pruned: .healthy
        case .evalFailed, .failed, .cancelled: .degraded
        }
    }

    private static func expected(_ phase: EvalRunPhase) -> Health.Status {
        switch phase {
        case .pending, .queued, .evaluating: .progressing
        case .suspended: .suspended
        case .passed: .healthy
        case .failed, .error: .degraded
        }
    }

    private static func trainingJobSpec() throws -> TrainingJobSpec {
        let job: TrainingJob = try Customization.trainingJob.object("testdata/new.yaml").decoded()
        return job.spec
    }

    @Test(arguments: Customization.all)
    func `a phase of a later version is not taken for health`(_ customization: Customization) throws {
        var object = try customization.object("testdata/new.yaml")
        object["status"] = ["phase": "Meditating"]
        #expect(try customization.health(of: object).status == .unknown)
    }

    /// Objects as they were read from an API server during real runs, and what Argo CD's own runner of
    /// `health_test.yaml` expects of them.
    @Test(arguments: Customization.all)
    func `recorded objects have the health that is written beside them`(_ customization: Customization) throws
    {
        let cases = try customization.cases("health_test.yaml", "tests")
        for test in cases {
            let object = try customization.object(test["inputPath"]?.stringValue ?? "")
            let expected: Health = try #require(test["healthStatus"]).decoded()
            #expect(try customization.health(of: object) == expected)
        }
    }

    @Test func `there is a recorded object of every phase`() throws {
        #expect(
            try phases(of: .trainingJob) == Set(TrainingJobPhase.allCases.map(\.rawValue)))
        #expect(try phases(of: .evalRun) == Set(EvalRunPhase.allCases.map(\.rawValue)))
    }

    /// The phases of the recorded objects, each decoded as the operator decodes it.
    private func phases(of customization: Customization) throws -> Set<String> {
        Set(
            try customization.cases("health_test.yaml", "tests").compactMap { test in
                let object = try customization.object(test["inputPath"]?.stringValue ?? "")
                switch customization.kind {
                case TrainingJob.resourceType.kind:
                    let job: TrainingJob = try object.decoded()
                    return job.status?.phase.rawValue
                default:
                    let run: EvalRun = try object.decoded()
                    return run.status?.phase.rawValue
                }
            })
    }
}
