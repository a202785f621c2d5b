import AnnealAPI
import Foundation
import KubernetesAPI
import ObjectStorage
import Synchronization
import TestSupport
import Testing

@testable import Agent

/// Agents with the Secrets of a run as files.
@Suite(.enabled(if: MotoServer.executable != nil, MotoServer.isMissing))
struct SecretTests {
    private let fixture: AgentFixture
    private let secret: SecretFolder
    private var connection: StorageConnection

    init() async throws {
        fixture = try await AgentFixture()
        secret = try SecretFolder(["accessKeyId": "key", "secretAccessKey": "secret"])
        connection = fixture.connection
        connection.credentialsSecretName = "s3"
        try await fixture.put("{}", "base/config.json")
        try await fixture.put("{\"text\": \"a\"}\n", "d.jsonl")
    }

    private func context(_ variables: [String: String] = [:]) -> CommandContext {
        var context = fixture.context
        context.environment = ["ANNEAL_STORAGE_SECRET": secret.path, "HOSTNAME": "pod-0"].merging(variables) {
            $1
        }
        return context
    }

    private func allow(_ hosts: String = "127.0.0.1") throws {
        try secret.rotate(["accessKeyId": "key", "secretAccessKey": "secret", "allowedHosts": hosts])
    }

    private func validate(
        _ context: CommandContext, registration: Registration? = nil, programs: [NamedSecret]? = nil
    ) async -> AgentFailure? {
        do {
            _ = try await ValidateCommand(
                configuration: ValidateConfiguration(
                    run: fixture.identity, storage: connection,
                    model: StoredInput(storageUri: "s3://\(fixture.storage.bucket)/base"),
                    dataset: fixture.dataset("d.jsonl"), registration: registration, programSecrets: programs),
                context: context
            ).run()
            return nil
        } catch { return AgentFailure(error) }
    }

    @Test func `validation refuses a Secret for S3 that does not list the host`() async throws {
        let failure = try #require(await validate(context()))
        #expect(failure.reason == "SecretNotAllowed" && !failure.isRetryable)
        #expect(failure.message.hasPrefix("storage.credentialsSecretName: Secret 's3'"))
        try allow()
        #expect(await validate(context()) == nil)
    }

    @Test func `keys of the environment are no way around the Secret`() async throws {
        let failure = await validate(
            context(["AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"]))
        #expect(failure?.reason == "SecretNotAllowed")
    }

    @Test func `validation refuses a registry's Secret that does not list the host, before training`()
        async throws
    {
        try allow()
        let folder = try SecretFolder(["allowedHosts": "mlflow.ml"])
        let context = context(["ANNEAL_REGISTRATION_SECRET": folder.path])
        var registration = Registration(modelName: "m", trackingUri: "http://mlflow.ml:5000")
        registration.credentialsSecretName = "mlflow"
        #expect(await validate(context, registration: registration) == nil)
        registration.trackingUri = "http://evil.example"
        let failure = await validate(context, registration: registration)
        #expect(failure?.reason == "SecretNotAllowed" && failure?.isRetryable == false)
        #expect(failure?.message.contains("'evil.example', the host of registration.trackingUri") == true)
    }

    @Test func `validation and preparation refuse a Secret of programs that does not say so`() async throws {
        try allow()
        let folder = try SecretFolder()
        let named = [NamedSecret(name: "hub", field: "spec.trainer.env[0].valueFrom.secretKeyRef.name")]
        let context = context(["ANNEAL_PROGRAM_SECRETS": folder.path])
        let prepare = PrepareCommand(
            configuration: PrepareConfiguration(
                run: fixture.identity, storage: connection, downloads: [], programSecrets: named),
            context: context)
        let missing = try #require(await validate(context, programs: named))
        #expect(missing.reason == "SecretNotAllowed" && missing.isRetryable, "it may come yet")
        #expect(missing.message.hasPrefix("spec.trainer.env[0].valueFrom.secretKeyRef.name: Secret 'hub'"))
        #expect(missing.message.contains("kubectl -n team patch secret hub"))
        await #expect(throws: AgentFailure.self) { try await prepare.run() }
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/hub", withIntermediateDirectories: true)
        let key = URL(filePath: "\(folder.path)/hub/allowedInPrograms")
        try Data("no".utf8).write(to: key)
        #expect(await validate(context, programs: named)?.isRetryable == false)
        try Data("true".utf8).write(to: key)
        #expect(await validate(context, programs: named) == nil)
        _ = try await prepare.run()
    }

    @Test(.timeLimit(.minutes(1)))
    func `a sidecar says why it cannot upload, and catches up once the Secret is right`() async throws {
        let checkpoints = fixture.storage.path("checkpoints")
        _ = try fixture.storage.write("checkpoints/step-5/model.bin", Data("five".utf8))
        let configuration = SyncConfiguration(
            run: fixture.identity, storage: connection, artifactRoot: fixture.root,
            checkpointDirectory: checkpoints, metricsFile: fixture.storage.path("metrics.jsonl"),
            outputDirectory: fixture.storage.path("output"), keepLast: 3, keepBest: 1, leaseName: "demo-1",
            heartbeatSeconds: 1)
        let leases = FakeLeases(Lease(metadata: ObjectMeta(name: "demo-1", namespace: "team")))
        var context = context()
        context.retryEnvironment = .live
        context.retryEnvironment.sleep = { _ in try await Task.sleep(for: .milliseconds(20)) }
        let command = SyncCommand(configuration: configuration, context: context, leases: leases)
        let (signals, stop) = AsyncStream<Int32>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await command.run(until: signals) }
            while leases.annotations[HeartbeatAnnotation.problem]?.contains("SecretNotAllowed") != true {
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(leases.annotations[HeartbeatAnnotation.checkpoint] == nil)
            try allow()
            while leases.annotations[HeartbeatAnnotation.checkpoint] == nil {
                try await Task.sleep(for: .milliseconds(20))
            }
            while leases.annotations[HeartbeatAnnotation.problem] != nil {
                try await Task.sleep(for: .milliseconds(20))
            }
            stop.yield(SIGTERM)
            try await group.waitForAll()
        }
        #expect(leases.annotations[HeartbeatAnnotation.flushed] == "true")
    }
}
