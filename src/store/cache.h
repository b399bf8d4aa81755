// SPDX-License-Identifier: Apache-2.0
// CacheRecords: which layers a step made, under the key of everything that can change its result.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "shale/digest.h"

namespace shale::store {

struct StoreContext;

// One of the things a key was made of, kept to explain a miss.
struct KeyPart {
  std::string name;   // "argument VERSION", "src/main.c", "parent"
  std::string value;  // short text or a digest; equal text = equal part
  bool operator==(const KeyPart&) const = default;
};

struct CacheRecord {
  Digest key;
  Digest definition;     // of the operation alone, without its inputs: the same step at another time
  std::string encoding;  // of the layers' directories
  std::vector<std::string> layers;   // ids, lowest first; empty = the step changes nothing
  Digest content_key;                // of the result
  std::vector<KeyPart> parts;        // left empty by lookup()
  std::chrono::nanoseconds cost{0};  // wall time the step took
  std::int64_t created = 0;          // seconds since 1970: when the step was done
  std::int64_t last_used = 0;        // likewise, exact to an hour
};

class CacheRecords {
 public:
  explicit CacheRecords(StoreContext& context) : context_(context) {}

  // A record whose layers are all there, or none. One indexed read; its use is written down by flush(), and
  // only if the last one is an hour ago.
  Result<std::optional<CacheRecord>> lookup(const Digest& key, const std::string& encoding);
  // Encodings under which the key is recorded: a miss in one may be a conversion away in another.
  Result<std::vector<std::string>> encodings_of(const Digest& key);
  // Replaces the record of the same key and encoding. kNotFound if one of the layers is gone.
  Status put(const CacheRecord& record);
  // The latest records of the same operation, newest first: one of them may tell what changed.
  Result<std::vector<CacheRecord>> records_with_definition(const Digest& definition, int limit = 8);

  // A second table, from one key to another: what a step's definition turned out to mean ("these files of
  // that stage" → their content), so that a look-up by content needs no second reading.
  Result<std::optional<Digest>> find_link(const Digest& from);
  Status put_link(const Digest& from, const Digest& to);

  // Writes the use times.
  Status flush();

 private:
  StoreContext& context_;
  std::mutex mutex_;
  std::vector<std::int64_t> used_;  // rows whose last_used is to be written
};

}  // namespace shale::store
