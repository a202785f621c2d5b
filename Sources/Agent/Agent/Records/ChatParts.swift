import KubernetesAPI

/// Parts of a conversation as OpenAI's and Hugging Face's chat formats write it.
///
/// Conversations are judged as `examples/runtimes/lib/anneal_runtime/conversations.py` judges them, both when they are
/// accepted and when they are refused. Whether the model's chat template renders all of it, only the trainer can tell.
enum ChatParts {
    private static let roles = ["system", "developer", "user", "assistant", "tool"]
    private static let thoughts = ["reasoning_content", "reasoning", "thinking"]

    /// Fields that would change the meaning, and could only be dropped, with what to do instead.
    private static let unusableOfRecord = [
        ("functions", "use tools"), ("function_call", "use tools"),
        ("chat_template_kwargs", "set it in the model's chat template"),
    ]
    private static let unusableOfMessage = [
        ("function_call", "use tool_calls"), ("refusal", "write the refusal as content"),
        ("audio", "a text model has no use for it"), ("images", "a text model has no use for it"),
        ("videos", "a text model has no use for it"),
    ]

    /// Parts of a record of the format `messages`.
    static func parts(of record: [String: JSONValue]) throws(RecordError) -> [Record.Part] {
        try refuse(unusableOfRecord, in: record, path: "")
        guard let messages = record["messages"]?.arrayValue, !messages.isEmpty else {
            throw RecordError(problem: "\"messages\" must be a list that is not empty")
        }
        var parts: [Record.Part] = []
        for (index, message) in messages.enumerated() {
            parts += try self.message(message, path: "messages[\(index)]")
        }
        guard messages.contains(where: { $0["role"] == "assistant" }) else {
            throw RecordError(
                problem: "\"messages\" has no message of the role \"assistant\": there is nothing to learn")
        }
        return parts + (try tools(record["tools"]))
    }

    private static func message(_ value: JSONValue, path: String) throws(RecordError) -> [Record.Part] {
        guard let members = value.objectValue, let role = members["role"]?.stringValue, roles.contains(role)
        else {
            throw RecordError(problem: "\(path) needs a role, one of \(roles.joined(separator: ", "))")
        }
        try refuse(unusableOfMessage, in: members, path: "\(path).")
        let calls = try calls(members["tool_calls"], path: "\(path).tool_calls")
        guard calls.isEmpty || role == "assistant" else {
            throw RecordError(
                problem:
                    "\(path).tool_calls: only the assistant calls tools, and this is the \(role)'s")
        }
        var parts: [Record.Part] = []
        for name in thoughts {
            guard let thought = members[name], !thought.isNull else { continue }
            guard let text = thought.stringValue else {
                throw RecordError(problem: "\(path).\(name) must be a string")
            }
            parts.append(Record.Part(name: name, text: text))
        }
        let content = members["content"] ?? .null
        if !content.isNull || calls.isEmpty {
            parts.append(Record.Part(name: role, text: try text(content, path: "\(path).content")))
        }
        parts += calls
        guard try isLearnt(members["weight"], role: role, path: "\(path).weight") else {
            return parts + [Record.Part(name: "weight", text: "0", isText: false)]
        }
        return parts
    }

    private static func isLearnt(
        _ weight: JSONValue?, role: String, path: String
    ) throws(RecordError) -> Bool {
        guard let weight, !weight.isNull else { return true }
        guard let number = weight.integerValue, number == 0 || number == 1 else {
            throw RecordError(problem: "\(path) must be 0 or 1")
        }
        guard number == 0 || role == "assistant" else {
            throw RecordError(
                problem: "\(path): only what the assistant says is learnt, and this is the \(role)'s")
        }
        return number == 1 || role != "assistant"
    }

    /// Text of a message's content: a string, or parts of the type `text`, which are one text.
    private static func text(_ content: JSONValue, path: String) throws(RecordError) -> String {
        if let text = content.stringValue { return text }
        guard let parts = content.arrayValue, !parts.isEmpty else {
            throw RecordError(
                problem: "\(path) must be a string, or a list of text parts that is not empty")
        }
        var texts = ""
        for (index, part) in parts.enumerated() {
            guard part["type"] == "text" else {
                let shown = part["type"]?.stringValue.map { "of the type \"\($0)\"" } ?? "without a type"
                throw RecordError(
                    problem:
                        "\(path)[\(index)] is a part \(shown): only parts of the type \"text\" can be learnt")
            }
            guard let text = part["text"]?.stringValue else {
                throw RecordError(problem: "\(path)[\(index)].text must be a string")
            }
            texts += text
        }
        return texts
    }

    private static func calls(_ calls: JSONValue?, path: String) throws(RecordError) -> [Record.Part] {
        guard let calls, !calls.isNull else { return [] }
        guard let calls = calls.arrayValue else { throw RecordError(problem: "\(path) must be a list") }
        return try calls.enumerated().map { index, call throws(RecordError) in
            let path = "\(path)[\(index)]"
            let (name, function) = try function(call, path: path)
            var arguments = function["arguments"] ?? .null
            if let text = arguments.stringValue { arguments = parsed(text) ?? .null }
            guard arguments.objectValue != nil else {
                throw RecordError(
                    problem:
                        "\(path).function.arguments must be an object, or a string that holds one as JSON")
            }
            return Record.Part(name: "tool_call", text: "\(name) \(arguments.text)")
        }
    }

    /// Tools of a record. They are no text of it: records that share their tools are not alike for that.
    private static func tools(_ value: JSONValue?) throws(RecordError) -> [Record.Part] {
        guard let value, !value.isNull else { return [] }
        guard let tools = (value.stringValue.flatMap(parsed) ?? value).arrayValue else {
            guard value.stringValue.flatMap(parsed) == .null else {
                throw RecordError(
                    problem: "\"tools\" must be a list, or a string that holds one as JSON")
            }
            return []
        }
        return try tools.enumerated().map { index, tool throws(RecordError) in
            _ = try function(tool, path: "tools[\(index)]")
            return Record.Part(name: "tool", text: tool.text, isText: false)
        }
    }

    private static func function(
        _ value: JSONValue, path: String
    ) throws(RecordError) -> (name: String, members: [String: JSONValue]) {
        let type = value["type"] ?? .null
        guard value.objectValue != nil, type.isNull || type == "function" else {
            throw RecordError(problem: "\(path) must be an object of the type \"function\"")
        }
        guard let function = value["function"]?.objectValue, let name = function["name"]?.stringValue,
            !name.isEmpty
        else {
            throw RecordError(problem: "\(path).function must be an object with a \"name\"")
        }
        return (name, function)
    }

    /// JSON within a string; nil if the string is none.
    private static func parsed(_ text: String) -> JSONValue? {
        let bytes = Array(text.utf8)
        guard !SurrogateCheck.hasLoneSurrogate(bytes) else { return nil }
        return try? JSONValue(parsing: bytes, depthLimit: Record.depthLimit)
    }

    private static func refuse(
        _ unusable: [(String, String)], in members: [String: JSONValue], path: String
    ) throws(RecordError) {
        for (key, remedy) in unusable {
            guard let value = members[key], !value.isNull, value != [] else { continue }
            throw RecordError(problem: "\(path)\(key) cannot be learnt from: \(remedy)")
        }
    }
}
