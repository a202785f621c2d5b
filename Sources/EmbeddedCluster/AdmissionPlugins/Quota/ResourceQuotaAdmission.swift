import APIServer
import KubernetesAPI
import ObjectPatching
import Scheduling

/// Refuses what a namespace's `ResourceQuota`s don't allow, and charges them with what they do.
///
/// A quota is charged by a conditional write of its status before the object is stored, so that any
/// number of requests at once cannot exceed it, even while somebody recalculates the status. What was
/// charged for an object that then wasn't stored, and what deleted objects give back, is set right by that
/// recalculation.
public struct ResourceQuotaAdmission: AdmissionPlugin {
    /// Attempts to charge a quota that others are charging too; the conflict of the last one is thrown.
    private static let tries = 50

    private let pending = PendingObjects()

    public init() {}

    public func validate(
        _ request: AdmissionRequest, _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        guard !request.namespace.isEmpty, request.subresource == nil, let object = request.object,
            let usage = Self.increase(request, object), !usage.isEmpty,
            cluster.definition(group: "", plural: "resourcequotas") != nil
        else { return }
        let quotas = try await cluster.list(
            group: "", plural: "resourcequotas", namespace: request.namespace)
        let names = quotas.compactMap { $0[path: ["metadata", "name"]]?.stringValue }.sorted()
        // All are checked before any is charged.
        for name in names { _ = try await check(name, request, object, usage, cluster) }
        guard !request.isDryRun else { return }
        for name in names { try await charge(name, request, object, usage, cluster) }
        // Only charged objects are pending: requests that are still being judged must not refuse one another.
        if request.operation == .create { pending.add(object, Self.pendingKey(request), now: cluster.now) }
    }

    /// Forgets the pending object: from now on the store shows it, if it was stored.
    public func completed(_ request: AdmissionRequest) {
        guard !request.isDryRun else { return }
        pending.remove(Self.pendingKey(request))
    }

    private static func pendingKey(_ request: AdmissionRequest) -> PendingObjects.Key {
        PendingObjects.Key(
            resource: request.definition.type.qualifiedName,
            object: ObjectKey(namespace: request.namespace, name: request.name))
    }

    /// Amounts that the request adds to those in use; nil for a request that adds nothing.
    private static func increase(_ request: AdmissionRequest, _ object: JSONValue) -> ResourceAmounts? {
        let type = request.definition.type
        switch request.operation {
        case .create: return QuotaUsage(object, type).amounts
        case .update:
            // Only services and claims can grow after their creation.
            guard ["services", "persistentvolumeclaims"].contains(type.plural), type.group.isEmpty,
                let old = request.oldObject
            else { return nil }
            let before = QuotaUsage(old, type).amounts
            return QuotaUsage(object, type).amounts.reduce(into: ResourceAmounts()) { grown, entry in
                let difference = entry.value.milliunits - (before[entry.key] ?? .zero).milliunits
                guard difference > 0 else { return }
                grown[entry.key] = ResourceAmount(milliunits: difference, isBinary: entry.value.isBinary)
            }
        case .delete, .connect: return nil
        }
    }

    /// The quota as it is and with the request charged to it; nil if the quota isn't about such a request.
    /// Throws 403 if the request exceeds it.
    private func check(
        _ name: String, _ request: AdmissionRequest, _ object: JSONValue, _ usage: ResourceAmounts,
        _ cluster: any AdmissionCluster
    ) async throws(APIError) -> (live: JSONValue, charged: JSONValue)? {
        let type = request.definition.type
        guard
            let quota = try await cluster.get(
                group: "", plural: "resourcequotas", namespace: request.namespace, name: name),
            case let spec = ResourceQuotaSpec(quota), QuotaUsage(object, type).fallsUnder(spec)
        else { return nil }
        let hard = ResourceAmounts(spec.hard)
        if request.operation == .create, type.group.isEmpty, type.plural == "pods",
            let missing = Self.missing(hard.keys, in: object)
        {
            throw request.forbidden("failed quota: \(name): must specify \(missing)")
        }
        let requested = usage.filter { hard[$0.key] != nil && $0.value.milliunits > 0 }
        guard !requested.isEmpty else { return nil }
        let used = try await used(of: quota, spec, requested.keys, request, cluster)
        var total = used
        total.add(requested)
        let exceeded = requested.filter { entry in
            (total[entry.key] ?? .zero).milliunits > (hard[entry.key] ?? .zero).milliunits
        }
        guard exceeded.isEmpty else {
            throw request.forbidden(
                "exceeded quota: \(name), requested: \(exceeded.listed), "
                    + "used: \(used.filter { exceeded[$0.key] != nil }.listed), "
                    + "limited: \(hard.filter { exceeded[$0.key] != nil }.listed)")
        }
        var charged = quota
        if charged[path: ["status", "hard"]] == nil { charged[path: ["status", "hard"]] = hard.json }
        charged[path: ["status", "used"]] = total.json
        return (quota, charged)
    }

