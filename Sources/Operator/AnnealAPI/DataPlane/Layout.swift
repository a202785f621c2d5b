/// Paths inside a pod. The whole contract between operator, agent and trainer is the names of this file, the
/// configuration files and the reports.
public enum WorkspacePath {
    /// Mount point of the run's volume.
    public static let root = "/workspace"
    /// Folder of the processed records.
    public static let data = "/workspace/data"
    /// Folder of the base model.
    public static let model = "/workspace/model"
    /// Folder of the adapter that an evaluation puts on the model.
    public static let adapter = "/workspace/adapter"
    /// Folder that the trainer writes checkpoints to.
    public static let checkpoints = "/workspace/checkpoints"
    /// Folder of the checkpoint that training goes on from, put there by `prepare`.
    public static let resume = "/workspace/resume/current"
    /// Folder of what a run writes about itself.
    public static let run = "/workspace/run"
    /// File that the trainer writes metrics to, one JSON object a line.
    public static let metricsFile = "/workspace/run/metrics.jsonl"
    /// Folder that the trainer writes the final model to.
    public static let output = "/workspace/output"
    /// Folder of the run's volume that holds what each training attempt writes, in a folder of its own.
    public static let attempts = "/workspace/attempts"

    /// Place on the run's volume of a folder that a training attempt sees at `path`, such as `checkpoints`. No
    /// two attempts share one: a pod that lives on, on a node that is cut off, writes to nothing that counts.
    public static func ofAttempt(_ attempt: Int, _ path: String) -> String {
        let folder = path.dropFirst(root.count).drop { $0 == "/" }
        return "\(attempts)/\(attemptPrefix)\(attempt)/\(folder)"
    }

    /// Beginning of the name of an attempt's folder, before its number.
    public static let attemptPrefix = "attempt-"
    /// Records that training sees.
    public static let trainFile = "/workspace/data/train.jsonl"
    /// Records that are held back for validation.
    public static let validationFile = "/workspace/data/validation.jsonl"

    /// Folder that a pod's configuration annotations are mounted at.
    public static let configuration = "/etc/anneal"
    /// File that is `ANNEAL_CONFIG` of the trainer or evaluator.
    public static let programConfiguration = "/etc/anneal/config.json"
    /// File that is `ANNEAL_CONFIG` of the agent.
    public static let agentConfiguration = "/etc/anneal/agent.json"
    /// File that is `ANNEAL_RESULT`: its content becomes the container's termination message.
    public static let result = "/dev/termination-log"
}

/// Pod annotations that hold configuration, and appear in the pod as files by the downward API.
public enum ConfigurationAnnotation {
    /// Configuration of the trainer or evaluator.
    public static let program = "anneal.dev/config"
    /// Configuration of the agent.
    public static let agent = "anneal.dev/agent-config"
    /// Configuration of a pod's second agent container, which publishes records after a user's transform.
    public static let publisher = "anneal.dev/publisher-config"
    /// Configuration of the agent container that fills a training pod's own volume.
    public static let preparation = "anneal.dev/prepare-config"
}

/// Environment variables that Anneal sets; a user may set none of them.
public enum EnvironmentName {
    /// Path of the program's configuration file.
    public static let configuration = "ANNEAL_CONFIG"
    /// Folder of the checkpoint to go on from; not set if there is none.
    public static let resumeFrom = "ANNEAL_RESUME_FROM"
    /// Seconds that a trainer has from SIGTERM until it should have ended: the rest of its pod's grace period is
    /// for the upload of what it saved.
    public static let stopWithin = "ANNEAL_STOP_WITHIN_SECONDS"
    /// Path of the file that a program leaves its result in.
    public static let result = "ANNEAL_RESULT"
    /// Folder of the mounted Secret with the keys of S3, in agent containers; not set without a Secret.
    public static let storageSecret = "ANNEAL_STORAGE_SECRET"
    /// Folder of the mounted Secret with the credentials of the registry; not set without a Secret.
    public static let registrationSecret = "ANNEAL_REGISTRATION_SECRET"
    /// Folder with the permissions of Secrets that users' programs get values of; not set without any.
    public static let programSecrets = "ANNEAL_PROGRAM_SECRETS"
    /// Name of variables by which a program's pod needs the permission of each Secret, followed by a number.
    public static let secretPermission = "ANNEAL_SECRET_ALLOWED_"
    /// User at the registry, for an agent outside pods.
    public static let registryUsername = "MLFLOW_TRACKING_USERNAME"
    /// Password of that user.
    public static let registryPassword = "MLFLOW_TRACKING_PASSWORD"
    /// Token for the registry, in place of user and password.
    public static let registryToken = "MLFLOW_TRACKING_TOKEN"
}

