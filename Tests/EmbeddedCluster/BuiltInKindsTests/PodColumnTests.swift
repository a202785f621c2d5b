import KubernetesAPI
import Testing

@Suite struct PodColumnTests {
    @Test(arguments: [
        (#"{"phase":"Pending"}"#, "Pending", "0/1", "0"),
        (#"{"phase":"Failed","reason":"Evicted"}"#, "Evicted", "0/1", "0"),
        (
            #"{"phase":"Running","containerStatuses":[{"name":"c","ready":true,"restartCount":2,"state":{"running":{}},"lastState":{"terminated":{"finishedAt":"2026-11-21T00:05:00Z"}}}]}"#,
            "Running", "1/1", "2 (5m ago)"
        ),
        (
            #"{"phase":"Running","containerStatuses":[{"name":"c","restartCount":1,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}"#,
            "CrashLoopBackOff", "0/1", "1"
        ),
        (
            #"{"phase":"Succeeded","containerStatuses":[{"name":"c","state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}"#,
            "Completed", "0/1", "0"
        ),
        (
            #"{"phase":"Failed","containerStatuses":[{"name":"c","state":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}"#,
            "OOMKilled", "0/1", "0"
        ),
        (
            #"{"phase":"Failed","containerStatuses":[{"name":"c","state":{"terminated":{"exitCode":75}}}]}"#,
            "ExitCode:75", "0/1", "0"
        ),
        (
            #"{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"waiting":{"reason":"PodInitializing"}}}]}"#,
            "Init:0/1", "0/1", "0"
        ),
        (
            #"{"phase":"Pending","initContainerStatuses":[{"name":"i","state":{"terminated":{"exitCode":1,"reason":"Error"}}}]}"#,
            "Init:Error", "0/1", "0"
        ),
        (
            #"{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]}"#,
            "SchedulingGated", "0/1", "0"
        ),
    ])
    func `a pod is summarized in its columns`(status: String, reason: String, ready: String, restarts: String)
        throws
    {
        let cells = try DrivenKind("pods").cells([
            "spec": ["initContainers": [["name": "i"]], "containers": [["name": "c"]]],
            "status": try JSONValue(parsing: status),
        ])
        #expect(cells["Status"] == reason)
        #expect(cells["Ready"] == ready)
        #expect(cells["Restarts"] == restarts)
        #expect(cells["Node"] == "<none>")
    }

    @Test func `sidecars count among the containers`() throws {
        let cells = try DrivenKind("pods").cells([
            "spec": [
                "initContainers": [["name": "s", "restartPolicy": "Always"]], "containers": [["name": "c"]],
            ],
            "status": [
                "phase": "Running",
                "initContainerStatuses": [
                    ["name": "s", "started": true, "ready": true, "state": ["running": [:]]]
                ],
                "containerStatuses": [["name": "c", "ready": true, "state": ["running": [:]]]],
            ],
        ])
        #expect(cells["Ready"] == "2/2")
        #expect(cells["Status"] == "Running")
    }

    @Test func `a dying pod is terminating until it has ended`() throws {
        let kind = try DrivenKind("pods")
        let metadata: JSONValue = ["deletionTimestamp": "2026-11-21T00:09:00Z"]
        #expect(
            try kind.cells(["metadata": metadata, "status": ["phase": "Running"]])["Status"] == "Terminating")
        #expect(try kind.cells(["metadata": metadata, "status": ["phase": "Failed"]])["Status"] == "Failed")
    }
}
