// SPDX-License-Identifier: Apache-2.0
// JSON from outside: parsed under limits, read with errors as values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale {

// Keeps the order in which keys were written, so that what we write reads the way it was composed.
using Json = nlohmann::ordered_json;

// Parses one JSON text of any origin. Refuses nesting deeper than 64 and repeated keys in an object (two
// readers must not see two meanings). `what` names the text in errors ("manifest of alpine:latest").
Result<Json> parse_json(std::string_view text, std::string_view what);

// Compact text, invalid UTF-8 replaced, no exception.
std::string dump_json(const Json& value);
std::string dump_json_pretty(const Json& value);

// Member look-ups that never throw: a missing member or one of another type gives the fallback.
std::string json_string(const Json& object, const char* key, std::string fallback = {});
std::int64_t json_int(const Json& object, const char* key, std::int64_t fallback = 0);
bool json_bool(const Json& object, const char* key, bool fallback = false);
// nullptr when missing, or when `object` is not an object.
const Json* json_member(const Json& object, const char* key);

}  // namespace shale
