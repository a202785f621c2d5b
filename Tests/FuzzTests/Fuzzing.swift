import Foundation
import SeededRandomness
import Testing

/// A decoder of bytes from outside, with valid samples and a check of any input.
struct FuzzTarget: Sendable, CustomTestStringConvertible {
    var name: String
    var samples: [String]
    /// Decodes the input. It may refuse it; it throws `Broken` if the input shows an error of the decoder.
    var check: @Sendable ([UInt8]) throws -> Void

    init(_ name: String, _ samples: [String], _ check: @escaping @Sendable ([UInt8]) throws -> Void) {
        self.name = name
        self.samples = samples
        self.check = check
    }

    var testDescription: String { name }
}

/// A property that must hold for any input does not.
struct Broken: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// Runs a target on mutated samples. A trap ends the process, so each input is in a file before it is used.
///
/// `ANNEAL_SEED` repeats a run, `ANNEAL_FUZZ_SECONDS` makes it longer (for all targets together), and
/// `ANNEAL_FUZZ_INPUT` names a file to use instead.
struct FuzzRun {
    /// Time that an input of up to 64 KiB may take, in a debug build on a busy machine.
    private static let patience: Duration = .seconds(4)

    private static let environment = ProcessInfo.processInfo.environment
    static let seed = environment["ANNEAL_SEED"].flatMap { UInt64($0) } ?? 20_261_121

    let target: FuzzTarget
    let seconds: Double

    init(_ target: FuzzTarget, of count: Int) {
        self.target = target
        let all = Self.environment["ANNEAL_FUZZ_SECONDS"].flatMap { Double($0) } ?? 12
        seconds = all / Double(max(1, count))
    }

    func run() throws {
        if let path = Self.environment["ANNEAL_FUZZ_INPUT"] {
            return try attempt(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        }
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("anneal-fuzz-\(target.name.replacing(" ", with: "-"))")
        let input = try InputFile(file.path)
        for sample in target.samples { try attempt(Array(sample.utf8)) }
        var mutator = Mutator(
            corpus: target.samples.map { Array($0.utf8) }, draws: SeededGenerator(seed: Self.seed &+ hash))
        let begin = ContinuousClock.now
        let end = begin + .seconds(seconds)
        var count = 0
        while ContinuousClock.now < end {
            let bytes = mutator.next()
            input.keep(bytes)
            do { try attempt(bytes) } catch {
                let kept = "\(file.path).broken"
                try Data(bytes).write(to: URL(fileURLWithPath: kept))
                throw Broken("\(target.name), ANNEAL_SEED=\(Self.seed), input \(count) in \(kept): \(error)")
            }
            count += 1
        }
        input.remove()
        let rate = Int(Double(count) / max(0.001, Double((ContinuousClock.now - begin).milliseconds) / 1000))
        print("fuzz \(target.name): \(count) inputs, \(rate) a second, ANNEAL_SEED=\(Self.seed)")
        #expect(count > 0)
    }

    private var hash: UInt64 { target.name.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) } }

    private func attempt(_ bytes: [UInt8]) throws {
        let begin = ContinuousClock.now
        try target.check(bytes)
        let taken = ContinuousClock.now - begin
        guard taken < Self.patience else { throw Broken("it took \(taken) for \(bytes.count) bytes") }
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}

/// The file of the present input, to be found after a trap.
private final class InputFile {
    private let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_CREAT | O_RDWR | O_TRUNC, 0o600)
        guard descriptor >= 0 else { throw Broken("\(path) cannot be written") }
    }

    func keep(_ bytes: [UInt8]) {
        _ = pwrite(descriptor, bytes, bytes.count, 0)
        _ = ftruncate(descriptor, off_t(bytes.count))
    }

    func remove() { unlink(path) }

    deinit { close(descriptor) }
}
