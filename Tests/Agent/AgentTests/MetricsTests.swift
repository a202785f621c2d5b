import AnnealAPI
import Foundation
import SeededRandomness
import Testing

@testable import Agent

@Suite struct MetricsTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "metrics-\(UUID().uuidString)")
        .path

    private func append(_ text: String) throws {
        if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(filePath: path)) }
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    private func progress(of lines: [String]) -> ProgressTracker {
        var tracker = ProgressTracker()
        for line in lines { if let point = MetricsPoint(Array(line.utf8)) { tracker.take(point) } }
        return tracker
    }

    @Test func `lines add up`() {
        let tracker = progress(of: [
            #"{"step": 0, "totalSteps": 100, "evalLoss": 5.5}"#,
            #"{"step": 1, "loss": 5, "learningRate": 1e-3}"#,
            "garbage", #"{"step": 2, "loss": NaN}"#, #"{"step": 2, "loss": null, "nonFinite": true}"#, "[3]",
            "",
            #"{"step": -4, "loss": "x", "epoch": 1e999}"#,
            #"{"step": 3, "loss": 4.5, "evalLoss": 4.25, "epoch": 0.5, "tokensPerSecond": 10}"#,
        ])
        var expected = TrainingProgress()
        expected.step = 3
        expected.totalSteps = 100
        expected.epoch = 0.5
        expected.loss = 4.5
        expected.evalLoss = 4.25
        expected.initialEvalLoss = 5.5
        expected.learningRate = 1e-3
        expected.tokensPerSecond = 10
        #expect(tracker.progress == expected)
        #expect(tracker.evalLoss(at: 2) == 5.5)
        #expect(tracker.evalLoss(at: 3) == 4.25)
    }

    @Test func `a resumed run replaces what it repeats`() {
        let tracker = progress(of: [
            #"{"step": 10, "evalLoss": 3}"#, #"{"step": 20, "evalLoss": 2}"#,
            #"{"step": 15, "evalLoss": 2.5}"#,
        ])
        #expect(tracker.progress.step == 15)
        #expect(tracker.evalLoss(at: 20) == 2.5)
        #expect(tracker.evalLoss(at: 10) == 3)
        #expect(tracker.evalLoss(at: 9) == nil)
    }

    @Test func `damaged lines do no harm`() {
        var random = SeededGenerator(seed: 5)
        let line = Array(
            #"{"time": 1.5, "step": 12, "totalSteps": 100, "loss": 2.25, "evalLoss": null}"#.utf8)
        for _ in 0..<3000 {
            var damaged = line
            for _ in 0..<3 {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            guard let point = MetricsPoint(damaged) else { continue }
            #expect(point.loss?.isFinite ?? true)
            #expect(point.step ?? 0 >= 0)
        }
    }

    @Test func `a tail reads whole lines and comes back for the rest`() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        var tail = MetricsTail(path: path)
        var lines: [String] = []
        func look() -> Bool { tail.look { lines.append(String(decoding: $0, as: UTF8.self)) } }
        #expect(!look())
        try append("one\ntw")
        #expect(look())
        #expect(lines == ["one"])
        #expect(!look())
        try append("o\n\nthree\n")
        #expect(look())
        #expect(lines == ["one", "two", "three"])
        try append(String(repeating: "x", count: MetricsTail.lineLimit + 1))
        #expect(look())
        try append("still the long line\nfour\n")
        #expect(look())
        #expect(lines == ["one", "two", "three", "four"])
        try FileManager.default.removeItem(atPath: path)
        try append("new\n")
        #expect(look())
        #expect(lines.last == "new")
        try Data("c\n".utf8).write(to: URL(filePath: path))
        #expect(look())
        #expect(lines.last == "c")
    }
}

@Suite struct RetentionTests {
    private func entry(_ step: Int64, _ loss: Double? = nil, attempt: Int = 1) -> Retention.Entry {
        Retention.Entry(step: step, attempt: attempt, evalLoss: loss)
    }

    private func kept(_ entries: [Retention.Entry], last: Int, best: Int) -> [Int64] {
        let gone = Retention(keepLast: last, keepBest: best).expendable(entries)
        return entries.filter { !gone.contains($0) }.map(\.step).sorted()
    }

    @Test func `the newest and the best checkpoint stay`() {
        let entries = [entry(10, 3), entry(20, 1), entry(30, 2), entry(40), entry(50, 4)]
        #expect(kept(entries, last: 2, best: 1) == [20, 40, 50])
        #expect(kept(entries, last: 1, best: 2) == [20, 30, 50])
        #expect(kept(entries, last: 1, best: 0) == [50])
        #expect(kept(entries, last: 9, best: 0) == [10, 20, 30, 40, 50])
    }

    @Test func `the newest checkpoint stays whatever the policy says`() {
        #expect(kept([entry(10), entry(20)], last: 0, best: 0) == [20])
        #expect(kept([entry(10), entry(20)], last: -5, best: -5) == [20])
        #expect(kept([], last: 1, best: 1) == [])
    }

    @Test func `the newer of two equal checkpoints is the better`() {
        #expect(
            Retention.best([entry(10, 1), entry(20, 1), entry(20, 1, attempt: 2)]).first
                == entry(20, 1, attempt: 2))
    }
}
