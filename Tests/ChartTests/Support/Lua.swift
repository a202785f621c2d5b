import Foundation
import KubernetesAPI

/// Runs Lua as Argo CD does: version 5.1, `obj` as a global, and of the libraries only the basic one, tables
/// and a harmless `os`.
enum Lua {
    static let interpreter = CommandLineTool(named: "lua5.1")
    static let missing = "lua5.1 is not installed: run hack/setup charts"

    /// Minute of the clock that scripts see.
    static let now = "202611210405"

    /// Runs a script, and returns what it answers for an object.
    static func run(_ script: URL, on object: JSONValue) throws -> JSONValue {
        guard let interpreter else { throw CocoaError(.fileNoSuchFile) }
        let program = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).lua")
        try Data(source(script: script.path, object: object).utf8).write(to: program)
        defer { try? FileManager.default.removeItem(at: program) }
        return try JSONValue(parsing: Array(try interpreter(program.path).utf8))
    }

    private static func source(script: String, object: JSONValue) -> String {
        """
        local os = { date = function() return "\(now)" end, time = function() return 0 end }
        local libraries = { table = table, os = os }
        local environment = {
          assert = assert, error = error, ipairs = ipairs, next = next, pairs = pairs, pcall = pcall,
          select = select, tonumber = tonumber, tostring = tostring, type = type, unpack = unpack,
          table = table, require = function(name) return assert(libraries[name], "no library " .. name) end,
          obj = \(literal(object)),
        }
        local script = assert(loadfile(\(quoted(script))))
        setfenv(script, environment)

        local function quote(text)
          return '"' .. string.gsub(text, '[%c"\\\\]', function(c)
            return string.format("\\\\u%04x", string.byte(c))
          end) .. '"'
        end
        local function encode(value)
          if type(value) == "string" then return quote(value) end
          if type(value) == "number" then return string.format("%.17g", value) end
          if type(value) ~= "table" then return tostring(value) end
          local parts = {}
          -- An empty table becomes a list, as in Argo CD.
          if #value > 0 or next(value) == nil then
            for _, element in ipairs(value) do table.insert(parts, encode(element)) end
            return "[" .. table.concat(parts, ",") .. "]"
          end
          for key, member in pairs(value) do table.insert(parts, quote(key) .. ":" .. encode(member)) end
          return "{" .. table.concat(parts, ",") .. "}"
        end
        io.write(encode(script()))
        """
    }

    /// The value as an expression of Lua.
    private static func literal(_ value: JSONValue) -> String {
        switch value {
        case .null: "nil"
        case .bool(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .string(let text): quoted(text)
        case .array(let elements): "{\(elements.map(literal).joined(separator: ","))}"
        case .object(let members):
            "{\(members.map { "[\(quoted($0.key))]=\(literal($0.value))" }.joined(separator: ","))}"
        }
    }

    private static func quoted(_ text: String) -> String {
        let bytes = text.utf8.map { byte in
            let isPlain =
                (32..<127).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            let digits = String(byte)
            return isPlain
                ? String(UnicodeScalar(byte))
                : "\\" + String(repeating: "0", count: 3 - digits.count) + digits
        }
        return "\"\(bytes.joined())\""
    }
}
