import KubernetesAPI
import Testing

/// Objects that a real kube-apiserver 1.36 stored for the same requests.
@Suite struct RecordedDefaultsTests {
    static let container =
        #"{"image":"x","imagePullPolicy":"Always","name":"c","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}"#
    static let away =
        #"{"effect":"NoExecute","key":"node.kubernetes.io/not-ready","operator":"Exists","tolerationSeconds":300},"#
        + #"{"effect":"NoExecute","key":"node.kubernetes.io/unreachable","operator":"Exists","tolerationSeconds":300}"#

    @Test func `a pod gets the recorded defaults`() throws {
        let pod = try DrivenKind("pods").created(
            #"{"metadata":{"name":"p1"},"spec":{"containers":[{"name":"c","image":"x"}]}}"#)
        #expect(
            try pod["spec"]
                == JSONValue(
                    parsing: """
                        {"containers":[\(Self.container)],"dnsPolicy":"ClusterFirst","enableServiceLinks":true,
                        "preemptionPolicy":"PreemptLowerPriority","priority":0,"restartPolicy":"Always",
                        "schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30,
                        "tolerations":[\(Self.away)]}
                        """))
        #expect(pod["status"] == ["phase": "Pending", "qosClass": "BestEffort"])
    }

    @Test func `a native sidecar gets the recorded defaults`() throws {
        let pod = try DrivenKind("pods").created(
            #"""
            {"metadata":{"name":"side"},"spec":{"containers":[{"name":"c","image":"x"}],"restartPolicy":"Never",
            "initContainers":[{"name":"sync","image":"x","restartPolicy":"Always"}],
            "tolerations":[{"key":"nvidia.com/gpu","operator":"Exists","effect":"NoSchedule"}]}}
            """#)
        #expect(
            try pod["spec"]
                == JSONValue(
                    parsing: """
                        {"initContainers":[{"name":"sync","image":"x","resources":{},"restartPolicy":"Always",
                        "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File",
                        "imagePullPolicy":"Always"}],"containers":[\(Self.container)],"restartPolicy":"Never",
                        "terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},
                        "schedulerName":"default-scheduler","tolerations":[{"key":"nvidia.com/gpu",
                        "operator":"Exists","effect":"NoSchedule"},\(Self.away)],"priority":0,
                        "enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority"}
                        """))
    }

    @Test func `a Job gets the recorded defaults`() throws {
        let job = try DrivenKind("jobs", group: "batch").created(
            #"""
            {"metadata":{"name":"j1"},"spec":{"backoffLimit":1,"template":{"spec":{"restartPolicy":"Never",
            "containers":[{"name":"c","image":"x"}]}}}}
            """#)
        let labels =
            #"{"batch.kubernetes.io/controller-uid":"u1","batch.kubernetes.io/job-name":"j1","controller-uid":"u1","job-name":"j1"}"#
        #expect(
            try job["spec"]
                == JSONValue(
                    parsing: """
                        {"parallelism":1,"completions":1,"backoffLimit":1,"selector":{"matchLabels":
                        {"batch.kubernetes.io/controller-uid":"u1"}},"manualSelector":false,"template":{"metadata":
                        {"labels":\(labels)},"spec":{"containers":[\(Self.container)],"restartPolicy":"Never",
                        "terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},
                        "schedulerName":"default-scheduler"}},"completionMode":"NonIndexed","suspend":false,
                        "podReplacementPolicy":"TerminatingOrFailed"}
                        """))
        #expect(try job[path: ["metadata", "labels"]] == JSONValue(parsing: labels))
        #expect(job["status"] == [:])
    }

    @Test func `limits become requests`() throws {
        let pod = try DrivenKind("pods").created(
            #"{"spec":{"containers":[{"name":"c","image":"x","resources":{"limits":{"nvidia.com/gpu":3,"memory":"1024Mi"}}}]}}"#
        )
        #expect(
            pod[path: ["spec", "containers"]]?[0]?["resources"] == [
                "limits": ["nvidia.com/gpu": "3", "memory": "1Gi"],
                "requests": ["nvidia.com/gpu": "3", "memory": "1Gi"],
            ])
    }

    @Test func `a namespace gets the recorded defaults`() throws {
        let namespace = try DrivenKind("namespaces").created(#"{"metadata":{"name":"rec"}}"#)
        #expect(namespace[path: ["metadata", "labels"]] == ["kubernetes.io/metadata.name": "rec"])
        #expect(namespace["spec"] == ["finalizers": ["kubernetes"]])
        #expect(namespace["status"] == ["phase": "Active"])
    }

    @Test func `an event is one object under two names`() throws {
        let kind = try DrivenKind("events", group: "events.k8s.io")
        let event = try kind.decoded(
            #"""
            {"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"e.1","namespace":"rec"},
            "eventTime":"2026-11-20T10:00:00.000000Z","action":"Create","reason":"Started","note":"hello",
            "type":"Normal","reportingController":"anneal.dev/operator","reportingInstance":"x",
            "regarding":{"kind":"Widget","name":"w1","namespace":"rec","apiVersion":"example.dev/v1"}}
            """#)
        #expect(event["deprecatedSource"] == [:])
        #expect(event["deprecatedFirstTimestamp"] == JSONValue.null)
        #expect(event["deprecatedLastTimestamp"] == JSONValue.null)
        let stored = try #require(kind.definition.storedAs)
        let core = stored.toStored(event)
        #expect(
            try core
                == JSONValue(
                    parsing: #"""
                        {"kind":"Event","apiVersion":"v1","metadata":{"name":"e.1","namespace":"rec"},
                        "involvedObject":{"kind":"Widget","namespace":"rec","name":"w1","apiVersion":"example.dev/v1"},
                        "reason":"Started","message":"hello","source":{},"firstTimestamp":null,"lastTimestamp":null,
                        "type":"Normal","eventTime":"2026-11-20T10:00:00.000000Z","action":"Create",
                        "reportingComponent":"anneal.dev/operator","reportingInstance":"x"}
                        """#))
        #expect(stored.fromStored(core) == event)
        #expect(try kind.creationErrors(event.text).isEmpty)
    }

    @Test func `the status of a pod is completed`() throws {
        let pod = try DrivenKind("pods").decoded(
            #"""
            {"spec":{"containers":[{"name":"c","image":"x"}]},"status":{"conditions":[{"type":"Ready","status":"True"}],
            "containerStatuses":[{"name":"c","image":"y","imageID":"y","ready":true,"restartCount":0,
            "state":{"running":{"startedAt":"2026-11-20T10:00:00Z"}}}]}}
            """#)
        #expect(
            try pod["status"]
                == JSONValue(
                    parsing: #"""
                        {"conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":null}],
                        "containerStatuses":[{"name":"c","state":{"running":{"startedAt":"2026-11-20T10:00:00Z"}},
                        "lastState":{},"ready":true,"restartCount":0,"image":"y","imageID":"y"}]}
                        """#))
    }

    @Test func `string data of a secret becomes bytes`() throws {
        let secret = try DrivenKind("secrets").created(
            #"{"stringData":{"a":"hello","b":"ab","c":"abc","d":""}}"#)
        #expect(secret["data"] == ["a": "aGVsbG8=", "b": "YWI=", "c": "YWJj", "d": ""])
        #expect(secret["stringData"] == nil)
        #expect(secret["type"] == "Opaque")
    }
}
