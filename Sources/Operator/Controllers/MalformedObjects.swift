import AnnealAPI
import ControllerRuntime
import KubernetesAPI
import KubernetesClient
import Logging

/// Tells the owner of an object that does not decode what is wrong with it. Its neighbours go on.
struct MalformedObjects: Sendable {
    let events: EventRecorder
    let logger: Logger

    func report<R: KubernetesResource>(_ type: R.Type, _ object: PartialObject, _ error: String) async {
        logger.error(
            "an object does not decode and is left alone",
            metadata: [
                "kind": "\(R.resourceType.kind)", "namespace": "\(object.metadata.namespace ?? "")",
                "name": "\(object.metadata.name ?? "")", "error": "\(error)",
            ])
        let reference = ObjectReference(
            apiVersion: R.resourceType.apiVersion, kind: R.resourceType.kind,
            namespace: object.metadata.namespace, name: object.metadata.name, uid: object.metadata.uid)
        await events.record(
            regarding: reference, type: EventNoteType.warning, reason: "Malformed", action: "Decode",
            note: "The object does not decode and is left alone: \(error). Correct it or delete it.")
    }

    private enum EventNoteType {
        static let warning = "Warning"
    }
}
