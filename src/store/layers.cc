// SPDX-License-Identifier: Apache-2.0
#include "store/layers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "store/context.h"
#include "sys/files.h"
#include "sys/random_name.h"

namespace shale::store {

namespace {

constexpr std::string_view kFindId =
    "SELECT id, diff_id, content_key, encoding, chain_id, tar_bytes, content_bytes, entries, durable FROM "
    "layers"
    " WHERE id = ?";
constexpr std::string_view kFindContent =
    "SELECT id, diff_id, content_key, encoding, chain_id, tar_bytes, content_bytes, entries, durable FROM "
    "layers"
    " WHERE content_key = ? AND encoding = ? AND canonical = 1";
constexpr std::string_view kFindDiffId =
    "SELECT id, diff_id, content_key, encoding, chain_id, tar_bytes, content_bytes, entries, durable FROM "
    "layers"
    " WHERE diff_id = ? AND encoding = ? AND (chain_id = '' OR chain_id = ?) ORDER BY seq LIMIT 1";
constexpr std::string_view kFindDiffIdElsewhere =
    "SELECT id, diff_id, content_key, encoding, chain_id, tar_bytes, content_bytes, entries, durable FROM "
    "layers"
    " WHERE diff_id = ? AND encoding <> ? AND (chain_id = '' OR chain_id = ?) ORDER BY seq";

Result<std::optional<LayerRecord>> read_row(Statement& statement) {
  ASSIGN_OR_RETURN(const bool row, statement.step());
  if (!row) return std::nullopt;
  LayerRecord record;
  record.id = statement.text(0);
  ASSIGN_OR_RETURN(record.diff_id, statement.digest(1));
  ASSIGN_OR_RETURN(record.content_key, statement.digest(2));
  record.encoding = statement.text(3);
  ASSIGN_OR_RETURN(record.chain_id, statement.digest(4));
  record.tar_bytes = static_cast<std::uint64_t>(statement.integer(5));
  record.content_bytes = static_cast<std::uint64_t>(statement.integer(6));
  record.entries = static_cast<std::uint64_t>(statement.integer(7));
  record.durable = statement.integer(8) != 0;
  return record;
}

}  // namespace

Digest chain_id(std::span<const Digest> diff_ids) {
  Digest chain;
  for (const Digest& diff_id : diff_ids) chain = next_chain_id(chain, diff_id);
  return chain;
}

Digest next_chain_id(const Digest& below, const Digest& diff_id) {
  return below.empty() ? diff_id : Digest::of(below.to_string() + " " + diff_id.to_string());
}

Result<LayerRecord> Layers::publish(BuildLease& lease, WorkDirectory directory, const NewLayer& layer) {
  LayerRecord record{.id = sys::random_name(),
                     .diff_id = layer.diff_id,
                     .content_key = layer.content_key,
                     .encoding = layer.encoding,
                     .chain_id = layer.chain_id,
                     .tar_bytes = layer.tar_bytes,
                     .content_bytes = layer.content_bytes,
                     .entries = layer.entries};
  if (layer.manifest) {
    record.content_key = layer.manifest->content_key();
    record.content_bytes = layer.manifest->total_bytes();
    record.entries = layer.manifest->entries().size();
  } else if (!sys::exists_at(context_.root.get(), directory.manifest_path())) {
    return fail(ErrorKind::kInternal, fmt::format("layer directory '{}' has no manifest", directory.wrapper));
  }
  directory.fs.reset();
  const auto write_manifest = [&]() -> Status {
    if (!layer.manifest) return {};
    return sys::replace_file(context_.root.get(), directory.manifest_path(), layer.manifest->serialize(),
                             0600);
  };
  // Not written for a directory that will be dropped, as that of a step which changed nothing.
  bool written = false;
  if (layer.identity == NewLayer::Identity::kDiffId || !layer.manifest) {
    RETURN_IF_ERROR(write_manifest());
    written = true;
  } else {
    ASSIGN_OR_RETURN(const std::optional<LayerRecord> same,
                     find_content(record.content_key, record.encoding));
    if (!same) {
      RETURN_IF_ERROR(write_manifest());
      written = true;
    }
  }

  Database& database = *context_.database;
  ASSIGN_OR_RETURN(Transaction transaction, database.begin());
  std::optional<LayerRecord> canonical;
  ASSIGN_OR_RETURN(canonical, find_content(record.content_key, record.encoding));
  std::optional<LayerRecord> existing;
  if (layer.identity == NewLayer::Identity::kContent) {
    existing = canonical;
  } else {
    ASSIGN_OR_RETURN(existing, find_diff_id(record.diff_id, record.chain_id, record.encoding));
  }
  const auto hold = [&](const std::string& id) {
    return database.run("INSERT OR IGNORE INTO leases (build, kind, name) VALUES (?, 'layer', ?)",
                        std::string_view(lease.id()), std::string_view(id));
  };
  if (existing) {
    RETURN_IF_ERROR(hold(existing->id));
    RETURN_IF_ERROR(transaction.commit());
    RETURN_IF_ERROR(move_to_trash(context_, directory.wrapper));
    return *existing;
  }
  if (!written) RETURN_IF_ERROR(write_manifest());  // it was collected since we looked
  RETURN_IF_ERROR(database.run(
      "INSERT INTO layers (id, diff_id, content_key, encoding, chain_id, tar_bytes, content_bytes, entries, "
      "canonical,"
      " durable, boot_id, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
      std::string_view(record.id), record.diff_id, record.content_key, std::string_view(record.encoding),
      record.chain_id, static_cast<std::int64_t>(record.tar_bytes),
      static_cast<std::int64_t>(record.content_bytes), static_cast<std::int64_t>(record.entries),
      std::int64_t{canonical ? 0 : 1}, std::string_view(context_.boot_id), now_seconds()));
  RETURN_IF_ERROR(hold(record.id));
  // Inside the transaction: whoever holds the write lock sees every directory together with its row. Dying
  // before the commit leaves a directory without a row, which a sweep finds.
  if (::renameat(context_.root.get(), directory.wrapper.c_str(), context_.layers.get(), record.id.c_str()) !=
      0)
    return fail_errno(errno, fmt::format("publish the layer '{}'", directory.wrapper));
  if (Status committed = transaction.commit(); !committed) {
    // Back to where the build's end finds it; the error of the commit is the one to report.
    (void)::renameat(context_.layers.get(), record.id.c_str(), context_.root.get(),
                     directory.wrapper.c_str());
    return fail(std::move(committed.error()).context("publishing a layer"));
  }
  if (layer.manifest) {
    const std::lock_guard lock(mutex_);
    manifests_.emplace(record.id, layer.manifest);
  }
  return record;
}

Result<std::optional<LayerRecord>> Layers::find(const std::string& id) {
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kFindId));
  statement.bind(std::string_view(id));
  return read_row(statement);
}

