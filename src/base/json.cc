// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace shale {

namespace {

constexpr int kMaxDepth = 64;  // deeper than any OCI or docker document; bounds recursion

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what) {
  // The library passes over one; Go's parser, which reads the same documents elsewhere, does not.
  if (text.starts_with("\xef\xbb\xbf"))
    return fail(ErrorKind::kCorrupt,
                fmt::format("{} is not valid JSON (it begins with a byte order mark)", what));
  std::string problem;
  std::vector<std::set<std::string>> keys;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth && problem.empty())
      problem = fmt::format("is nested deeper than {} levels", kMaxDepth);
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty() && problem.empty() &&
        !keys.back().insert(parsed.get<std::string>()).second)
      problem = "has a repeated key";
    return problem.empty();
  };
  try {
    Json json = Json::parse(text.begin(), text.end(), callback);
    if (problem.empty()) return json;
  } catch (const Json::exception& error) {
    if (problem.empty()) problem = fmt::format("is not valid JSON ({})", error.what());
  }
  return fail(ErrorKind::kCorrupt, fmt::format("{} {}", what, problem));
}

std::string dump_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string dump_json_pretty(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace);
}

const Json* json_member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string json_string(const Json& object, const char* key, std::string fallback) {
  const Json* member = json_member(object, key);
  return member != nullptr && member->is_string() ? member->get<std::string>() : std::move(fallback);
}

std::int64_t json_int(const Json& object, const char* key, std::int64_t fallback) {
  const Json* member = json_member(object, key);
  return member != nullptr && member->is_number_integer() ? member->get<std::int64_t>() : fallback;
}

bool json_bool(const Json& object, const char* key, bool fallback) {
  const Json* member = json_member(object, key);
  return member != nullptr && member->is_boolean() ? member->get<bool>() : fallback;
}

}  // namespace shale
