// SPDX-License-Identifier: Apache-2.0
#include "shale/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "base/suggest.h"
#include "base/template_parse.h"

namespace shale {

namespace {

using Arguments = std::vector<Json>;

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::kUsage, "template: " + std::move(message));
}

// As Go's fmt prints it.
std::string printed(const Json& value, bool nested = false) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "<nil>";
  if (!value.is_structured()) return dump_json(value);
  std::string inner;
  if (value.is_object() && value.empty() && nested) return "{}";  // an empty structure, as in ExposedPorts
  if (value.is_array()) {
    for (const Json& item : value) inner += (inner.empty() ? "" : " ") + printed(item, true);
    return "[" + inner + "]";
  }
  std::vector<std::string> members;
  for (const auto& [key, member] : value.items()) members.push_back(key + ":" + printed(member, true));
  std::ranges::sort(members);
  for (const std::string& member : members) inner += (inner.empty() ? "" : " ") + member;
  return "map[" + inner + "]";
}

bool is_true(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number()) return value != Json(0);
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return !value.is_null() && !value.empty();
}

Result<Json> member_of(const Json& value, const std::string& name) {
  if (const Json* member = json_member(value, name.c_str())) return *member;
  std::vector<std::string> names;
  if (value.is_object())
    for (const auto& [key, member] : value.items()) names.push_back(key);
  Error error(ErrorKind::kUsage, fmt::format("template: there is no field '{}'", name));
  if (!hint_nearest(error, name, names) && !names.empty())
    error.add_hint(fmt::format("there is {}", fmt::join(names, ", ")));
  return fail(std::move(error));
}

Result<Json> index_of(const Json& value, const Json& key) {
  if (value.is_array() && key.is_number_integer()) {
    const auto at = key.get<std::int64_t>();
    if (at < 0 || std::cmp_greater_equal(at, value.size()))
      return wrong(fmt::format("index {} of a list of {}", at, value.size()));
    return value[static_cast<std::size_t>(at)];
  }
  if (!value.is_object() || !key.is_string())
    return wrong(fmt::format("index: {} has no member {}", printed(value), dump_json(key)));
  // What a map does not hold is empty, as in Go.
  const Json* member = json_member(value, key.get_ref<const std::string&>().c_str());
  return member != nullptr ? *member : Json("");
}

std::string changed_case(std::string text, int (*change)(int)) {
  for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
  return text;
}

Result<Json> join(const Json& list, const Json& divider) {
  std::string out;
  for (std::size_t i = 0; list.is_array() && i < list.size(); ++i)
    out += (i == 0 ? "" : printed(divider)) + printed(list[i]);
  return Json(std::move(out));
}

Result<Json> split(const std::string& text, const std::string& divider) {
  if (divider.empty()) return wrong("split needs a divider");
  Json out = Json::array();
  std::size_t start = 0;
  for (std::size_t end = 0; (end = text.find(divider, start)) != std::string::npos;
       start = end + divider.size())
    out.push_back(text.substr(start, end - start));
  out.push_back(text.substr(start));
  return out;
}

Json print(const Arguments& arguments, std::string_view divider) {
  std::string out;
  for (std::size_t i = 0; i < arguments.size(); ++i)
    out += std::string(i == 0 ? "" : divider) + printed(arguments[i]);
  return out;
}

Result<Json> slice(const Arguments& arguments) {
  const std::string text = printed(arguments[0]);
  std::size_t ends[2] = {0, text.size()};
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (!arguments[i].is_number_integer() || std::cmp_less(arguments[i].get<std::int64_t>(), ends[0]) ||
        std::cmp_greater(arguments[i].get<std::int64_t>(), text.size()))
      return wrong(fmt::format("slice: {} is outside of a text of {}", printed(arguments[i]), text.size()));
    ends[i - 1] = arguments[i].get<std::size_t>();
  }
  return Json(text.substr(ends[0], ends[1] - ends[0]));
}

