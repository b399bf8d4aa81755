// SPDX-License-Identifier: Apache-2.0
#include "image/field_reader.h"

#include <fmt/format.h>

#include <limits>

namespace shale::image {

FieldReader::FieldReader(const Json& object, std::string what) : object_(&object), what_(std::move(what)) {
  if (!object.is_object()) status_ = fail(ErrorKind::kCorrupt, fmt::format("{} is not a JSON object", what_));
}

void FieldReader::complain(std::string_view key, std::string_view problem) {
  if (status_) status_ = fail(ErrorKind::kCorrupt, fmt::format("{}: '{}' {}", what_, key, problem));
}

const Json* FieldReader::member(const char* key) {
  const Json* found = json_member(*object_, key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void FieldReader::read(const char* key, std::string& target) {
  const Json* found = member(key);
  if (found == nullptr) return;
  if (!found->is_string()) return complain(key, "is not a string");
  target = found->get<std::string>();
}

void FieldReader::read(const char* key, bool& target) {
  const Json* found = member(key);
  if (found == nullptr) return;
  if (!found->is_boolean()) return complain(key, "is neither true nor false");
  target = found->get<bool>();
}

void FieldReader::read(const char* key, std::int64_t& target) {
  const Json* found = member(key);
  if (found == nullptr) return;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!found->is_number_integer() || (found->is_number_unsigned() && found->get<std::uint64_t>() > kMost))
    return complain(key, "is not a whole number");
  target = found->get<std::int64_t>();
}

void FieldReader::read(const char* key, std::uint64_t& target) {
  std::int64_t value = 0;
  if (member(key) == nullptr) return;
  read(key, value);
  if (value < 0) return complain(key, "is negative");
  target = static_cast<std::uint64_t>(value);
}

void FieldReader::read(const char* key, std::vector<std::string>& target) {
  const Json* found = array(key);
  if (found == nullptr) return;
  target.clear();
  for (const Json& item : *found) {
    if (!item.is_string()) return complain(key, "is not a list of strings");
    target.push_back(item.get<std::string>());
  }
}

void FieldReader::read(const char* key, std::map<std::string, std::string>& target) {
  const Json* found = object(key);
  if (found == nullptr) return;
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) return complain(key, "has a value that is not a string");
    target[name] = value.get<std::string>();
  }
}

std::vector<std::string> FieldReader::keys(const char* key) {
  std::vector<std::string> out;
  if (const Json* found = object(key))
    for (const auto& [name, value] : found->items()) out.push_back(name);
  return out;
}

const Json* FieldReader::array(const char* key) {
  const Json* found = member(key);
  if (found == nullptr || found->is_array()) return found;
  complain(key, "is not a list");
  return nullptr;
}

const Json* FieldReader::object(const char* key) {
  const Json* found = member(key);
  if (found == nullptr || found->is_object()) return found;
  complain(key, "is not an object");
  return nullptr;
}

}  // namespace shale::image