/// Folders that Secrets of a run are mounted at, in agent containers only.
public enum SecretPath {
    /// Folder of the Secret with the keys of S3.
    public static let storage = "/var/run/secrets/anneal.dev/storage"
    /// Folder of the Secret with the credentials of the registry; of its `allowedHosts` alone in `validate`.
    public static let registration = "/var/run/secrets/anneal.dev/registration"
    /// Folder with a folder for each Secret that users' programs get values of, which holds its key
    /// `allowedInPrograms` alone.
    public static let programs = "/var/run/secrets/anneal.dev/programs"
}

/// Keys of Secrets that a run names.
public enum SecretKey {
    /// Access key of S3.
    public static let accessKey = "accessKeyId"
    /// Secret key of S3.
    public static let secretKey = "secretAccessKey"
    /// Token of temporary keys of S3.
    public static let sessionToken = "sessionToken"
    /// User at the registry.
    public static let username = "username"
    /// Password of that user.
    public static let password = "password"
    /// Token for the registry, in place of user and password.
    public static let token = "token"
    /// Hosts that the Secret may be sent to: `host`, `host:port`, `*.domain` or `*`, separated by commas or white
    /// space. Without it, the Secret is sent nowhere.
    public static let allowedHosts = "allowedHosts"
    /// Permission, `true`, to give values of the Secret to users' programs.
    public static let allowedInPrograms = "allowedInPrograms"
}

/// Exit codes of programs in a pod.
public enum ExitCode {
    /// Success of any program.
    public static let success: Int64 = 0
    /// Failure of an agent that another attempt may mend.
    public static let retryable: Int64 = 1
    /// Failure of an agent or trainer on bad input, which no other attempt mends.
    public static let terminal: Int64 = 2
    /// End of a trainer that was stopped as asked, after a checkpoint.
    public static let stopped: Int64 = 75
}

/// Keys and folders below `<artifacts.storageUri>/<run uid>`.
public enum ArtifactLayout {
    /// Folder of a run, `s3://bucket/prefix/<uid>`.
    public static func root(artifacts: String, uid: String) -> String {
        var base = artifacts
        while base.hasSuffix("/") { base.removeLast() }
        return "\(base)/\(uid)"
    }

    /// Folder of the processed records.
    public static func data(root: String) -> String { "\(root)/data" }
    /// Folder of the final model.
    public static func model(root: String) -> String { "\(root)/model" }
    /// Folder of all checkpoints.
    public static func checkpoints(root: String) -> String { "\(root)/checkpoints" }

    /// Folder of one checkpoint. Each attempt writes below a folder of its own, so that none can overwrite
    /// another's.
    public static func checkpoint(root: String, attempt: Int, step: Int64) -> String {
        "\(root)/checkpoints/attempt-\(padded(Int64(attempt), 4))/step-\(padded(step, 10))"
    }

    /// Name of the file that lists a folder's files with their digests, and is written last.
    public static let manifestName = "anneal-manifest.json"

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: Swift.max(0, width - text.count)) + text
    }
}

/// Annotations of a training attempt's Lease, written by the sync sidecar. The Lease's `renewTime` is
/// the trainer's last sign of life, `holderIdentity` the pod.
public enum HeartbeatAnnotation {
    /// Number of the training attempt, in decimal.
    public static let attempt = "anneal.dev/attempt"
    /// `TrainingProgress` as JSON.
    public static let progress = "anneal.dev/progress"
    /// `CheckpointReference` as JSON: the newest checkpoint that is committed.
    public static let checkpoint = "anneal.dev/checkpoint"
    /// `CheckpointReference` as JSON: the best checkpoint that is committed, by validation loss.
    public static let bestCheckpoint = "anneal.dev/best-checkpoint"
    /// Obstacle to the sidecar's work, for people; absent while there is none.
    public static let problem = "anneal.dev/problem"
    /// `true` once the sidecar has ended with every finished checkpoint of its attempt in S3, and no model on the
    /// volume.
    public static let flushed = "anneal.dev/flushed"
    /// `CheckpointSeconds` as JSON, as the sidecar measured them.
    public static let checkpointSeconds = "anneal.dev/checkpoint-seconds"
    /// List of strings as JSON: warnings of the trainer's, for people; absent while there are none.
    public static let warnings = "anneal.dev/warnings"
}
