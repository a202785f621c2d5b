import Collections
import ControllerRuntime
import KubernetesAPI
import SeededRandomness

/// Several processes that want to lead, a server that keeps one lease, and all faults between them, in
/// virtual time: requests and answers are late or lost, late ones are carried out all the same, watches are
/// silent or tell old news, wall clocks jump, processes are stopped, killed and shut down.
final class ElectionSimulation {
    private struct Happening: Comparable {
        var at: Duration
        var order: Int
        var body: () -> Void

        static func < (lhs: Self, rhs: Self) -> Bool { (lhs.at, lhs.order) < (rhs.at, rhs.order) }
        static func == (lhs: Self, rhs: Self) -> Bool { lhs.order == rhs.order }
    }

    /// One process. A late answer for a process that was replaced is dropped.
    private final class Process {
        var elector: LeaderElector
        /// Start of the process's monotonic clock, which is independent of those of others.
        let epoch: ContinuousClock.Instant
        var wallClock: Int64
        var stoppedUntil = Duration.zero
        var isGone = false
        var isReleasing = false
        /// Number of the wait that is under way; nil while a request is.
        var wait: Int?
        var unread: Lease??

        init(_ elector: LeaderElector, epoch: ContinuousClock.Instant, wallClock: Int64) {
            self.elector = elector
            self.epoch = epoch
            self.wallClock = wallClock
        }
    }

    private static let requestTimeout = Duration.seconds(5)

    private var random: SeededGenerator
    private var now = Duration.zero
    private var order = 0
    private var happenings = Heap<Happening>()
    private var processes: [Process] = []
    private var server: (lease: Lease?, version: Int64) = (nil, 0)
    private var hasFaults = true
    private var born = 0
    /// Results for the tests.
    private(set) var violations: [String] = []
    private(set) var takeovers = 0
    private var lastLeader: String?

    init(seed: UInt64, processes count: Int) {
        random = SeededGenerator(seed: seed)
        for _ in 0..<count { processes.append(start()) }
        for index in 0..<count { schedule(in: chance(0...3)) { self.begin(self.processes[index]) } }
        scheduleFault()
    }

    var leaders: Int { processes.count { leads($0) } }

    func run(until end: Duration, faults: Bool) {
        hasFaults = faults
        if !faults { for process in processes { process.stoppedUntil = min(process.stoppedUntil, now) } }
        while let next = happenings.min, next.at <= end {
            happenings.removeMin()
            now = max(now, next.at)
            next.body()
            check()
        }
        now = end
    }

    private func check() {
        let leading = processes.filter { leads($0) }
        if leading.count > 1 {
            violations.append("at \(now): \(leading.map(\.elector.identity)) lead at once")
        }
        if let leader = leading.first?.elector.identity, leader != lastLeader {
            lastLeader = leader
            takeovers += 1
        }
    }

    /// Whether the fence of a process is open. A stopped process does not notice that it closes.
    private func leads(_ process: Process) -> Bool {
        !process.isGone && !process.isReleasing && process.elector.leads(at: process.epoch + now)
    }

    private func moment(_ process: Process) -> LeaderElector.Moment {
        .init(
            instant: process.epoch + now,
            time: MicroTime(seconds: process.wallClock &+ now.components.seconds))
    }

    private func chance(_ range: ClosedRange<Double>) -> Duration {
        .milliseconds(Int(Double.random(in: range, using: &random) * 1000))
    }

    private func happens(_ probability: Double) -> Bool {
        hasFaults && Double.random(in: 0..<1, using: &random) < probability
    }

    private func schedule(in delay: Duration, _ body: @escaping () -> Void) {
        order += 1
        happenings.insert(Happening(at: now + delay, order: order, body: body))
    }
}

// MARK: Processes

extension ElectionSimulation {
    private func start() -> Process {
        born += 1
        let elector = LeaderElector(
            identity: "p\(born)", random: SeededGenerator(seed: UInt64(born)))
        let epoch = ContinuousClock.now + .seconds(Int64.random(in: 0...1_000_000, using: &random))
        return Process(elector, epoch: epoch, wallClock: Int64.random(in: 0...2_000_000_000, using: &random))
    }

