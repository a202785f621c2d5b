import KubernetesAPI

/// Single requests of a registration.
extension MLflowClient {
    /// Id of the experiment of a name; it is made if there is none.
    func experiment(named name: String) async throws(RegistryError) -> String {
        do throws(RegistryError) {
            let found = try await get("experiments/get-by-name", [("experiment_name", name)])
            guard found[path: ["experiment", "lifecycle_stage"]]?.stringValue != "deleted" else {
                throw RegistryError(
                    .refused("INVALID_STATE"),
                    "registration.experiment: '\(name)' was deleted in MLflow; restore it there, or name another"
                )
            }
            return try id(found, ["experiment", "experiment_id"], "experiments/get-by-name")
        } catch  where error.code == .notFound {
            let made = try await post("experiments/create", ["name": .string(name)])
            return try id(made, ["experiment_id"], "experiments/create")
        }
    }

    /// Id of the run that has a tag; nil if there is none.
    func run(in experiment: String, tag: String, value: String) async throws(RegistryError) -> String? {
        let found = try await post(
            "runs/search",
            [
                "experiment_ids": [.string(experiment)], "max_results": 1,
                "filter": .string("tags.`\(tag)` = '\(value)'"),
            ])
        guard let first = found["runs"]?[0] else { return nil }
        return try id(first, ["info", "run_id"], "runs/search")
    }

    func createRun(
        in experiment: String, name: String, startedAt milliseconds: Int64, tags: [String: String]
    ) async throws(RegistryError) -> String {
        let made = try await post(
            "runs/create",
            [
                "experiment_id": .string(experiment), "run_name": .string(name),
                "start_time": .integer(milliseconds), "tags": Self.pairs(tags),
            ])
        return try id(made, ["run", "info", "run_id"], "runs/create")
    }

    /// The version of a model that has a tag; nil if there is none.
    func version(of model: String, tag: String, value: String) async throws(RegistryError) -> String? {
        // A name may hold quotes, which MLflow's filters have no way to write: versions are found by the tag alone.
        let found = try await get(
            "model-versions/search", [("filter", "tags.`\(tag)` = '\(value)'"), ("max_results", "1000")])
        let versions = found["model_versions"]?.arrayValue ?? []
        guard let own = versions.first(where: { $0["name"]?.stringValue == model }) else { return nil }
        return try id(own, ["version"], "model-versions/search")
    }

    func createModelIfMissing(_ name: String) async throws(RegistryError) {
        do throws(RegistryError) {
            _ = try await get("registered-models/get", [("name", name)])
        } catch  where error.code == .notFound {
            do throws(RegistryError) {
                try await post("registered-models/create", ["name": .string(name)])
            } catch
                where error.code == .alreadyExists
            {}
        }
    }

    func createVersion(
        of model: String, source: String, run: String, tags: [String: String]
    ) async throws(RegistryError) -> String {
        let made = try await post(
            "model-versions/create",
            [
                "name": .string(model), "source": .string(source), "run_id": .string(run),
                "tags": Self.pairs(tags),
            ])
        return try id(made, ["model_version", "version"], "model-versions/create")
    }

    /// The version that has an alias; nil if none has.
    func version(of model: String, alias: String) async throws(RegistryError) -> String? {
        do throws(RegistryError) {
            let found = try await get("registered-models/alias", [("name", model), ("alias", alias)])
            return found[path: ["model_version", "version"]]?.stringValue
        } catch {
            // MLflow answers INVALID_PARAMETER_VALUE for an alias that no version has.
            guard error.code == .notFound || error.code == .refused("INVALID_PARAMETER_VALUE") else {
                throw error
            }
            return nil
        }
    }

    /// Tags or params in MLflow's form.
    static func pairs(_ values: [String: String]) -> JSONValue {
        .array(
            values.sorted { $0.key < $1.key }.map { ["key": .string($0.key), "value": .string($0.value)] })
    }

    private func id(_ body: JSONValue, _ path: [String], _ call: String) throws(RegistryError) -> String {
        guard let text = body[path: path]?.stringValue, !text.isEmpty else {
            throw RegistryError(
                .malformedResponse,
                "MLflow at \(address), \(call): the answer has no \(path.joined(separator: ".")); check that an MLflow "
                    + "server is at registration.trackingUri")
        }
        return text
    }
}
