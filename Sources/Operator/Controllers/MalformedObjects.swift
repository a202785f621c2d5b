import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging

/// Tells the owner of an object that does not decode what is wrong with it. Its neighbours go on.
struct MalformedObjects: Sendable {
    let events: EventRecorder
    let logger: Logger

    func report<R: KubernetesResource>(of type: R.Type) -> @Sendable (MalformedObject) -> Void {
        { object in
            logger.error(
                "an object does not decode and is left alone",
                metadata: [
                    "kind": "\(R.resourceType.kind)", "object": "\(object.key)", "reason": "\(object.reason)",
                ])
            let reference = ObjectReference(
                apiVersion: R.resourceType.apiVersion, kind: R.resourceType.kind,
                namespace: object.key.namespace, name: object.key.name, uid: object.uid)
            events.record(
                EventRecord(
                    regarding: reference, type: "Warning", reason: "Malformed", action: "Decode",
                    note: "The object does not decode and is left alone: \(object.reason). "
                        + "Correct or delete it."))
        }
    }
}
