import AnnealAPI
import FoundationEssentials
import KubernetesAPI
import KubernetesClient
import Logging
import ObjectStorage

/// `anneal-agent sync`: three loops that look once a second at the trainer, at the store and at the Lease. A
/// server that is down does not end them; SIGTERM does, after a last upload and a last write of the Lease.
struct SyncCommand {
    /// Time between two looks.
    private static let interval = Duration.seconds(1)
    /// Time for uploads and the Lease after SIGTERM while their servers do not answer. An upload that
    /// advances goes on beyond it.
    private static let lastPatience = Duration.seconds(20)
    /// Time after which a failing request is reported as a problem, and begun anew.
    private static let patience = Duration.seconds(30)

    private let configuration: SyncConfiguration
    private let context: CommandContext
    private let leases: (any LeaseClient)?
    private let state = SyncState()

    /// - Parameter leases: nil for those of the cluster that this pod is in.
    init(configuration: SyncConfiguration, context: CommandContext, leases: (any LeaseClient)? = nil) {
        self.configuration = configuration
        self.context = context
        self.leases = leases
    }

    /// Runs until `signals` yields, and then until the last upload and write are done.
    ///
    /// - Throws: only for a configuration that cannot be used.
    func run(until signals: AsyncStream<Int32>) async throws {
        let uploader = try uploader()
        let heartbeat = heartbeat()
        context.logger.info(
            "watching '\(configuration.checkpointDirectory)'",
            metadata: ["run": "\(configuration.run.name)", "attempt": "\(configuration.run.attempt)"])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await observe() }
            group.addTask { await upload(uploader) }
            group.addTask { await beat(heartbeat) }
            for await _ in signals { break }
            context.logger.info("stopping: what is finished is uploaded first")
            state.update { $0.isStopping = true }
            await group.waitForAll()
        }
    }

    private func uploader() throws -> CheckpointUploader {
        let state = state
        var patient = context
        patient.retry.budget = { state.isStopping ? Self.lastPatience : Self.patience }
        patient.retry.cap = .seconds(3)
        let root = try S3Location(ArtifactLayout.checkpoints(root: configuration.artifactRoot))
        let client = try patient.client(configuration.storage, of: configuration.run)
        let store = CheckpointStore(
            synchroniser: patient.synchroniser(client), root: root, run: configuration.run.uid,
            newestAttempt: configuration.run.attempt, logger: context.logger)
        return CheckpointUploader(
            store: store, configuration: configuration, state: state, now: context.now, logger: context.logger
        )
    }

    private func heartbeat() -> LeaseHeartbeat {
        let context = context
        let cluster = ClusterLeases { () throws(KubernetesError) in
            KubernetesClient(
                configuration: try .inCluster(environment: context.environment), transport: context.transport,
                userAgent: "anneal-agent", requestTimeout: .seconds(10), logger: context.logger)
        }
        return LeaseHeartbeat(
            leases: leases ?? cluster, configuration: configuration,
            holder: context.value("HOSTNAME") ?? "unknown",
            state: state, logger: context.logger)
    }

    /// Waits for the next look; false if the sidecar is to stop.
    private func pause() async -> Bool {
        guard !state.isStopping else { return false }
        do { try await context.retryEnvironment.sleep(Self.interval) } catch { return false }
        return true
    }

    private func observe() async {
        var observer = TrainerObserver(
            metricsFile: configuration.metricsFile,
            checkpoints: LocalCheckpoints(directory: configuration.checkpointDirectory))
        repeat { observer.look(state, now: context.now()) } while await pause()
        observer.look(state, now: context.now())
    }

    private func upload(_ uploader: CheckpointUploader) async {
        var uploader = uploader
        var problem = RepeatedProblem()
        repeat { await round(&uploader, &problem) } while await pause()
        // The trainer may have finished a last checkpoint after the last look.
        let start = context.retryEnvironment.now()
        while await round(&uploader, &problem) == .later,
            context.retryEnvironment.now() - start < Self.lastPatience
        {
            guard (try? await context.retryEnvironment.sleep(Self.interval)) != nil else { break }
        }
        let isSaved = uploader.hasCommittedAll && !hasModel
        state.update {
            $0.isFlushed = true
            $0.isSaved = isSaved
        }
    }

    /// Whether the trainer left files where the final model belongs; true where that can't be told.
    private var hasModel: Bool {
        let folder = configuration.outputDirectory
        guard (try? FileTree.kind(folder)) != .missing else { return false }
        let contents = try? FolderContents(of: folder)
        return contents.map { !$0.files.isEmpty || $0.refusal != nil } ?? true
    }

    /// End of an attempt: all is done, another attempt may help, or none can.
    private enum Outcome { case done, later, never }

    @discardableResult
    private func round(
        _ uploader: inout CheckpointUploader, _ problem: inout RepeatedProblem
    ) async -> Outcome {
        do throws(S3Error) {
            try await uploader.round()
            problem.clear("checkpoints can be uploaded again", to: context.logger)
            return .done
        } catch {
            let text = "checkpoints cannot be uploaded: \(error.reason): \(error.message)"
            problem.report(text, to: context.logger)
            state.update { $0.uploadProblem = text }
            return error.isRetryable ? .later : .never
        }
    }

    private func beat(_ heartbeat: LeaseHeartbeat) async {
        var heartbeat = heartbeat
        var problem = RepeatedProblem()
        let clock = context.retryEnvironment.now
        let gap = Duration.seconds(max(1, configuration.heartbeatSeconds))
        var last: Duration?
        while !state.isFlushed {
            if last.map({ clock() - $0 >= gap }) ?? true {
                last = clock()
                await beatOnce(&heartbeat, &problem)
            }
            guard (try? await context.retryEnvironment.sleep(Self.interval)) != nil else { break }
        }
        let start = clock()
        while await beatOnce(&heartbeat, &problem) == .later, clock() - start < Self.lastPatience {
            guard (try? await context.retryEnvironment.sleep(Self.interval)) != nil else { break }
        }
    }

    @discardableResult
    private func beatOnce(_ heartbeat: inout LeaseHeartbeat, _ problem: inout RepeatedProblem) async
        -> Outcome
    {
        do throws(KubernetesError) {
            try await heartbeat.beat(now: context.now())
            problem.clear("the Lease can be renewed again", to: context.logger)
            return .done
        } catch {
            problem.report("the Lease cannot be renewed: \(error)", to: context.logger)
            return error.isRetryable || error.isConflict ? .later : .never
        }
    }
}
