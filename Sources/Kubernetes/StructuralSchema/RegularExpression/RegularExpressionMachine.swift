/// Compiles the syntax tree into instructions; repetition counts are unrolled, within a limit.
struct RegularExpressionCompiler {
    typealias Instruction = RegularExpression.Instruction
    typealias SyntaxError = RegularExpression.SyntaxError

    static let sizeLimit = 20_000

    private var program: [Instruction] = []
    /// Steps of compilation, including those that emit nothing, as for `(){1000}`.
    private var work = 0

    static func compile(_ node: RegularExpressionNode) throws(SyntaxError) -> [Instruction] {
        var compiler = RegularExpressionCompiler()
        try compiler.emit(node)
        compiler.program.append(.match)
        return compiler.program
    }

    private mutating func emit(_ node: RegularExpressionNode) throws(SyntaxError) {
        work += 1
        guard work <= Self.sizeLimit else { throw SyntaxError(reason: "expression is too large") }
        switch node {
        case .empty: break
        case .scalar(let set): program.append(.scalar(set))
        case .anchor(let anchor): program.append(.assert(anchor))
        case .sequence(let items): for item in items { try emit(item) }
        case .alternatives(let choices): try emit(choices)
        case .repeated(let item, let minimum, let maximum, let isGreedy):
            try emit(item, minimum, maximum, isGreedy)
        }
    }

    private mutating func emit(_ choices: [RegularExpressionNode]) throws(SyntaxError) {
        var ends: [Int] = []
        for (index, choice) in choices.enumerated() {
            guard index < choices.count - 1 else {
                try emit(choice)
                break
            }
            let split = program.count
            program.append(.match)
            try emit(choice)
            ends.append(program.count)
            program.append(.match)
            program[split] = .split(split + 1, program.count)
        }
        for end in ends { program[end] = .jump(program.count) }
    }

    private mutating func emit(
        _ item: RegularExpressionNode, _ minimum: Int, _ maximum: Int?, _ isGreedy: Bool
    ) throws(SyntaxError) {
        for _ in 0..<minimum { try emit(item) }
        func split(_ inside: Int, _ outside: Int) -> Instruction {
            isGreedy ? .split(inside, outside) : .split(outside, inside)
        }
        guard let maximum else {
            let start = program.count
            program.append(.match)
            try emit(item)
            program.append(.jump(start))
            program[start] = split(start + 1, program.count)
            return
        }
        var starts: [Int] = []
        for _ in 0..<max(0, maximum - minimum) {
            starts.append(program.count)
            program.append(.match)
            try emit(item)
        }
        for start in starts { program[start] = split(start + 1, program.count) }
    }
}

/// Runs all alternatives side by side (Thompson, "Regular Expression Search Algorithm", 1968; Pike's
/// version): one pass over the text, no backtracking.
struct RegularExpressionMachine {
    private struct Thread {
        var instruction: Int
        var start: Int
    }

    private let program: [RegularExpression.Instruction]
    private let text: [Unicode.Scalar]
    private var current: [Thread] = []
    private var upcoming: [Thread] = []
    /// Step at which each instruction was last reached, so that none runs twice in one step.
    private var reached: [Int]
    private var pending: [Int] = []

    init(program: [RegularExpression.Instruction], text: [Unicode.Scalar]) {
        self.program = program
        self.text = text
        reached = Array(repeating: -1, count: program.count)
    }

    mutating func run(from start: Int) -> Range<Int>? {
        var found: Range<Int>?
        var position = max(0, start)
        while position <= text.count {
            if found == nil { follow(0, start: position, at: position) }
            swap(&current, &upcoming)
            upcoming.removeAll(keepingCapacity: true)
            if current.isEmpty, found != nil { break }
            let scalar = position < text.count ? text[position] : nil
            for thread in current {
                switch program[thread.instruction] {
                case .match:
                    found = thread.start..<position
                case .scalar(let set):
                    if let scalar, set.contains(scalar) {
                        follow(thread.instruction + 1, start: thread.start, at: position + 1)
                    }
                    continue
                case .assert, .split, .jump: continue
                }
                // Threads after a match are less preferred.
                break
            }
            position += 1
        }
        return found
    }

    /// Adds the thread and all that it reaches without reading, in order of preference.
    private mutating func follow(_ instruction: Int, start: Int, at position: Int) {
        pending.append(instruction)
        while let index = pending.popLast() {
            guard index < program.count, reached[index] != position else { continue }
            reached[index] = position
            switch program[index] {
            case .jump(let target): pending.append(target)
            case .split(let first, let second):
                pending.append(second)
                pending.append(first)
            case .assert(let anchor): if holds(anchor, at: position) { pending.append(index + 1) }
            case .scalar, .match: upcoming.append(Thread(instruction: index, start: start))
            }
        }
    }

    private func holds(_ anchor: RegularExpression.Anchor, at position: Int) -> Bool {
        let before = position > 0 && position <= text.count ? text[position - 1] : nil
        let after = position < text.count ? text[position] : nil
        let isBoundary =
            (before.map(CharacterSet.word.contains) ?? false)
            != (after.map(CharacterSet.word.contains) ?? false)
        return switch anchor {
        case .textStart: position == 0
        case .textEnd: position >= text.count
        case .lineStart: before == nil || before == "\n"
        case .lineEnd: after == nil || after == "\n"
        case .wordBoundary: isBoundary
        case .notWordBoundary: !isBoundary
        }
    }
}
