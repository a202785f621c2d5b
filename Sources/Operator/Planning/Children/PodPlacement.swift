import AnnealAPI
import KubernetesAPI

/// Conditions on the nodes that GPU pods may go to.
enum PodPlacement {
    static func nodeSelector(_ placement: Placement?) -> [String: String] {
        var selector = placement?.nodeSelector ?? [:]
        if let type = placement?.gpuType { selector[Anneal.Label.gpuType] = type }
        switch placement?.capacityType {
        case .spot: selector[Anneal.Label.capacityType] = "spot"
        case .onDemand: selector[Anneal.Label.capacityType] = "on-demand"
        case .any, nil: break
        }
        return selector
    }

    static func tolerations(_ placement: Placement?, gpus: Int) -> [Toleration] {
        var tolerations: [Toleration] = []
        if gpus > 0 {
            let resource = placement?.gpuResourceName ?? ContainerResources.defaultGPU
            tolerations.append(Toleration(key: resource, operator: "Exists", effect: "NoSchedule"))
        }
        switch placement?.capacityType {
        case .spot, .any, nil: tolerations.append(Toleration(key: spotTaint, operator: "Exists"))
        case .onDemand: break
        }
        return tolerations + ownTolerations(placement)
    }

    /// Tolerations that the run's author asked for.
    static func ownTolerations(_ placement: Placement?) -> [Toleration] {
        (placement?.tolerations ?? []).map { own in
            Toleration(
                key: own.key, operator: own.operator, value: own.value, effect: own.effect,
                tolerationSeconds: own.tolerationSeconds)
        }
    }

    static func apply(_ placement: Placement?, gpus: Int, to spec: inout PodSpec) {
        let selector = nodeSelector(placement)
        spec.nodeSelector = selector.isEmpty ? nil : selector
        let tolerations = tolerations(placement, gpus: gpus)
        spec.tolerations = tolerations.isEmpty ? nil : tolerations
        spec.priorityClassName = placement?.priorityClassName
        spec.schedulerName = placement?.schedulerName
        spec.runtimeClassName = placement?.runtimeClassName
    }

    /// The taint of nodes that the provider may reclaim.
    private static let spotTaint = "anneal.dev/spot"
}
