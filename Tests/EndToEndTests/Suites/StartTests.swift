import AnnealAPI
import Foundation
import KubernetesAPI
import Testing

extension EndToEnd {
    /// Pods that a node took and that do not start: only the kubelet's events say why.
    @Suite(.needs(.fixturePods), .cluster("starts"), .timeLimit(.minutes(6))) struct Starts {
        @Test
        func
            `a volume that cannot be mounted is told in the kubelet's words, and the run goes on once it can`()
            async throws
        {
            let team = try await Team.make("mounts")
            var run = FixtureRun("mounts", of: team)
            run.transform = ["sleep", "5"]
            try await team.apply(run.manifest)
            let volume = try await eventually("the run's volume") {
                let name = try await team.kubectl(
                    "get", "pvc/mounts-workspace", "-o", "jsonpath={.spec.volumeName}")
                return name.isEmpty ? nil : name
            }
            try await suspend(true, "mounts", team)
            try await team.wait("mounts", for: "jsonpath={.status.phase}=Suspended")
            _ = try await eventually("the end of the pod that uses it") {
                try await team.names(of: "pods").contains { $0.contains("-preprocess-") } ? nil : true
            }
            let folder = try await team.kubectl(
                "get", "pv/\(volume)", "-o", "jsonpath={.spec.hostPath.path}")
            let files = FileManager.default
            try files.moveItem(atPath: folder, toPath: "\(folder).away")
            try Data().write(to: URL(fileURLWithPath: folder))

            try await suspend(false, "mounts", team)
            try await team.wait("mounts", for: "jsonpath={.status.reason}=FailedMount", within: 60)
            let status = try #require(try await team.trainingJob("mounts").status)
            #expect(status.phase == .preprocessing)
            let words = "MountVolume.SetUp failed for volume \"\(volume)\" : hostPath type check failed"
            #expect(status.message?.contains(words) == true, "\(status.message ?? "")")
            try await Task.sleep(for: .seconds(25))
            #expect(try await team.trainingJob("mounts").status?.message == status.message)

            try files.removeItem(atPath: folder)
            try files.moveItem(atPath: "\(folder).away", toPath: folder)
            let job = try await team.finished("mounts")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
            #expect(job.status?.avoidedNodes == nil)
        }

        @Test func `a volume that is lost is made anew and filled again`() async throws {
            let team = try await Team.make("losses")
            var run = FixtureRun("losses", of: team)
            // More than all nodes have: the run waits with its volume filled.
            run.gpus = 8
            try await team.apply(run.manifest)
            try await team.wait("losses", for: "jsonpath={.status.reason}=WaitingForCapacity")
            let volume = try await team.kubectl(
                "get", "pvc/losses-workspace", "-o", "jsonpath={.spec.volumeName}")
            try await team.kubectl("delete", "pv/\(volume)", "--wait=false")
            // A control plane keeps a volume that is in use; whoever removes a node removes that, too.
            _ = try await team.run([
                "patch", "pv/\(volume)", "--type=merge", "-p", #"{"metadata":{"finalizers":null}}"#,
            ])
            try await team.wait("losses", for: "jsonpath={.status.workspaceGeneration}=2")
            _ = try await eventually("the run in the queue again") {
                let status = try await team.trainingJob("losses").status
                return status?.reason == "WaitingForCapacity" && status?.phase == .queued ? true : nil
            }
            #expect(try await team.names(of: "pvc").contains("persistentvolumeclaim/losses-workspace-2"))
            // What is left of the first goes with the pods that used it.
            let former = try await team.run(["get", "pvc/losses-workspace", "-o", "json"])
            #expect(!former.succeeded || former.text.contains("deletionTimestamp"))
        }

        @Test func `a pod with a volume of its own fills it, and goes on from S3 on another`() async throws {
            let team = try await Team.make("own-volumes")
            var run = FixtureRun("own", of: team, parameters: ["stepSeconds": "0.1"])
            run.steps = 40
            run.hasOwnVolume = true
            try await team.apply(run.manifest)
            try await team.wait("own", for: "condition=CheckpointVerified")
            #expect(
                try await team.names(of: "pvc") == ["persistentvolumeclaim/own-train-1-0-workspace"])
            try await team.kubectl("delete", "pod/own-train-1-0", "--wait=false")
            let job = try await team.finished("own")
            #expect(job.status?.phase == .completed, "\(job.status?.message ?? "")")
            #expect(job.status?.trainingAttempts == 2)
            let output = try #require(job.status?.output)
            let model = try FixtureModel(try await team.servers.store.committed(at: output.storageUri))
            #expect(model.history.map(\.step) == Array(0..<40))
            #expect(Set(model.history.map(\.attempt)) == [1, 2], "the second went on where the first was")
            _ = try await eventually("the end of the volume") {
                try await team.names(of: "pvc").isEmpty ? true : nil
            }
        }

        private func suspend(_ isSuspended: Bool, _ name: String, _ team: Team) async throws {
            let change: JSONValue = ["spec": ["runPolicy": ["suspend": .bool(isSuspended)]]]
            try await team.kubectl("patch", "trainingjob", name, "--type=merge", "-p", change.text)
        }
    }
}
