/// Rules of MLflow for names that a user chooses. They are looked at before training, as MLflow itself is asked
/// only after it.
public enum RegistryNames {
    /// Characters of a model's name at most: the width of MLflow's column.
    static let modelLimit = 256
    /// Characters of an experiment's name at most.
    static let experimentLimit = 500

    /// Checks the names of a model and of an experiment.
    public static func check(model: String, experiment: String) throws(RegistryError) {
        guard !isBlank(model), model.unicodeScalars.count <= modelLimit else {
            throw refusal(
                "modelName", model, "is not 1 to \(modelLimit) characters long, or blank; choose another")
        }
        guard !model.contains(where: { $0 == "/" || $0 == ":" }) else {
            throw refusal(
                "modelName", model, "has a '/' or ':', which MLflow refuses in a model's name; leave them out"
            )
        }
        guard model != ".", !model.hasPrefix("..") else {
            throw refusal(
                "modelName", model, "is '.' or begins with '..', which MLflow refuses; choose another")
        }
        guard !experiment.isEmpty, experiment.unicodeScalars.count <= experimentLimit else {
            throw refusal(
                "experiment", experiment,
                "is not 1 to \(experimentLimit) characters long; choose another name")
        }
    }

    private static func isBlank(_ text: String) -> Bool { text.allSatisfy(\.isWhitespace) }

    private static func refusal(_ field: String, _ value: String, _ problem: String) -> RegistryError {
        RegistryError(
            .refused("INVALID_PARAMETER_VALUE"), "registration.\(field): '\(value.prefix(250))' \(problem)")
    }
}
