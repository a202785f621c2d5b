import AnnealAPI
import KubernetesAPI
import Testing

@testable import Planning

@Suite("Small parts")
struct SmallPartsTests {
    @Test(arguments: ["demo", "Demo_1", "a.b", "ä", "", String(repeating: "x", count: 300), "-", "a\nb"])
    func `names of children are DNS labels of at most 63 bytes, and differ where the parts do`(run: String) {
        let names = [ChildName.make(run, "train", "1", "0"), ChildName.make(run, "train", "1", "1")]
        #expect(names[0] != names[1])
        for name in names {
            #expect((1...63).contains(name.utf8.count))
            #expect(name.wholeMatch(of: /[a-z0-9]([-a-z0-9]*[a-z0-9])?/) != nil, "\(name)")
        }
        #expect(ChildName.make("demo", "train", "1", "0") == "demo-train-1-0")
        #expect(ChildName.labelValue(run).utf8.count <= 63)
    }

    @Test(
        arguments: [
            (0, 10, 2.0, 600, 0), (1, 10, 2, 600, 10), (2, 10, 2, 600, 20), (3, 10, 1.5, 600, 23),
            (50, 10, 2, 600, 600), (Int.max, 10, 2, 600, 600), (5, 10, .nan, 600, 10),
            (5, 10, .infinity, 600, 10),
            (3, 0, 2, 600, 0), (1, 1000, 2, 600, 600),
        ] as [(Int, Int64, Double, Int64, Int64)])
    func `the wait grows by its factor up to its limit, whatever the numbers`(
        failures: Int, base: Int64, factor: Double, limit: Int64, seconds: Int64
    ) {
        #expect(Backoff.seconds(failures: failures, base: base, factor: factor, limit: limit) == seconds)
    }

    @Test(arguments: [
        ("$(HOME)", "$$(HOME)"), ("$HOME", "$HOME"), ("$$", "$$$"), ("$$(X)", "$$$$(X)"), ("a$", "a$"),
        ("", ""), ("$()$(", "$$()$$("),
    ])
    func `text reaches a container unchanged: $( is not expanded`(text: String, escaped: String) {
        #expect(Literal.escaped(text) == escaped)
        #expect(Self.expanded(escaped) == text)
    }

    /// Text as a kubelet expands it, with `!` for every `$(NAME)` (third_party/forked/golang/expansion).
    static func expanded(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let character = rest.popFirst() {
            guard character == "$", let next = rest.first else {
                result.append(character)
                continue
            }
            if next == "$" {
                result.append("$")
                rest.removeFirst()
            } else if next == "(", let end = rest.firstIndex(of: ")") {
                result.append("!")
                rest = rest[rest.index(after: end)...]
            } else {
                result.append("$")
            }
        }
        return result
    }

    @Test
    func `text from outside fits a message: one line, its end kept`() {
        #expect(Wording.bounded("a\n\tb\u{0} c ") == "a b c")
        for fit in ["", "a", "needs 2 × (1 nvidia.com/gpu); 3 nodes are cordoned"] {
            #expect(Wording.bounded(fit) == fit)
        }
        for unfit in [" a", "a ", "a  b", "a\u{7F}b", "a\nb", " "] {
            #expect(Wording.bounded(unfit) == unfit.split { " \n\u{7F}".contains($0) }.joined(separator: " "))
        }
        let long = String(repeating: "é", count: 5000) + " the end"
        #expect(Wording.bounded(long).utf8.count <= Wording.limit)
        #expect(Wording.bounded(long).hasSuffix("the end"))
        #expect(Wording.reason("DatasetNotFound") == "DatasetNotFound")
        #expect(Wording.reason("not a word; rm -rf") == "Failed")
        #expect(Wording.reason("") == "Failed")
    }

    @Test(
        arguments: [
            (10.0, nil, 20.0, true), (20, nil, 20, true), (20.1, nil, 20, false), (5, 6, nil, false),
            (.nan, nil, 20, false), (.infinity, 0, nil, false), (nil, 0, nil, false), (1, .nan, nil, false),
        ] as [(Double?, Double?, Double?, Bool)])
    func `a threshold is kept only by a finite number within its bounds`(
        value: Double?, min: Double?, max: Double?, passes: Bool
    ) {
        let metrics = value.map { ["quality/x": $0] } ?? [:]
        let results = Gate.results([Threshold(metric: "quality/x", min: min, max: max)], metrics)
        #expect(results.map(\.passed) == [passes])
    }

    @Test(
        arguments: [(0, "0.00"), (36, "0.01"), (3600, "1.00"), (12_345, "3.42"), (-5, "0.00")]
            as [(Int64, String)])
    func `GPU-hours have two decimals`(seconds: Int64, text: String) {
        #expect(TrainingJobDraft.hours(seconds) == text)
    }

    @Test(arguments: TrainingJobPhase.allCases)
    func `any status that is stored is planned for, whatever it says`(phase: TrainingJobPhase) {
        for stage in TrainingJobPhase.allCases {
            for number in [Int.min, -1, 0, 1, Int.max] {
                var job = Samples.trainingJob()
                var status = TrainingJobStatus(phase: phase)
                status.current = StageAttempt(
                    stage: stage, attempt: number, startedAt: Timestamp(seconds: .min),
                    notBefore: Timestamp(seconds: .max))
                status.current?.failures = number
                status.current?.interruptions = number
                status.trainingAttempts = number
                status.countedFailures = number
                status.fruitlessInterruptions = number
                status.gpuSeconds = Int64(number)
                status.trainedSeconds = Int64(number)
                status.suspendedSeconds = Int64(number)
                status.gpusHeldSince = Timestamp(seconds: .min)
                status.startTime = number % 2 == 0 ? nil : Timestamp(seconds: .min)
                status.completionTime = Timestamp(seconds: .max)
                status.stages = [StageRecord(name: stage, startedAt: Timestamp(seconds: 0), attempts: number)]
                status.admission = Admission(
                    attempt: number, pods: number, gpus: Int64(number), admittedAt: Timestamp(seconds: .min),
                    admittedBy: "test")
                job.status = status
                _ = TrainingJobPlanner.workload(
                    of: job, pods: [], settings: Samples.settings, now: Timestamp(seconds: .max))
                job.spec.runPolicy = RunPolicy()
                job.spec.runPolicy?.ttlSecondsAfterFinished = .max
                job.spec.runPolicy?.activeDeadlineSeconds = Int64(number)
                job.spec.runPolicy?.suspend = number == 0
                let observation = TrainingJobObservation(
                    run: job, now: Timestamp(seconds: number > 0 ? .max : 0), settings: Samples.settings)
                let plan = TrainingJobPlanner.plan(observation)
                if phase.isTerminal { #expect(plan.status.phase == phase) }
            }
        }
    }
}
