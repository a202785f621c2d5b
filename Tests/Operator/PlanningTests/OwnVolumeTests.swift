import AnnealAPI
import KubernetesAPI
import Planning
import Testing

/// Workspaces that are local to a node: the training pod has a volume of its own, and fills it.
@Suite("A volume of the training pod's own")
struct OwnVolumeTests {
    private static func world() -> World {
        World(
            Samples.trainingJob {
                $0.workspace = Workspace()
                $0.workspace?.ephemeral = true
                $0.workspace?.size = "50Gi"
                $0.workspace?.storageClassName = "local-nvme"
            })
    }

    private static func configuration(_ object: [String: String]?, _ annotation: String) throws
        -> PrepareConfiguration
    {
        let text = try #require(object?[annotation])
        return try JSONValue(parsing: text).decoded(as: PrepareConfiguration.self)
    }

    @Test func `it is asked for by the pod, which fills it first, and no CPU stage before it mounts any`()
        throws
    {
        var world = Self.world()
        world.run { $0.state.pods["demo-train-1-0"] != nil }
        #expect(world.created.allSatisfy { $0.type != PersistentVolumeClaim.resourceType })
        #expect(!world.hasCreated("demo-prepare-1"), "there is nothing to prepare before")
        let pod = try #require(world.state.pods["demo-train-1-0"])
        let template = pod.spec?.volumes?.first { $0.name == "workspace" }?.ephemeral?.volumeClaimTemplate
        #expect(template?.spec.storageClassName == "local-nvme")
        #expect(template?.spec.resources?.requests?["storage"] == Quantity("50Gi"))
        #expect(template?.metadata?.labels?[Anneal.Label.runUID] == world.state.job?.metadata.uid)
        #expect(pod.spec?.initContainers?.map(\.name) == ["prepare", "sync"])
        #expect(pod.spec?.initContainers?.map(\.restartPolicy) == [nil, "Always"])
        let prepare = try Self.configuration(pod.metadata.annotations, ConfigurationAnnotation.preparation)
        #expect(prepare.downloads.map(\.destination) == ["/workspace/data/", "/workspace/model/"])
        #expect(prepare.checkpointsUri == nil)
        for job in world.state.jobs.values {
            let volumes = job.spec?.template.spec?.volumes ?? []
            #expect(volumes.allSatisfy { $0.persistentVolumeClaim == nil }, "\(job.name)")
        }
        world.run(until: .uploading)
        world.run { $0.state.jobs["demo-upload-1"] != nil }
        let upload = world.state.jobs["demo-upload-1"]?.spec?.template.spec
        #expect(
            upload?.volumes?.contains { $0.persistentVolumeClaim?.claimName == "demo-train-1-0-workspace" }
                == true)
        #expect(upload?.tolerations?.contains { $0.key == "nvidia.com/gpu" } == true)
        #expect(world.state.pods["demo-train-1-0"] != nil, "the volume goes with its pod")
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.violations == [])
    }

    @Test func `another attempt finds its checkpoint before it queues, and downloads it in the pod`() throws {
        var world = Self.world()
        world.trainingPasses = 8
        world.run { $0.status?.checkpoint != nil }
        world.terminate("demo-train-1-0")
        // The first preparation was left to the pod.
        world.run { $0.state.jobs["demo-prepare-2"] != nil }
        let template = world.state.jobs["demo-prepare-2"]?.spec?.template
        let finding = try Self.configuration(template?.metadata?.annotations, ConfigurationAnnotation.agent)
        #expect(finding.downloads == [])
        #expect(finding.checkpointsUri != nil)
        #expect(finding.left == nil)
        world.run { $0.state.pods["demo-train-2-0"] != nil }
        let pod = world.state.pods["demo-train-2-0"]
        let prepare = try Self.configuration(pod?.metadata.annotations, ConfigurationAnnotation.preparation)
        #expect(prepare.checkpointsUri == finding.checkpointsUri)
        #expect(prepare.resumeDirectory == WorkspacePath.resume)
        #expect(pod?.spec?.containers.first?.env?.contains { $0.name == EnvironmentName.resumeFrom } == true)
        world.run(until: .completed)
        #expect(world.phase == .completed)
        #expect(world.violations == [])
    }

    @Test func `a pod that does not fill it in time gives its GPUs back, as a counted failure`() {
        var world = Self.world()
        world.nextFate = { $0.name == "demo-train-1-0" ? .stuck : .success }
        world.run { $0.state.pods["demo-train-1-0"]?.status?.startTime != nil }
        world.state.pods["demo-train-1-0"]?.status?.initContainerStatuses = [
            ContainerStatus(
                name: "prepare", state: ContainerState(running: ContainerStateRunning(startedAt: world.now)))
        ]
        world.pass()
        world.tick(seconds: 7100)
        world.pass()
        #expect(world.phase == .training)
        world.tick(seconds: 200)
        world.pass()
        #expect(world.phase == .preparing)
        #expect(world.status?.countedFailures == 1)
        #expect(world.status?.message?.contains("7200 seconds") == true)
        world.run(until: .completed)
        #expect(world.phase == .completed)
    }

    @Test func `a run that fails with the only copy on it keeps the pod, and otherwise not`() {
        for isSaved in [true, false] {
            var world = Self.world()
            world.commitsCheckpoints = isSaved
            world.nextFate = { $0.isTrainer ? .outOfMemory : .success }
            world.run(until: .failed)
            for _ in 0..<8 {
                world.tick()
                world.pass()
            }
            #expect(world.status?.holdsOnlyCopy == !isSaved)
            #expect((world.state.pods["demo-train-1-0"] == nil) == isSaved)
        }
    }
}
