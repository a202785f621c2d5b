/// Expansion of `$(NAME)` in commands, arguments and variables, as in `third_party/forked/golang/expansion`
/// of Kubernetes: an unknown name stays as it was written, and `$$` is a dollar sign.
public enum VariableExpansion {
    public static func expand(_ text: String, with value: (String) -> String?) -> String {
        var output: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$"), let next = rest.first else {
                output.append(byte)
                continue
            }
            switch next {
            case UInt8(ascii: "$"):
                output.append(byte)
                rest.removeFirst()
            case UInt8(ascii: "("):
                guard let end = rest.firstIndex(of: UInt8(ascii: ")")) else {
                    output.append(byte)
                    continue
                }
                let name = String(decoding: rest[(rest.startIndex + 1)..<end], as: UTF8.self)
                output += (value(name) ?? "$(\(name))").utf8
                rest = rest[(end + 1)...]
            default:
                output.append(byte)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}