// "%s", "%v", "%d", "%q", and "%.12s" for a beginning.
Result<Json> formatted(const Arguments& arguments) {
  std::string out;
  std::size_t next = 1;
  std::string_view rest = arguments[0].is_string()
                              ? std::string_view(arguments[0].get_ref<const std::string&>())
                              : std::string_view();
  for (std::size_t at = 0; (at = rest.find('%')) != std::string_view::npos;) {
    out += rest.substr(0, at);
    rest.remove_prefix(at + 1);
    std::size_t most = std::string::npos;
    if (rest.starts_with('.')) {
      const char* end = rest.data() + rest.size();
      const auto [stop, error] = std::from_chars(rest.data() + 1, end, most);
      if (error == std::errc()) rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
    }
    const char verb = rest.empty() ? '\0' : rest[0];
    if (std::string_view("svdq%").find(verb) == std::string_view::npos)
      return wrong("printf knows %s, %v, %d, %q and %.12s");
    rest.remove_prefix(1);
    if (verb == '%') {
      out += '%';
      continue;
    }
    if (next == arguments.size()) return wrong("printf has too few arguments");
    const std::string text = printed(arguments[next++]).substr(0, most);
    out += verb == 'q' ? dump_json(Json(text)) : text;
  }
  return Json(out.append(rest));
}

// Go's: the first that decides, else the last.
Json first_that_is(bool wanted, const Arguments& arguments) {
  const auto found =
      std::ranges::find_if(arguments, [&](const Json& each) { return is_true(each) == wanted; });
  return found == arguments.end() ? arguments.back() : *found;
}

struct Function {
  const char* name;
  std::size_t least;
  std::size_t most;
  Result<Json> (*call)(const Arguments&);
};

constexpr std::size_t kAny = 100;
constexpr Function kFunctions[] = {
    {"json", 1, 1, [](const Arguments& a) -> Result<Json> { return Json(dump_json(a[0])); }},
    {"len", 1, 1,
     [](const Arguments& a) -> Result<Json> {
       return Json(a[0].is_string() ? a[0].get_ref<const std::string&>().size() : a[0].size());
     }},
    {"index", 1, kAny,
     [](const Arguments& a) -> Result<Json> {
       Json value = a[0];
       for (std::size_t i = 1; i < a.size(); ++i) {
         ASSIGN_OR_RETURN(value, index_of(value, a[i]));
       }
       return value;
     }},
    {"join", 2, 2, [](const Arguments& a) { return join(a[0], a[1]); }},
    {"split", 2, 2, [](const Arguments& a) { return split(printed(a[0]), printed(a[1])); }},
    {"lower", 1, 1,
     [](const Arguments& a) -> Result<Json> { return Json(changed_case(printed(a[0]), std::tolower)); }},
    {"upper", 1, 1,
     [](const Arguments& a) -> Result<Json> { return Json(changed_case(printed(a[0]), std::toupper)); }},
    {"truncate", 2, 2,
     [](const Arguments& a) -> Result<Json> {
       if (!a[1].is_number_integer() || a[1].get<std::int64_t>() < 0) return wrong("truncate needs a length");
       return Json(printed(a[0]).substr(0, a[1].get<std::size_t>()));
     }},
    {"slice", 1, 3, slice},
    {"printf", 1, kAny, formatted},
    {"and", 1, kAny, [](const Arguments& a) -> Result<Json> { return first_that_is(false, a); }},
    {"or", 1, kAny, [](const Arguments& a) -> Result<Json> { return first_that_is(true, a); }},
    {"print", 0, kAny, [](const Arguments& a) -> Result<Json> { return print(a, ""); }},
    {"println", 0, kAny,
     [](const Arguments& a) -> Result<Json> { return Json(print(a, " ").get<std::string>() + '\n'); }},
    {"eq", 2, kAny,
     [](const Arguments& a) -> Result<Json> {
       return Json(std::find(a.begin() + 1, a.end(), a[0]) != a.end());
     }},
    {"ne", 2, 2, [](const Arguments& a) -> Result<Json> { return Json(a[0] != a[1]); }},
    {"not", 1, 1, [](const Arguments& a) -> Result<Json> { return Json(!is_true(a[0])); }},
};

Result<Json> call(const std::string& name, const Arguments& arguments) {
  std::vector<std::string> names;
  for (const Function& function : kFunctions) {
    names.emplace_back(function.name);
    if (name != function.name) continue;
    if (arguments.size() < function.least || arguments.size() > function.most)
      return wrong(fmt::format("{} does not take {} arguments", name, arguments.size()));
    return function.call(arguments);
  }
  Error error(ErrorKind::kUsage, fmt::format("template: there is no function '{}'", name));
  if (!hint_nearest(error, name, names)) error.add_hint(fmt::format("there is {}", fmt::join(names, ", ")));
  return fail(std::move(error));
}

