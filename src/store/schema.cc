// SPDX-License-Identifier: Apache-2.0
// Digests are kept as 64 hex digits: anybody with the sqlite3 program can read the store.
#include "store/schema.h"

#include <fmt/format.h>

#include <array>

namespace shale::store {

namespace {

// Step n brings version n to n + 1. A step that was released is never changed.
constexpr std::array kSteps = {
    R"sql(
-- boot_id: of the boot in which the store was last opened
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- canonical: the one layer that stands for its content; durable: a sync came after it, until then it counts only in
-- the boot it was made in
CREATE TABLE layers (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, diff_id TEXT NOT NULL, content_key TEXT NOT NULL,
  encoding TEXT NOT NULL, chain_id TEXT NOT NULL, tar_bytes INTEGER NOT NULL, content_bytes INTEGER NOT NULL,
  entries INTEGER NOT NULL, canonical INTEGER NOT NULL, durable INTEGER NOT NULL, boot_id TEXT NOT NULL,
  created INTEGER NOT NULL);
CREATE UNIQUE INDEX layers_canonical ON layers (content_key, encoding) WHERE canonical = 1;
CREATE INDEX layers_diff_id ON layers (diff_id, encoding);
CREATE INDEX layers_unsynced ON layers (seq) WHERE durable = 0;

CREATE TABLE blobs (
  seq INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, durable INTEGER NOT NULL,
  boot_id TEXT NOT NULL, created INTEGER NOT NULL);
CREATE INDEX blobs_unsynced ON blobs (seq) WHERE durable = 0;

-- compressed forms of a layer; the blob itself need not be here
CREATE TABLE layer_blobs (
  seq INTEGER PRIMARY KEY, diff_id TEXT NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL,
  size INTEGER NOT NULL, UNIQUE (diff_id, digest));

-- created: nanoseconds since 1970
CREATE TABLE images (
  id TEXT PRIMARY KEY, created INTEGER NOT NULL, size INTEGER NOT NULL, manifest_digest TEXT NOT NULL,
  manifest_media_type TEXT NOT NULL, config TEXT NOT NULL, manifest TEXT NOT NULL);
CREATE INDEX images_manifest ON images (manifest_digest);
CREATE TABLE image_layers (
  image TEXT NOT NULL, position INTEGER NOT NULL, diff_id TEXT NOT NULL, PRIMARY KEY (image, position)) WITHOUT ROWID;
CREATE INDEX image_layers_diff_id ON image_layers (diff_id);
CREATE TABLE tags (
  reference TEXT PRIMARY KEY, image TEXT NOT NULL, manifest_digest TEXT NOT NULL, updated INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE INDEX tags_image ON tags (image);
CREATE INDEX tags_manifest ON tags (manifest_digest);

-- layers: ids, separated by spaces; parts comes last, as it can be long and is read only to explain a miss
CREATE TABLE cache_records (
  seq INTEGER PRIMARY KEY, key TEXT NOT NULL, encoding TEXT NOT NULL, definition TEXT NOT NULL,
  layers TEXT NOT NULL, content_key TEXT NOT NULL, cost_ns INTEGER NOT NULL, created INTEGER NOT NULL,
  last_used INTEGER NOT NULL, parts TEXT NOT NULL, UNIQUE (key, encoding));
CREATE INDEX cache_records_definition ON cache_records (definition, seq);
CREATE TABLE cache_layers (
  layer TEXT NOT NULL, record INTEGER NOT NULL REFERENCES cache_records (seq) ON DELETE CASCADE,
  PRIMARY KEY (layer, record)) WITHOUT ROWID;
CREATE INDEX cache_layers_record ON cache_layers (record);
CREATE TABLE cache_links (
  source TEXT PRIMARY KEY, target TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;

-- a record is worth nothing without all of its layers
CREATE TRIGGER layer_gone AFTER DELETE ON layers BEGIN
  DELETE FROM cache_records WHERE seq IN (SELECT record FROM cache_layers WHERE layer = OLD.id);
END;

CREATE TABLE cache_mounts (
  name TEXT PRIMARY KEY, id TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER NOT NULL) WITHOUT ROWID;

-- kind: 'layer' (name = id) or 'blob' (name = digest)
CREATE TABLE leases (
  build TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (build, kind, name)) WITHOUT ROWID;
CREATE INDEX leases_name ON leases (kind, name);
)sql",
};
constexpr std::int64_t kVersion = kSteps.size();

Result<std::int64_t> version_of(Database& database) {
  ASSIGN_OR_RETURN(Statement statement, database.prepare("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

}  // namespace

Result<bool> schema_is_current(Database& database) {
  ASSIGN_OR_RETURN(const std::int64_t version, version_of(database));
  return version == kVersion;
}

Status migrate_schema(Database& database) {
  ASSIGN_OR_RETURN(Transaction transaction, database.begin(Database::Durability::kSynced));
  ASSIGN_OR_RETURN(const std::int64_t version, version_of(database));
  if (version > kVersion)
    return fail(Error(ErrorKind::kUnsupported,
                      fmt::format("the store has database version {}, and this shale knows versions up to {}",
                                  version, kVersion))
                    .hint("use the newer shale that made it, or another store with --root"));
  for (std::int64_t step = version; step < kVersion; ++step)
    RETURN_IF_ERROR(database.execute(kSteps[static_cast<std::size_t>(step)]));
  RETURN_IF_ERROR(database.execute(fmt::format("PRAGMA user_version={}", kVersion).c_str()));
  return transaction.commit();
}

}  // namespace shale::store
