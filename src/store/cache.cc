// SPDX-License-Identifier: Apache-2.0
#include "store/cache.h"

#include <fmt/format.h>

#include "base/json.h"
#include "store/context.h"

namespace shale::store {

namespace {

// How exact last_used is: a build that finds everything cached writes nothing for an hour.
constexpr std::int64_t kUseGranule = 3600;

constexpr std::string_view kLookup =
    "SELECT seq, key, definition, encoding, layers, content_key, cost_ns, created, last_used FROM "
    "cache_records"
    " WHERE key = ? AND encoding = ?";
constexpr std::string_view kByDefinition =
    "SELECT seq, key, definition, encoding, layers, content_key, cost_ns, created, last_used, parts FROM "
    "cache_records"
    " WHERE definition = ? ORDER BY seq DESC LIMIT ?";

Result<CacheRecord> read_row(const Statement& statement) {
  CacheRecord record;
  ASSIGN_OR_RETURN(record.key, statement.digest(1));
  ASSIGN_OR_RETURN(record.definition, statement.digest(2));
  record.encoding = statement.text(3);
  const std::string layers = statement.text(4);
  for (std::size_t at = 0; at < layers.size();) {
    const std::size_t end = std::min(layers.find(' ', at), layers.size());
    record.layers.push_back(layers.substr(at, end - at));
    at = end + 1;
  }
  ASSIGN_OR_RETURN(record.content_key, statement.digest(5));
  record.cost = std::chrono::nanoseconds(statement.integer(6));
  record.created = statement.integer(7);
  record.last_used = statement.integer(8);
  return record;
}

std::string parts_to_json(const std::vector<KeyPart>& parts) {
  Json array = Json::array();
  for (const KeyPart& part : parts) array.push_back(Json::array({part.name, part.value}));
  return dump_json(array);
}

Result<std::vector<KeyPart>> parts_from_json(const std::string& text) {
  ASSIGN_OR_RETURN(const Json array, parse_json(text, "the parts of a cache record"));
  std::vector<KeyPart> parts;
  for (const Json& part : array) {
    if (!part.is_array() || part.size() != 2 || !part[0].is_string() || !part[1].is_string())
      return fail(ErrorKind::kCorrupt, "the parts of a cache record are not pairs of strings");
    parts.push_back({part[0].get<std::string>(), part[1].get<std::string>()});
  }
  return parts;
}

}  // namespace

Result<std::optional<CacheRecord>> CacheRecords::lookup(const Digest& key, const std::string& encoding) {
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kLookup));
  statement.bind(key).bind(std::string_view(encoding));
  ASSIGN_OR_RETURN(const bool row, statement.step());
  if (!row) return std::nullopt;
  ASSIGN_OR_RETURN(CacheRecord record, read_row(statement));
  if (record.last_used + kUseGranule < now_seconds()) {
    const std::lock_guard lock(mutex_);
    used_.push_back(statement.integer(0));
  }
  return record;
}

Result<std::vector<std::string>> CacheRecords::encodings_of(const Digest& key) {
  std::vector<std::string> encodings;
  ASSIGN_OR_RETURN(
      Statement statement,
      context_.database->prepare("SELECT encoding FROM cache_records WHERE key = ? ORDER BY encoding"));
  statement.bind(key);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return encodings;
    encodings.push_back(statement.text(0));
  }
}

Status CacheRecords::put(const CacheRecord& record) {
  Database& database = *context_.database;
  ASSIGN_OR_RETURN(Transaction transaction, database.begin());
  std::string layers;
  for (const std::string& layer : record.layers) {
    ASSIGN_OR_RETURN(Statement exists, database.prepare("SELECT 1 FROM layers WHERE id = ?"));
    exists.bind(std::string_view(layer));
    ASSIGN_OR_RETURN(const bool there, exists.step());
    if (!there) return fail(ErrorKind::kNotFound, fmt::format("layer {} is no longer in the store", layer));
    layers += (layers.empty() ? "" : " ") + layer;
  }
  // Deleted first, so that what it held goes along and the new row is the newest of its definition.
  RETURN_IF_ERROR(database.run("DELETE FROM cache_records WHERE key = ? AND encoding = ?", record.key,
                               std::string_view(record.encoding)));
  ASSIGN_OR_RETURN(
      Statement insert,
      database.prepare("INSERT INTO cache_records (key, encoding, definition, layers, content_key,"
                       " cost_ns, created, last_used, parts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                       " RETURNING seq"));
  insert.bind(record.key)
      .bind(std::string_view(record.encoding))
      .bind(record.definition)
      .bind(std::string_view(layers))
      .bind(record.content_key)
      .bind(std::int64_t{record.cost.count()})
      .bind(record.created)
      .bind(now_seconds())
      .bind(std::string_view(parts_to_json(record.parts)));
  ASSIGN_OR_RETURN(const bool row, insert.step());
  const std::int64_t seq = row ? insert.integer(0) : 0;
  RETURN_IF_ERROR(insert.run());
  for (const std::string& layer : record.layers)
    RETURN_IF_ERROR(database.run("INSERT OR IGNORE INTO cache_layers (layer, record) VALUES (?, ?)",
                                 std::string_view(layer), seq));
  return transaction.commit();
}

Result<std::vector<CacheRecord>> CacheRecords::records_with_definition(const Digest& definition, int limit) {
  std::vector<CacheRecord> records;
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kByDefinition));
  statement.bind(definition).bind(std::int64_t{limit});
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return records;
    ASSIGN_OR_RETURN(CacheRecord record, read_row(statement));
    ASSIGN_OR_RETURN(record.parts, parts_from_json(statement.text(9)));
    records.push_back(std::move(record));
  }
}

Result<std::optional<Digest>> CacheRecords::find_link(const Digest& from) {
  ASSIGN_OR_RETURN(Statement statement,
                   context_.database->prepare("SELECT target FROM cache_links WHERE source = ?"));
  statement.bind(from);
  ASSIGN_OR_RETURN(const bool row, statement.step());
  if (!row) return std::nullopt;
  ASSIGN_OR_RETURN(const Digest target, statement.digest(0));
  return target;
}

Status CacheRecords::put_link(const Digest& from, const Digest& to) {
  return context_.database->run(
      "INSERT OR REPLACE INTO cache_links (source, target, created) VALUES (?, ?, ?)", from, to,
      now_seconds());
}

Status CacheRecords::flush() {
  std::vector<std::int64_t> used;
  {
    const std::lock_guard lock(mutex_);
    used.swap(used_);
  }
  if (used.empty()) return {};
  ASSIGN_OR_RETURN(Transaction transaction, context_.database->begin());
  for (const std::int64_t seq : used)
    RETURN_IF_ERROR(
        context_.database->run("UPDATE cache_records SET last_used = ? WHERE seq = ?", now_seconds(), seq));
  return transaction.commit();
}

}  // namespace shale::store