class Filler {
 public:
  explicit Filler(const Json& root) : variables_{{"", root}} {}

  Status fill(const std::vector<TemplateNode>& nodes, const Json& dot, std::string& out) {
    for (const TemplateNode& node : nodes) {
      if (node.kind == TemplateNode::Kind::kText) {
        out += node.text;
        continue;
      }
      ASSIGN_OR_RETURN(const Json value, evaluate(node.pipeline, dot));
      switch (node.kind) {
        case TemplateNode::Kind::kIf:
          RETURN_IF_ERROR(fill(is_true(value) ? node.body : node.otherwise, dot, out));
          break;
        case TemplateNode::Kind::kWith:
          RETURN_IF_ERROR(is_true(value) ? fill(node.body, value, out) : fill(node.otherwise, dot, out));
          break;
        case TemplateNode::Kind::kRange:
          RETURN_IF_ERROR(range(node, value, dot, out));
          break;
        case TemplateNode::Kind::kText:
        case TemplateNode::Kind::kValue:
          out += printed(value);
      }
    }
    return {};
  }

 private:
  Status range(const TemplateNode& node, const Json& value, const Json& dot, std::string& out) {
    if (!value.is_structured() || value.empty()) return fill(node.otherwise, dot, out);
    const std::size_t before = variables_.size();
    std::int64_t at = 0;
    for (const auto& [key, member] : value.items()) {
      const std::vector<std::string>& names = node.pipeline.variables;
      if (names.size() > 1) variables_.emplace_back(names[0], value.is_array() ? Json(at) : Json(key));
      if (!names.empty()) variables_.emplace_back(names.back(), member);
      RETURN_IF_ERROR(fill(node.body, member, out));
      variables_.resize(before);
      ++at;
    }
    return {};
  }

  Result<Json> evaluate(const TemplatePipeline& pipeline, const Json& dot) {
    std::optional<Json> passed;
    for (const TemplateCommand& command : pipeline.commands) {
      const bool function = command[0].kind == TemplateOperand::Kind::kFunction;
      if (!function && (command.size() > 1 || passed)) return wrong("a value is used as a function");
      Arguments arguments;
      for (std::size_t i = function ? 1 : 0; i < command.size(); ++i) {
        ASSIGN_OR_RETURN(Json value, operand(command[i], dot));
        arguments.push_back(std::move(value));
      }
      if (passed) arguments.push_back(std::move(*passed));
      if (function) {
        ASSIGN_OR_RETURN(passed, call(command[0].name, arguments));
      } else {
        passed = std::move(arguments[0]);
      }
    }
    return std::move(*passed);
  }

  Result<Json> operand(const TemplateOperand& operand, const Json& dot) {
    Json value = operand.literal;
    switch (operand.kind) {
      case TemplateOperand::Kind::kField:
        value = dot;
        break;
      case TemplateOperand::Kind::kVariable: {
        const auto found = std::ranges::find(variables_.rbegin(), variables_.rend(), operand.name,
                                             &std::pair<std::string, Json>::first);
        if (found == variables_.rend()) return wrong(fmt::format("there is no variable '${}'", operand.name));
        value = found->second;
        break;
      }
      case TemplateOperand::Kind::kFunction: {
        ASSIGN_OR_RETURN(value, call(operand.name, {}));
        break;
      }
      case TemplateOperand::Kind::kGroup: {
        ASSIGN_OR_RETURN(value, evaluate(operand.group[0], dot));
        break;
      }
      case TemplateOperand::Kind::kLiteral:
        break;
    }
    for (const std::string& name : operand.fields) {
      ASSIGN_OR_RETURN(value, member_of(value, name));
    }
    return value;
  }

  std::vector<std::pair<std::string, Json>> variables_;  // the innermost last; "$" is the whole value
};

}  // namespace

Result<std::string> fill_template(std::string_view pattern, std::string_view json) {
  ASSIGN_OR_RETURN(const Json value, parse_json(json, "the value to be shown"));
  ASSIGN_OR_RETURN(const std::vector<TemplateNode> nodes, parse_template(pattern));
  std::string out;
  RETURN_IF_ERROR(Filler(value).fill(nodes, value, out));
  return out;
}

}  // namespace shale
