import AnnealAPI
import ModelRegistry

/// `anneal-agent register`
struct RegisterCommand {
    let configuration: RegisterConfiguration
    let context: CommandContext

    func run() async throws -> StageReport {
        let registration = configuration.registration
        let client = try MLflowClient(
            address: registration.trackingUri, source: try credentials(), transport: context.transport)
        let registrar = ModelRegistrar(
            client: client, now: context.now, sleep: context.retryEnvironment.sleep, logger: context.logger)
        let registered = try await registrar.register(model)
        var report = StageReport(
            reason: StageReport.succeeded,
            message:
                "version \(registered.version) of \(registration.modelName) at \(registration.trackingUri), "
                + "alias \(configuration.alias)")
        report.registeredModel = RegisteredModel(
            name: registration.modelName, version: registered.version, runId: registered.runID,
            alias: configuration.alias)
        return report
    }

    private var model: ModelRegistration {
        let run = configuration.run
        var model = ModelRegistration(
            experiment: configuration.registration.experiment ?? run.namespace,
            modelName: configuration.registration.modelName, runUID: run.uid,
            runName: "\(run.namespace)/\(run.name)", source: configuration.model.storageUri,
            alias: configuration.alias)
        model.params = configuration.params
        model.metrics = configuration.metrics
        var tags = configuration.registration.tags ?? [:]
        // Anneal's lineage wins over a user's tag of the same name.
        tags.merge(configuration.lineage) { _, lineage in lineage }
        tags["anneal.dev/run"] = "\(run.namespace)/\(run.name)"
        tags["anneal.dev/model-sha256"] = configuration.model.manifestSha256
        model.runTags = tags
        model.versionTags = tags
        if let commit = configuration.registration.codeCommit {
            model.runTags["mlflow.source.git.commit"] = commit
        }
        return model
    }

    private func credentials() throws(AgentFailure) -> any RegistryCredentialSource {
        if let name = configuration.registration.credentialsSecretName,
            let folder = context.value(EnvironmentName.registrationSecret)
        {
            return RegistrySecret(folder: folder, namespace: configuration.run.namespace, name: name)
        }
        return try environmentCredentials()
    }

    private func environmentCredentials() throws(AgentFailure) -> RegistryCredentials {
        if let token = context.value(EnvironmentName.registryToken) { return .bearer(token) }
        let username = context.value(EnvironmentName.registryUsername)
        let password = context.value(EnvironmentName.registryPassword)
        switch (username, password) {
        case (nil, nil): return .none
        case (let username?, let password?): return .basic(username: username, password: password)
        case (nil, _?), (_?, nil):
            throw AgentFailure(
                reason: "RegistryUnauthorized",
                message:
                    "only one of MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD is set; the Secret that "
                    + "registration.credentialsSecretName names needs both username and password, or token")
        }
    }
}
