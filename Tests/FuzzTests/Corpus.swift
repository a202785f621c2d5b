/// Valid inputs that the mutations begin with.
enum Corpus {
    static let sha = String(repeating: "ab", count: 32)

    static let metadata = """
        "metadata":{"name":"demo","namespace":"team","uid":"0f8fad5b-d9cb-469f-a165-70867728950e","generation":3,\
        "resourceVersion":"4711","creationTimestamp":"2026-11-21T04:00:00Z","labels":{"anneal.dev/stage":"train",\
        "anneal.dev/attempt":"1","anneal.dev/node-rank":"0"},"finalizers":["anneal.dev/settle"],\
        "annotations":{"anneal.dev/attempt":"1"},"ownerReferences":[{"apiVersion":"anneal.dev/v1alpha1",\
        "kind":"TrainingJob","name":"demo","uid":"0f8fad5b-d9cb-469f-a165-70867728950e","controller":true}]}
        """

    static let evaluation = """
        "evaluation":{"evaluator":{"image":"evaluate:1","resources":{"gpus":1,"cpu":"1","memory":"1Gi"}},\
        "suites":[{"name":"quality","type":"perplexity","data":{"storageUri":"s3://data/eval.jsonl"}}],\
        "thresholds":[{"metric":"quality/perplexity","max":20.5}]}
        """

    static func trainingJob(status: String) -> String {
        """
        {"apiVersion":"anneal.dev/v1alpha1","kind":"TrainingJob",\(metadata),"spec":{"method":"lora",\
        "model":{"storageUri":"s3://models/base/","version":"1"},"dataset":{"storageUri":"s3://data/train.jsonl",\
        "format":"promptCompletion","sha256":"\(sha)"},"preprocessing":{"deduplication":"near"},\
        "hyperparameters":{"maxSteps":100,"learningRate":0.0001,"seed":7,"parameters":{"a":"b"}},\
        "trainer":{"image":"sft:1","numNodes":2,"resourcesPerNode":{"gpus":4,"cpu":"2","memory":"4Gi",\
        "ephemeralStorage":"10Gi"},"shmSize":"1Gi","terminationGracePeriodSeconds":60,"env":[{"name":"A",\
        "value":"b"}]},"checkpoint":{"everySteps":10,"keepLast":3,"keepBest":1},"workspace":{"size":"100Gi",\
        "accessMode":"ReadWriteMany"},"storage":{"endpoint":"http://s3:9000","pathStyle":true,\
        "credentialsSecretName":"s3"},"artifacts":{"storageUri":"s3://artifacts/runs"},\(evaluation),\
        "registration":{"modelName":"assistant","trackingUri":"http://mlflow:5000","tags":{"a":"b"}},\
        "placement":{"pool":"production","capacity":"spot"},"runPolicy":{"activeDeadlineSeconds":86400,\
        "backoffLimit":3,"ttlSecondsAfterFinished":600,"heartbeatTimeoutSeconds":300,"suspend":false},\
        "idempotencyKey":"k"},"status":\(status)}
        """
    }