    /// Amounts in use: those of the quota's status, or those of the objects, stored or pending, where these
    /// are more.
    private func used(
        of quota: JSONValue, _ spec: ResourceQuotaSpec, _ names: some Collection<String>,
        _ request: AdmissionRequest,
        _ cluster: any AdmissionCluster
    ) async throws(APIError) -> ResourceAmounts {
        var present: ResourceAmounts = [:]
        // Objects of the request's own kind count for the amounts that the request adds to.
        let type = request.definition.type
        var objects = pending.objects(of: type.qualifiedName, namespace: request.namespace)
        objects[request.name] = nil
        let stored = try await cluster.list(
            group: type.group, plural: type.plural, namespace: request.namespace)
        for object in stored {
            objects[object[path: ["metadata", "name"]]?.stringValue ?? ""] = object
        }
        for object in objects.values.map({ QuotaUsage($0, type) }) where object.fallsUnder(spec) {
            present.add(object.amounts)
        }
        var used = ResourceAmounts(quota[path: ["status", "used"]])
        used.raise(to: names.reduce(into: [:]) { $0[$1] = present[$1] ?? .zero })
        return used
    }

    private func charge(
        _ name: String, _ request: AdmissionRequest, _ object: JSONValue, _ usage: ResourceAmounts,
        _ cluster: any AdmissionCluster
    ) async throws(APIError) {
        for attempt in 1...Self.tries {
            guard let (live, charged) = try await check(name, request, object, usage, cluster) else { return }
            do throws(APIError) {
                try await cluster.updateStatus(
                    group: "", plural: "resourcequotas", owned(charged, live: live, cluster))
                return
            } catch {
                guard error.code == 409, attempt < Self.tries else { throw error }
            }
        }
    }

    /// The charge is the API server's own, and its fields too.
    private func owned(
        _ charged: JSONValue, live: JSONValue, _ cluster: any AdmissionCluster
    ) -> JSONValue {
        guard let definition = cluster.definition(group: "", plural: "resourcequotas") else { return charged }
        let manager = FieldManager(
            schema: definition.schema, apiVersion: definition.type.apiVersion, subresource: "status",
            ignoring: [["spec"]])
        return manager.update(live: live, new: charged, manager: "kube-apiserver", now: cluster.now)
    }

    /// The resources that every container must speak of, where a quota limits them.
    private static let demanded: Set<String> = [
        "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
    ]

    /// Resources that a quota limits and containers of a pod leave open: `limits.cpu for: a,b; …`.
    private static func missing(_ limited: some Collection<String>, in pod: JSONValue) -> String? {
        let containers = ["containers", "initContainers"].flatMap {
            pod[path: ["spec", $0]]?.arrayValue ?? []
        }
        var lines: [String] = []
        for name in limited.sorted() where demanded.contains(name) {
            let kind = name.hasPrefix("limits.") ? "limits" : "requests"
            let resource = name.split(separator: ".").last.map(String.init) ?? name
            let silent = containers.filter { $0[path: ["resources", kind, resource]] == nil }
                .compactMap { $0["name"]?.stringValue }
            if !silent.isEmpty { lines.append("\(name) for: \(Set(silent).sorted().joined(separator: ","))") }
        }
        return lines.isEmpty ? nil : lines.joined(separator: "; ")
    }
}
