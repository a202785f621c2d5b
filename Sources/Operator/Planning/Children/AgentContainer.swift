import AnnealAPI
import KubernetesAPI

/// Containers that run `anneal-agent`: the only ones that get Secrets (`AgentSecret`) and the pod's identity.
enum AgentContainer {
    static func make(
        name: String, command: String, configurationVolume: String, resources: NodeResources,
        settings: PlannerSettings
    ) -> Container {
        var container = Container(name: name, image: settings.agentImage)
        container.imagePullPolicy = settings.imagePullPolicy
        container.command = settings.agentCommand
        container.args = [command]
        container.env = [
            EnvVar(name: EnvironmentName.configuration, value: WorkspacePath.agentConfiguration),
            EnvVar(name: EnvironmentName.result, value: WorkspacePath.result),
            EnvVar(name: "HOME", value: "/tmp"),
        ]
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
