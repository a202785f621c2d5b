/// Where things are inside a pod, and in S3 below a run's artifact folder: the whole contract between
/// operator, agent and trainer is these names, the configuration files and the reports.
public enum WorkspacePath {
    public static let root = "/workspace"
    public static let data = "/workspace/data"
    public static let model = "/workspace/model"
    public static let adapter = "/workspace/adapter"
    public static let checkpoints = "/workspace/checkpoints"
    /// The checkpoint that training goes on from, put there by `prepare`.
    public static let resume = "/workspace/resume/current"
    public static let run = "/workspace/run"
    public static let metricsFile = "/workspace/run/metrics.jsonl"
    public static let output = "/workspace/output"
    public static let trainFile = "/workspace/data/train.jsonl"
    public static let validationFile = "/workspace/data/validation.jsonl"

    /// The folder that a pod's configuration annotations are mounted at.
    public static let configuration = "/etc/anneal"
    /// `ANNEAL_CONFIG` of the trainer or evaluator.
    public static let programConfiguration = "/etc/anneal/config.json"
    /// `ANNEAL_CONFIG` of the agent.
    public static let agentConfiguration = "/etc/anneal/agent.json"
    /// `ANNEAL_RESULT`: what is written there becomes the container's termination message.
    public static let result = "/dev/termination-log"
}

/// Pod annotations that hold configuration, and appear in the pod as files by the downward API.
public enum ConfigurationAnnotation {
    public static let program = "anneal.dev/config"
    public static let agent = "anneal.dev/agent-config"
    /// Of a pod's second agent container: what publishes records after a user's transform.
    public static let publisher = "anneal.dev/publisher-config"
}

/// Environment variables that Anneal sets; a user may set none of them.
public enum EnvironmentName {
    public static let configuration = "ANNEAL_CONFIG"
    public static let resumeFrom = "ANNEAL_RESUME_FROM"
    public static let result = "ANNEAL_RESULT"
    /// What S3 credentials are called inside agent containers.
    public static let accessKey = "AWS_ACCESS_KEY_ID"
    public static let secretKey = "AWS_SECRET_ACCESS_KEY"
    public static let sessionToken = "AWS_SESSION_TOKEN"
    public static let registryUsername = "MLFLOW_TRACKING_USERNAME"
    public static let registryPassword = "MLFLOW_TRACKING_PASSWORD"
    public static let registryToken = "MLFLOW_TRACKING_TOKEN"
}

/// How a program in a pod ends.
public enum ExitCode {
    public static let success: Int64 = 0
    /// Of an agent: try again.
    public static let retryable: Int64 = 1
    /// Of an agent or trainer: bad input; trying again can't help.
    public static let terminal: Int64 = 2
    /// Of a trainer: stopped as asked, after a checkpoint.
    public static let stopped: Int64 = 75
}

/// Keys and folders below `<artifacts.storageUri>/<run uid>`.
public enum ArtifactLayout {
    /// `s3://bucket/prefix/<uid>`
    public static func root(artifacts: String, uid: String) -> String {
        var base = artifacts
        while base.hasSuffix("/") { base.removeLast() }
        return "\(base)/\(uid)"
    }

    public static func data(root: String) -> String { "\(root)/data" }
    public static func model(root: String) -> String { "\(root)/model" }
    public static func checkpoints(root: String) -> String { "\(root)/checkpoints" }

    /// Each attempt writes below a folder of its own, so that none can overwrite another's.
    public static func checkpoint(root: String, attempt: Int, step: Int64) -> String {
        "\(root)/checkpoints/attempt-\(padded(Int64(attempt), 4))/step-\(padded(step, 10))"
    }

    public static let manifestName = "manifest.json"

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: Swift.max(0, width - text.count)) + text
    }
}

/// Annotations of a training attempt's Lease, written by the sync sidecar. The Lease's `renewTime` is
/// the trainer's last sign of life, `holderIdentity` the pod.
public enum HeartbeatAnnotation {
    /// The training attempt, a decimal number.
    public static let attempt = "anneal.dev/attempt"
    /// `TrainingProgress` as JSON.
    public static let progress = "anneal.dev/progress"
    /// `CheckpointReference` as JSON: the newest checkpoint that is committed.
    public static let checkpoint = "anneal.dev/checkpoint"
    public static let bestCheckpoint = "anneal.dev/best-checkpoint"
    /// What keeps the sidecar from doing its work, if anything does; for people.
    public static let problem = "anneal.dev/problem"
}
