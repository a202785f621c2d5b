import AnnealAPI
import KubernetesAPI

/// Containers that run `anneal-agent`: the only ones that see credentials.
enum AgentContainer {
    static func make(
        name: String, command: String, configurationVolume: String, storage: StorageConnection?,
        resources: NodeResources, settings: PlannerSettings
    ) -> Container {
        var container = Container(name: name, image: settings.agentImage)
        container.imagePullPolicy = settings.imagePullPolicy
        container.command = settings.agentCommand
        container.args = [command]
        container.env =
            [
                EnvVar(name: EnvironmentName.configuration, value: WorkspacePath.agentConfiguration),
                EnvVar(name: EnvironmentName.result, value: WorkspacePath.result),
                EnvVar(name: "HOME", value: "/tmp"),
            ] + storageCredentials(storage?.credentialsSecretName)
        container.volumeMounts = [
            PodVolumes.workspaceMount, PodVolumes.configurationMount(configurationVolume),
            PodVolumes.temporaryMount,
        ]
        container.resources = ContainerResources.requirements(resources)
        container.securityContext = PodSecurity.container
        container.terminationMessagePath = WorkspacePath.result
        container.terminationMessagePolicy = "FallbackToLogsOnError"
        return container
    }

    private static func storageCredentials(_ secret: String?) -> [EnvVar] {
        guard let secret else { return [] }
        return [
            variable(EnvironmentName.accessKey, secret, "accessKeyId"),
            variable(EnvironmentName.secretKey, secret, "secretAccessKey"),
            variable(EnvironmentName.sessionToken, secret, "sessionToken", optional: true),
        ]
    }

    /// MLflow's credentials: a name and a password, or a token.
    static func registryCredentials(_ secret: String?) -> [EnvVar] {
        guard let secret else { return [] }
        return [
            variable(EnvironmentName.registryUsername, secret, "username", optional: true),
            variable(EnvironmentName.registryPassword, secret, "password", optional: true),
            variable(EnvironmentName.registryToken, secret, "token", optional: true),
        ]
    }

    private static func variable(
        _ name: String, _ secret: String, _ key: String, optional: Bool? = nil
    ) -> EnvVar {
        EnvVar(
            name: name,
            valueFrom: EnvVarSource(secretKeyRef: KeySelector(name: secret, key: key, optional: optional)))
    }
}

/// A node's resources as a container asks for them: requests equal limits.
enum ContainerResources {
    static let defaultGPU = "nvidia.com/gpu"

    static func amounts(
        _ resources: NodeResources?, gpus: Int = 0, gpuResource: String = defaultGPU
    ) -> [String: Quantity] {
        var amounts: [String: Quantity] = [:]
        amounts["cpu"] = resources?.cpu?.quantity
        amounts["memory"] = resources?.memory?.quantity
        amounts["ephemeral-storage"] = resources?.ephemeralStorage?.quantity
        if gpus > 0 { amounts[gpuResource] = Quantity(Int64(gpus)) }
        return amounts
    }

    static func requirements(
        _ resources: NodeResources?, gpus: Int = 0, gpuResource: String = defaultGPU
    ) -> ResourceRequirements {
        let amounts = amounts(resources, gpus: gpus, gpuResource: gpuResource)
        return ResourceRequirements(requests: amounts, limits: amounts)
    }
}
