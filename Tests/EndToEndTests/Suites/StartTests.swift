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
            #expect(
                try await team.names(of: "pvc") == ["persistentvolumeclaim/losses-workspace-2"],
                "what is left of the first goes")
        }

        private func suspend(_ isSuspended: Bool, _ name: String, _ team: Team) async throws {
            let change: JSONValue = ["spec": ["runPolicy": ["suspend": .bool(isSuspended)]]]
            try await team.kubectl("patch", "trainingjob", name, "--type=merge", "-p", change.text)
        }
    }
}