    private func begin(_ process: Process) { perform(process.elector.next(at: moment(process)), process) }

    /// Tells a process an event; a stopped one learns of it when it goes on.
    private func tell(_ event: LeaderElector.Event, to process: Process) {
        guard !process.isGone else { return }
        guard process.stoppedUntil <= now else {
            return schedule(in: process.stoppedUntil - now) { self.tell(event, to: process) }
        }
        process.wait = nil
        let action = process.elector.handle(event, at: moment(process))
        guard process.isReleasing else { return perform(action, process) }
        // The process makes one write to give the lease up, and ends.
        replace(process)
    }

    private func replace(_ process: Process) {
        process.isGone = true
        guard let index = processes.firstIndex(where: { $0 === process }) else { return }
        let new = start()
        processes[index] = new
        schedule(in: chance(0...5)) { self.begin(new) }
    }

    private func perform(_ action: LeaderElector.Action, _ process: Process) {
        switch action {
        case .wait(let until):
            if let lease = process.unread {
                process.unread = nil
                return tell(.seen(lease), to: process)
            }
            order += 1
            let wait = order
            process.wait = wait
            schedule(in: max(.zero, (process.epoch + now).duration(to: until))) {
                if process.wait == wait { self.tell(.waited, to: process) }
            }
        case .read, .create, .update: send(action, process)
        }
    }

    private func scheduleFault() {
        schedule(in: chance(1...20)) { [self] in
            defer { scheduleFault() }
            guard hasFaults, let process = processes.randomElement(using: &random) else { return }
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1: process.stoppedUntil = max(process.stoppedUntil, now + chance(0...40))
            case 2: replace(process)
            case 3: process.wallClock = Int64.random(in: 0...4_000_000_000, using: &random)
            default:
                guard let release = process.elector.release(at: moment(process)), process.wait != nil else {
                    return
                }
                process.isReleasing = true
                process.wait = nil
                send(release, process)
            }
        }
    }
}

// MARK: The server and the way to it

extension ElectionSimulation {
    private func delay() -> Duration { happens(0.2) ? chance(0...12) : chance(0...0.05) }

    private func send(_ action: LeaderElector.Action, _ process: Process) {
        let sentAt = process.epoch + now
        // The process gets one event for a request: its answer, or that there was none in time.
        var isOver = false
        func end(_ event: LeaderElector.Event) {
            guard !isOver else { return }
            isOver = true
            tell(event, to: process)
        }
        schedule(in: Self.requestTimeout) { end(.failed) }
        guard !happens(0.1) else { return }
        schedule(in: delay()) { [self] in
            let answer = carryOut(action, sentAt: sentAt)
            guard !happens(0.1) else { return }
            schedule(in: delay()) { end(answer) }
        }
    }

    private func carryOut(_ action: LeaderElector.Action, sentAt: ContinuousClock.Instant)
        -> LeaderElector.Event
    {
        switch action {
        case .wait, .read: return .seen(server.lease)
        case .create(let spec):
            guard server.lease == nil else { return .refused }
            return .written(write(Lease(metadata: ObjectMeta(name: "operator"), spec: spec)), sentAt: sentAt)
        case .update(let lease):
            guard server.lease?.metadata.resourceVersion == lease.metadata.resourceVersion else {
                return .refused
            }
            return .written(write(lease), sentAt: sentAt)
        }
    }

    private func write(_ lease: Lease) -> Lease {
        var lease = lease
        server.version += 1
        lease.metadata.resourceVersion = String(server.version)
        server.lease = lease
        for process in processes where !happens(0.3) {
            schedule(in: delay()) { self.notify(process, lease) }
        }
        return lease
    }

    /// Tells a waiting process of the lease, and leaves it for one that does not wait. A leader does not
    /// watch.
    private func notify(_ process: Process, _ lease: Lease) {
        guard !process.isGone, !process.isReleasing, !process.elector.leads(at: process.epoch + now) else {
            return
        }
        if process.wait != nil { tell(.seen(lease), to: process) } else { process.unread = .some(lease) }
    }
}
