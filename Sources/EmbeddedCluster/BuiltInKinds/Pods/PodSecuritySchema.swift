import KubernetesAPI
import StructuralSchema

/// Security contexts of pods and containers.
enum PodSecuritySchema {
    private static let seLinux = Schema.object(
        "An SELinux context.",
        [
            "user": .string("User."), "role": .string("Role."), "type": .string("Type."),
            "level": .string("Level."),
        ])

    private static func profile(_ description: String) -> Schema {
        .object(
            description,
            [
                "type": .string("RuntimeDefault, Unconfined or Localhost."),
                "localhostProfile": .string("The node's profile, for Localhost."),
            ], required: ["type"])
    }

    private static let windows = Schema.object(
        "For Windows only.",
        [
            "gmsaCredentialSpecName": .string("Name of the GMSA credential spec."),
            "gmsaCredentialSpec": .string("The GMSA credential spec."),
            "runAsUserName": .string("The user."), "hostProcess": .boolean("Whether to run on the host."),
        ])

    static let podContext = Schema.object(
        "Privileges of all containers of the pod.",
        [
            "runAsUser": .int64("User ID of the processes."),
            "runAsGroup": .int64("Group ID of the processes."),
            "runAsNonRoot": .boolean("Whether to refuse to run as root."),
            "fsGroup": .int64("Group that owns the volumes."),
            "fsGroupChangePolicy": .string("Always or OnRootMismatch."),
            "supplementalGroups": .listAtomic("Further groups of the processes.", of: .int64("A group ID.")),
            "supplementalGroupsPolicy": .string("Merge or Strict."),
            "sysctls": .listAtomic(
                "Kernel parameters of the pod.",
                of: .object(
                    "A kernel parameter.", ["name": .string("Name."), "value": .string("Value.")],
                    required: ["name", "value"])),
            "seLinuxOptions": seLinux, "seLinuxChangePolicy": .string("MountOption or Recursive."),
            "seccompProfile": profile("Which system calls are allowed."),
            "appArmorProfile": profile("The AppArmor profile."), "windowsOptions": windows,
        ])

    static let containerContext = Schema.object(
        "Privileges of the container; they win over the pod's.",
        [
            "privileged": .boolean("Whether the container has the powers of the node's root."),
            "allowPrivilegeEscalation": .boolean("Whether a process may gain privileges."),
            "readOnlyRootFilesystem": .boolean("Whether the root file system is read-only."),
            "runAsUser": .int64("User ID of the process."),
            "runAsGroup": .int64("Group ID of the process."),
            "runAsNonRoot": .boolean("Whether to refuse to run as root."),
            "procMount": .string("Default or Unmasked."),
            "capabilities": .object(
                "Capabilities beyond, or fewer than, the usual ones.",
                ["add": .strings("Added."), "drop": .strings("Dropped; ALL drops all.")]),
            "seLinuxOptions": seLinux, "seccompProfile": profile("Which system calls are allowed."),
            "appArmorProfile": profile("The AppArmor profile."), "windowsOptions": windows,
        ])
}
