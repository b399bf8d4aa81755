// SPDX-License-Identifier: Apache-2.0
// FieldReader: typed access to the members of a document from outside. The first wrong type is kept as the
// error, so that a reader lists its fields without a check after each.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace shale::image {

// Reads members of one object. A missing member and null leave the target as it is, as Go's decoder does.
class FieldReader {
 public:
  // `what` names the document in errors; the object must outlive the reader.
  FieldReader(const Json& object, std::string what);

  void read(const char* key, std::string& target);
  void read(const char* key, bool& target);
  void read(const char* key, std::int64_t& target);
  void read(const char* key, std::uint64_t& target);  // refuses negative, fractional and more than 2^63-1
  void read(const char* key, std::vector<std::string>& target);
  void read(const char* key, std::map<std::string, std::string>& target);
  // The keys of an object whose values carry nothing (ExposedPorts, Volumes).
  std::vector<std::string> keys(const char* key);
  // nullptr when missing or null; anything but an array (an object) is an error.
  const Json* array(const char* key);
  const Json* object(const char* key);

  void complain(std::string_view key, std::string_view problem);
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  const Json* member(const char* key);

  const Json* object_;
  std::string what_;
  Status status_;
};

}  // namespace shale::image
