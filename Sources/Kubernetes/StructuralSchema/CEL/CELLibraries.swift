import KubernetesAPI

/// Functions on lists.
enum CELLists {
    static func call(_ name: String, _ list: CELList, _ arguments: [CELValue]) throws(CELError) -> CELValue? {
        let elements = list.elements
        switch (name, arguments.count) {
        case ("join", 0), ("join", 1): return .string(try join(elements, arguments.first))
        case ("isSorted", 0):
            for (a, b) in zip(elements, elements.dropFirst()) where try CELArithmetic.order(a, b) > 0 {
                return .bool(false)
            }
            return .bool(true)
        case ("min", 0), ("max", 0):
            guard var best = elements.first else { throw .evaluation("\(name) called on empty list") }
            for element in elements.dropFirst() {
                let order = try CELArithmetic.order(element, best)
                if name == "min" ? order < 0 : order > 0 { best = element }
            }
            return best
        case ("sum", 0):
            guard var total = elements.first else { return .int(0) }
            for element in elements.dropFirst() { total = try CELArithmetic.apply(.add, total, element) }
            return total
        case ("indexOf", 1): return .int(elements.firstIndex(of: arguments[0]).map(Int64.init) ?? -1)
        case ("lastIndexOf", 1): return .int(elements.lastIndex(of: arguments[0]).map(Int64.init) ?? -1)
        case ("reverse", 0): return .list(CELList(elements.reversed()))
        case ("sort", 0):
            return .list(CELList(try CELArithmetic.sorted(elements.map { ($0, $0) })))
        case ("distinct", 0):
            var seen: Set<CELValue> = []
            return .list(CELList(elements.filter { seen.insert($0).inserted }))
        case ("first", 0): return .optional(elements.first)
        case ("last", 0): return .optional(elements.last)
        case ("flatten", 0):
            return .list(
                CELList(
                    elements.flatMap { element -> [CELValue] in
                        if case .list(let inner) = element { inner.elements } else { [element] }
                    }))
        case ("slice", 2):
            guard let start = arguments[0].wholeNumber, let end = arguments[1].wholeNumber, start >= 0,
                end >= start, end <= elements.count
            else { throw .evaluation("index out of bounds") }
            return .list(CELList(Array(elements[Int(start)..<Int(end)])))
        default: return nil
        }
    }

    private static func join(_ elements: [CELValue], _ separator: CELValue?) throws(CELError) -> String {
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element else { throw .noSuchOverload }
            texts.append(text)
        }
        guard let separator else { return texts.joined() }
        guard case .string(let between) = separator else { throw .noSuchOverload }
        return texts.joined(separator: between)
    }
}

/// Functions on quantities.
enum CELQuantities {
    static func call(
        _ name: String, _ quantity: Quantity, _ arguments: [CELValue]
    ) throws(CELError) -> CELValue? {
        let mine = quantity.milliunits
        switch (name, arguments.count) {
        case ("isInteger", 0): return .bool(mine % 1000 == 0 && Int64(exactly: mine / 1000) != nil)
        case ("asInteger", 0):
            guard mine % 1000 == 0, let whole = Int64(exactly: mine / 1000) else {
                throw .evaluation("cannot convert value to integer")
            }
            return .int(whole)
        case ("asApproximateFloat", 0): return .double(Double(mine) / 1000)
        case ("sign", 0): return .int(Int64(mine.signum()))
        default: break
        }
        guard arguments.count == 1, let argument = arguments.first else { return nil }
        let other: Int128
        switch argument {
        case .quantity(let quantity): other = quantity.milliunits
        case .int(let units): other = Int128(units) * 1000
        default: throw .noSuchOverload
        }
        switch name {
        case "compareTo": return .int(mine < other ? -1 : mine == other ? 0 : 1)
        case "isGreaterThan": return .bool(mine > other)
        case "isLessThan": return .bool(mine < other)
        case "add", "sub":
            guard let sum = Quantity("\(name == "add" ? mine + other : mine - other)m") else {
                throw .overflow
            }
            return .quantity(sum)
        default: return nil
        }
    }
}

/// Functions on URLs.
enum CELURLs {
    static func call(_ name: String, _ url: URLParts, _ arguments: [CELValue]) -> CELValue? {
        guard arguments.isEmpty else { return nil }
        switch name {
        case "getScheme": return .string(url.scheme)
        case "getHost": return .string(url.host)
        case "getHostname": return .string(url.hostname)
        case "getPort": return .string(url.port)
        case "getEscapedPath": return .string(url.path)
        case "getQuery":
            var members: [CELValue: CELValue] = [:]
            for pair in url.query.split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let value = CELValue.string(parts.count > 1 ? String(parts[1]) : "")
                let key = CELValue.string(String(parts.first ?? ""))
                if case .list(let known)? = members[key] {
                    members[key] = .list(CELList(known.elements + [value]))
                } else {
                    members[key] = .list(CELList([value]))
                }
            }
            return .map(members)
        default: return nil
        }
    }
}

/// Functions on durations and timestamps; timestamps are read in UTC.
enum CELTimes {
    static func call(_ name: String, _ value: CELValue, _ arguments: [CELValue]) throws(CELError) -> CELValue?
    {
        switch value {
        case .duration(let nanoseconds):
            switch name {
            case "getHours": return .int(nanoseconds / 3_600_000_000_000)
            case "getMinutes": return .int(nanoseconds / 60_000_000_000)
            case "getSeconds": return .int(nanoseconds / 1_000_000_000)
            case "getMilliseconds": return .int(nanoseconds / 1_000_000)
            default: return nil
            }
        case .timestamp(let seconds, let nanoseconds):
            guard arguments.isEmpty || arguments == [.string("UTC")] else {
                throw .evaluation("only UTC is known as a time zone")
            }
            return part(name, seconds, nanoseconds)
        default: return nil
        }
    }

    private static func part(_ name: String, _ seconds: Int64, _ nanoseconds: Int64) -> CELValue? {
        let text = Timestamp(seconds: seconds).description
        let numbers = text.split { !$0.isNumber }.compactMap { Int64($0) }
        guard numbers.count == 6 else { return nil }
        let days = Int64((Double(seconds) / 86_400).rounded(.down))
        switch name {
        case "getFullYear": return .int(numbers[0])
        case "getMonth": return .int(numbers[1] - 1)
        case "getDate": return .int(numbers[2])
        case "getDayOfMonth": return .int(numbers[2] - 1)
        case "getDayOfWeek": return .int(((days + 4) % 7 + 7) % 7)
        case "getDayOfYear":
            let start = Timestamp("\(text.prefix(4))-01-01T00:00:00Z")
            return start.map { .int((seconds - $0.seconds) / 86_400) }
        case "getHours": return .int(numbers[3])
        case "getMinutes": return .int(numbers[4])
        case "getSeconds": return .int(numbers[5])
        case "getMilliseconds": return .int(nanoseconds / 1_000_000)
        default: return nil
        }
    }
}

/// Functions on optional values.
enum CELOptionals {
    static func call(_ name: String, _ inner: CELValue?, _ arguments: [CELValue]) throws(CELError)
        -> CELValue?
    {
        switch (name, arguments.count) {
        case ("hasValue", 0): return .bool(inner != nil)
        case ("value", 0):
            guard let inner else { throw .evaluation("optional.none() dereference") }
            return inner
        case ("orValue", 1): return inner ?? arguments[0]
        case ("or", 1): return inner.map { .optional($0) } ?? arguments[0]
        default: return nil
        }
    }
}