    static let trainingJobs = [
        trainingJob(status: "null"),
        trainingJob(status: #"{"phase":"Pending"}"#),
        trainingJob(
            status: """
                {"phase":"Training","observedGeneration":3,"startTime":"2026-11-21T04:00:00Z","trainingAttempts":2,\
                "countedFailures":1,"gpuSeconds":1200,"gpusHeldSince":"2026-11-21T04:20:00Z","trainedSeconds":300,\
                "fruitlessInterruptions":1,"current":{"stage":"Training","attempt":2,\
                "startedAt":"2026-11-21T04:20:00Z","launchedAt":"2026-11-21T04:20:02Z","failures":1,\
                "interruptions":2},"stages":[{"name":"Validating","attempts":1,"startedAt":"2026-11-21T04:00:00Z",\
                "finishedAt":"2026-11-21T04:00:09Z"},{"name":"Training","attempts":2,\
                "startedAt":"2026-11-21T04:05:00Z","lastFailure":"ExitCode1: it broke"}],"progress":{"step":40,\
                "totalSteps":100,"epoch":0.4,"loss":1.25,"evalLoss":1.5,"learningRate":0.0001,\
                "tokensPerSecond":900.5},"checkpoint":{"step":40,"attempt":1,\
                "storageUri":"s3://artifacts/runs/0f8fad5b-d9cb-469f-a165-70867728950e/checkpoints/attempt-0001/step-40",\
                "manifestSha256":"\(sha)"},"dataset":{"sha256":"\(sha)","records":100},"conditions":[{"type":"Admitted",\
                "status":"True","reason":"Admitted","message":"room","lastTransitionTime":"2026-11-21T04:20:00Z",\
                "observedGeneration":3}]}
                """),
        trainingJob(
            status: """
                {"phase":"Suspended","suspendedFrom":"Training","suspendedAt":"2026-11-21T04:30:00Z",\
                "suspendedSeconds":60,"current":{"stage":"Queued","attempt":1,"startedAt":"2026-11-21T04:10:00Z",\
                "notBefore":"2026-11-21T04:40:00Z"},"stages":[{"name":"Queued","attempts":1,\
                "startedAt":"2026-11-21T04:10:00Z"}]}
                """),
        trainingJob(
            status: """
                {"phase":"Evaluating","output":{"storageUri":"s3://artifacts/runs/u/model","manifestSha256":"\(sha)"},\
                "current":{"stage":"Evaluating","attempt":1,"startedAt":"2026-11-21T04:10:00Z"},"stages":[]}
                """),
        trainingJob(status: #"{"phase":"Completed","completionTime":"2026-11-21T05:00:00Z"}"#),
    ]

    static let evalRuns =
        ["null", #"{"phase":"Queued"}"#, #"{"phase":"Passed"}"#].map(evalRun) + [
            evalRun(
                status: """
                    {"phase":"Evaluating","startTime":"2026-11-21T04:00:00Z","suites":[{"name":"quality","attempt":1,\
                    "launchedAt":"2026-11-21T04:00:00Z","finished":false,"failures":1,"metrics":{"perplexity":3.5},\
                    "samples":10}],"results":[{"metric":"quality/perplexity","max":20,"value":3.5,"passed":true}]}
                    """)
        ]

    private static func evalRun(status: String) -> String {
        """
        {"apiVersion":"anneal.dev/v1alpha1","kind":"EvalRun",\(metadata),"spec":{"model":{"storageUri":\
        "s3://artifacts/runs/u/model","sha256":"\(sha)"},"storage":{"credentialsSecretName":"s3"},\
        "evaluator":{"image":"evaluate:1","resources":{"gpus":1,"cpu":"1","memory":"1Gi"}},"suites":[{"name":\
        "quality","type":"perplexity","data":{"storageUri":"s3://data/eval.jsonl"},"parameters":{"a":"b"}}],\
        "thresholds":[{"metric":"quality/perplexity","max":20.5}],"runPolicy":{"backoffLimit":2}},"status":\(status)}
        """
    }

    static let pods = [
        """
        {"apiVersion":"v1","kind":"Pod",\(metadata),"spec":{"nodeName":"gpu-1","restartPolicy":"Never",\
        "initContainers":[{"name":"sync","image":"agent:1","restartPolicy":"Always"}],"containers":[{"name":"trainer",\
        "image":"sft:1","resources":{"requests":{"cpu":"1500m","memory":"4Gi"},"limits":{"nvidia.com/gpu":"4"}},\
        "env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]}],"tolerations":[{"key":"gpu",\
        "operator":"Exists","effect":"NoSchedule","tolerationSeconds":30}],"volumes":[{"name":"shm","emptyDir":{"medium":\
        "Memory","sizeLimit":"1Gi"}}]},"status":{"phase":"Failed","reason":"Evicted","startTime":\
        "2026-11-21T04:00:00Z","conditions":[{"type":"PodScheduled","status":"True","lastTransitionTime":\
        "2026-11-21T04:00:00Z"},{"type":"DisruptionTarget","status":"True","reason":"EvictionByEvictionAPI"}],\
        "containerStatuses":[{"name":"trainer","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":137,\
        "reason":"OOMKilled","message":"{\\"reason\\":\\"Succeeded\\",\\"dataset\\":{\\"records\\":3}}",\
        "startedAt":"2026-11-21T04:00:00Z","finishedAt":"2026-11-21T04:10:00Z"}}}]}}
        """,
        """
        {\(metadata),"spec":{"containers":[{"name":"agent"}]},"status":{"phase":"Pending","containerStatuses":[{"name":\
        "agent","state":{"waiting":{"reason":"ErrImagePull","message":"no"}}}]}}
        """,
    ]

    static let job = """
        {"apiVersion":"batch/v1","kind":"Job",\(metadata),"spec":{"backoffLimit":0,"activeDeadlineSeconds":1800,\
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"agent","image":"agent:1"}],\
        "restartPolicy":"Never"}}},"status":{"active":1,"succeeded":1,"failed":0,"startTime":"2026-11-21T04:00:00Z",\
        "completionTime":"2026-11-21T04:01:00Z","conditions":[{"type":"Complete","status":"True","reason":\
        "CompletionsReached","lastTransitionTime":"2026-11-21T04:01:00Z"}]}}
        """

    static let lease = """
        {"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"demo-train-2","namespace":"team",\
        "uid":"l","ownerReferences":[{"apiVersion":"anneal.dev/v1alpha1","kind":"TrainingJob","name":"demo",\
        "uid":"0f8fad5b-d9cb-469f-a165-70867728950e","controller":true}],"annotations":{"anneal.dev/attempt":"2",\
        "anneal.dev/progress":"{\\"step\\":40,\\"totalSteps\\":100,\\"loss\\":1.5}","anneal.dev/checkpoint":\
        "{\\"step\\":40,\\"attempt\\":2,\\"storageUri\\":\\"s3://artifacts/runs/0f8fad5b-d9cb-469f-a165-70867728950e\
        /checkpoints/attempt-0002/step-40\\",\\"manifestSha256\\":\\"\(sha)\\"}"}},"spec":{"holderIdentity":"demo-0",\
        "leaseDurationSeconds":30,"leaseTransitions":2,"renewTime":"2026-11-21T04:25:00.123456Z"}}
        """

    static let node = """
        {"apiVersion":"v1","kind":"Node","metadata":{"name":"gpu-1","labels":{"anneal.dev/gpu-type":"h100"}},"spec":\
        {"taints":[{"key":"gpu","value":"x","effect":"NoSchedule"}],"unschedulable":false},"status":{"allocatable":\
        {"cpu":"15800m","memory":"64Gi","nvidia.com/gpu":"8","pods":"110","ephemeral-storage":"1e11"},"conditions":\
        [{"type":"Ready","status":"True","lastTransitionTime":"2026-11-21T04:00:00Z"}]}}
        """

    static let claim = """
        {"apiVersion":"v1","kind":"PersistentVolumeClaim",\(metadata),"spec":{"accessModes":["ReadWriteMany"],\
        "resources":{"requests":{"storage":"100Gi"}},"storageClassName":"standard","volumeMode":"Filesystem"},\
        "status":{"phase":"Bound","capacity":{"storage":"100Gi"}}}
        """

    static let kubeconfig = """
        apiVersion: v1
        kind: Config
        current-context: local
        clusters:
        - name: local
          cluster: {server: "https://127.0.0.1:6443", certificate-authority-data: LS0tLS1CRUdJTg==, tls-server-name: a}
        users:
        - name: admin
          user:
            token: abc
        - name: plugin
          user:
            exec: {apiVersion: client.authentication.k8s.io/v1, command: get-token, args: [a, b], env: [{name: A, value: b}]}
        contexts:
        - name: local
          context: {cluster: local, user: admin, namespace: team}
        """

    static let listing = """
        <?xml version="1.0" encoding="UTF-8"?><!-- a --><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\
        <Name>b</Name><Prefix>p/</Prefix><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>\
        <NextContinuationToken>t&amp;&#x41;</NextContinuationToken><Contents><Key>p/a&lt;b</Key><Size>42</Size><ETag>\
        "x"</ETag><LastModified>2026-11-21T04:00:00.000Z</LastModified></Contents><Contents><Key><![CDATA[p/c]]></Key>\
        <Size>0</Size></Contents></ListBucketResult>
        """

    static let manifest = """
        {"version":1,"step":40,"attempt":2,"files":[{"path":"a/weights.bin","size":42,"sha256":"\(sha)"},{"path":\
        "config.json","size":0,"sha256":"\(sha)"}]}
        """

    static let stageReport = """
        {"reason":"Succeeded","message":"m","isRetryable":false,"dataset":{"sha256":"\(sha)","records":5},"resume":\
        {"step":40,"attempt":1,"storageUri":"s3://a/b","manifestSha256":"\(sha)"},"output":{"storageUri":"s3://a/m",\
        "manifestSha256":"\(sha)"},"registeredModel":{"name":"m","version":"1"}}
        """

    static let schema = """
        {"type":"object","properties":{"a":{"type":"array","items":{"type":"string","minLength":1,"pattern":"^a[b-c]{1,3}$"},\
        "maxItems":2,"x-kubernetes-list-type":"set"},"b":{"type":"number","minimum":0.5,"multipleOf":0.5},"c":\
        {"x-kubernetes-int-or-string":true},"d":{"type":"object","additionalProperties":{"type":"boolean"}}},"required":\
        ["a"],"x-kubernetes-validations":[{"rule":"self.b < 5.0 && has(self.a)","message":"m"}]}
        """

    static let review = """
        {"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"705ab4f5","kind":{"group":\
        "anneal.dev","version":"v1alpha1","kind":"TrainingJob"},"resource":{"group":"anneal.dev","version":"v1alpha1",\
        "resource":"trainingjobs"},"name":"demo","namespace":"team","operation":"CREATE","userInfo":{"username":"ada",\
        "groups":["system:authenticated"]},"object":\(trainingJobs[0]),"oldObject":null,"dryRun":false,"options":\
        {"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}
        """
}
