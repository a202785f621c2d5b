import Collections
import Dispatch
import FoundationEssentials
import HTTPTransport
import Synchronization

/// Threads for work that may take long, such as a round over all runs that wait.
///
/// The pool that all other tasks share has a thread a core. Whatever computes there holds up those who only
/// have a word to say: the lease's renewal, a probe's answer, the end at a shutdown. Work that runs here holds
/// up other work at most.
final class WorkThreads: TaskExecutor {
    /// Those of the process. Nil if it can have no more threads: work shares the pool then.
    static let shared = WorkThreads(
        // Two at least: one long round leaves the other to all the short ones.
        count: min(max(ProcessInfo.processInfo.activeProcessorCount, 2), 4))

    private let jobs = Mutex<Deque<UnownedJob>>([])
    /// As many as there are jobs.
    private let waiting = DispatchSemaphore(value: 0)

    private init?(count: Int) {
        var started = 0
        for _ in 0..<count where startThread(named: "anneal-work", { self.work() }) { started += 1 }
        guard started > 0 else { return nil }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        waiting.signal()
    }

    /// Runs what comes, for good.
    private func work() {
        while true {
            waiting.wait()
            guard let job = jobs.withLock({ $0.popFirst() }) else { continue }
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
