import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging

/// Tells of an object that does not decode what is wrong with it: the object itself, and where it is a
/// run's child, the run. Its neighbours go on.
struct MalformedObjects: Sendable {
    let events: EventRecorder
    let metrics: OperatorMetrics
    let logger: Logger

    func report<R: KubernetesResource>(of type: R.Type) -> @Sendable (MalformedObject) -> Void {
        { object in
            metrics.countMalformed(kind: R.resourceType.kind)
            logger.error(
                "an object does not decode and is left alone",
                metadata: [
                    "kind": "\(R.resourceType.kind)", "object": "\(object.key)", "reason": "\(object.reason)",
                ])
            // An event without a name to speak of would say nothing.
            guard !object.key.name.isEmpty else { return }
            let reference = ObjectReference(
                apiVersion: R.resourceType.apiVersion, kind: R.resourceType.kind,
                namespace: object.key.namespace, name: object.key.name, uid: object.uid)
            record(
                reference,
                "The object does not decode and is left alone: \(object.reason). "
                    + "Correct or delete it.")
            guard let controller = object.controller else { return }
            let owner = ObjectReference(
                apiVersion: controller.apiVersion, kind: controller.kind, namespace: object.key.namespace,
                name: controller.name, uid: controller.uid)
            record(
                owner,
                "Its \(R.resourceType.kind) \(object.key.name) does not decode and is left alone: "
                    + "\(object.reason). Delete it, and another takes its place.")
        }
    }

    private func record(_ regarding: ObjectReference, _ note: String) {
        events.record(
            EventRecord(
                regarding: regarding, type: "Warning", reason: "Malformed", action: "Decode", note: note))
    }
}