Result<std::optional<LayerRecord>> Layers::find_diff_id(const Digest& diff_id, const Digest& chain,
                                                        const std::string& encoding) {
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kFindDiffId));
  statement.bind(diff_id).bind(std::string_view(encoding)).bind(chain);
  return read_row(statement);
}

Result<std::vector<LayerRecord>> Layers::find_diff_id_elsewhere(const Digest& diff_id, const Digest& chain,
                                                                const std::string& encoding) {
  std::vector<LayerRecord> found;
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kFindDiffIdElsewhere));
  statement.bind(diff_id).bind(std::string_view(encoding)).bind(chain);
  for (;;) {
    ASSIGN_OR_RETURN(std::optional<LayerRecord> record, read_row(statement));
    if (!record) return found;
    found.push_back(std::move(*record));
  }
}

Result<std::optional<LayerRecord>> Layers::find_content(const Digest& content_key,
                                                        const std::string& encoding) {
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kFindContent));
  statement.bind(content_key).bind(std::string_view(encoding));
  return read_row(statement);
}

Result<std::vector<std::optional<LayerRecord>>> Layers::find_stack(std::span<const Digest> diff_ids,
                                                                   const std::string& encoding) {
  std::vector<std::optional<LayerRecord>> stack;
  Digest chain;
  for (const Digest& diff_id : diff_ids) {
    chain = next_chain_id(chain, diff_id);
    ASSIGN_OR_RETURN(std::optional<LayerRecord> layer, find_diff_id(diff_id, chain, encoding));
    stack.push_back(std::move(layer));
  }
  return stack;
}

Result<std::shared_ptr<const layer::LayerManifest>> Layers::load_manifest(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = manifests_.find(id); found != manifests_.end()) return found->second;
  }
  // Outside the lock: others need not wait while a large one is parsed.
  ASSIGN_OR_RETURN(layer::LayerManifest manifest,
                   layer::LayerManifest::load(context_.layers.get(), id + "/manifest"));
  auto shared = std::make_shared<const layer::LayerManifest>(std::move(manifest));
  const std::lock_guard lock(mutex_);
  return manifests_.emplace(id, std::move(shared)).first->second;
}

std::string Layers::fs_path(const std::string& id) { return fmt::format("layers/{}/fs", id); }
std::string Layers::fs_path_absolute(const std::string& id) const {
  return fmt::format("{}/{}", context_.root_path, fs_path(id));
}
std::string Layers::manifest_path_absolute(const std::string& id) const {
  return fmt::format("{}/layers/{}/manifest", context_.root_path, id);
}

Status Layers::add_blob(const Digest& diff_id, const image::Descriptor& blob) {
  return context_.database->run(
      "INSERT OR REPLACE INTO layer_blobs (diff_id, digest, media_type, size) VALUES (?, ?, ?, ?)", diff_id,
      blob.digest, std::string_view(blob.media_type), static_cast<std::int64_t>(blob.size));
}

Result<std::vector<image::Descriptor>> Layers::blobs_of(const Digest& diff_id) {
  std::vector<image::Descriptor> blobs;
  ASSIGN_OR_RETURN(
      Statement statement,
      context_.database->prepare("SELECT digest, media_type, size FROM layer_blobs WHERE diff_id = ?"
                                 " ORDER BY seq DESC"));
  statement.bind(diff_id);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return blobs;
    image::Descriptor blob;
    ASSIGN_OR_RETURN(blob.digest, statement.digest(0));
    blob.media_type = statement.text(1);
    blob.size = static_cast<std::uint64_t>(statement.integer(2));
    blobs.push_back(std::move(blob));
  }
}

}  // namespace shale::store
