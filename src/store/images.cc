// SPDX-License-Identifier: Apache-2.0
#include "store/images.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "store/context.h"
#include "store/recovery.h"
#include "sys/files.h"

namespace shale::store {

namespace {

using std::chrono::nanoseconds;
using std::chrono::system_clock;

constexpr std::string_view kFindImage =
    "SELECT id, created, size, manifest_digest, manifest_media_type, config, manifest FROM images WHERE id = "
    "?";
constexpr std::string_view kDefaultTag = "latest";
constexpr std::string_view kFindManifest =
    "SELECT id FROM images WHERE manifest_digest = ?1 UNION SELECT image FROM tags WHERE manifest_digest = "
    "?1 LIMIT 1";
constexpr std::string_view kFindTag =
    "SELECT reference, image, manifest_digest FROM tags WHERE reference = ?";
constexpr std::string_view kTags = "SELECT reference, image, manifest_digest FROM tags ORDER BY reference";
constexpr std::string_view kTagsOf =
    "SELECT reference, image, manifest_digest FROM tags WHERE image = ? ORDER BY reference";

std::int64_t to_nanoseconds(system_clock::time_point time) {
  return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count();
}
system_clock::time_point from_nanoseconds(std::int64_t value) {
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(nanoseconds(value)));
}

Result<TagRecord> read_tag(const Statement& statement) {
  TagRecord tag{.reference = statement.text(0), .image = {}, .manifest_digest = {}};
  ASSIGN_OR_RETURN(tag.image, statement.digest(1));
  ASSIGN_OR_RETURN(tag.manifest_digest, statement.digest(2));
  return tag;
}

Result<std::vector<TagRecord>> read_tags(Statement& statement) {
  std::vector<TagRecord> tags;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return tags;
    ASSIGN_OR_RETURN(TagRecord tag, read_tag(statement));
    tags.push_back(std::move(tag));
  }
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.size() <= 2 * Digest::kBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Status check_layers(StoreContext& context, const ImageRecord& image) {
  for (const Digest& diff_id : image.diff_ids) {
    ASSIGN_OR_RETURN(Statement layer,
                     context.database->prepare("SELECT 1 FROM layers WHERE diff_id = ? LIMIT 1"));
    layer.bind(diff_id);
    ASSIGN_OR_RETURN(bool there, layer.step());
    if (!there) {
      ASSIGN_OR_RETURN(Statement blobs,
                       context.database->prepare("SELECT digest FROM layer_blobs WHERE diff_id = ?"));
      blobs.bind(diff_id);
      for (;;) {
        ASSIGN_OR_RETURN(const bool row, blobs.step());
        if (!row) break;
        there = there || sys::exists_at(context.blobs.get(), blobs.text(0));
      }
    }
    if (!there)
      return fail(Error(ErrorKind::kNotFound, fmt::format("layer {} of image {} is not in the store",
                                                          diff_id.to_string(), image.id.short_hex()))
                      .hint("another shale process removed it meanwhile; build or pull again"));
  }
  return {};
}

}  // namespace

Result<bool> Images::is_recorded(const ImageRecord& image, std::span<const TagRecord> tags) {
  ASSIGN_OR_RETURN(Statement found,
                   context_.database->prepare("SELECT manifest_digest FROM images WHERE id = ?"));
  found.bind(image.id);
  ASSIGN_OR_RETURN(const bool there, found.step());
  if (!there) return false;
  if (image.manifest && image.manifest->digest.hex() != found.text(0)) return false;
  for (const TagRecord& tag : tags) {
    ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kFindTag));
    statement.bind(std::string_view(tag.reference));
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return false;
    ASSIGN_OR_RETURN(const TagRecord known, read_tag(statement));
    if (known.image != tag.image || known.manifest_digest != tag.manifest_digest) return false;
  }
  return true;
}

Status Images::put(const ImageRecord& image, std::span<const TagRecord> tags) {
  ASSIGN_OR_RETURN(const bool recorded, is_recorded(image, tags));
  // A name may only lead to what is safely on disk: layers first, then the names, themselves synced.
  RETURN_IF_ERROR(sync_published(context_));
  if (recorded) return check_layers(context_, image);
  return write(image, tags);
}

Status Images::write(const ImageRecord& image, std::span<const TagRecord> tags) {
  Database& database = *context_.database;
  ASSIGN_OR_RETURN(Transaction transaction, database.begin(Database::Durability::kSynced));
  RETURN_IF_ERROR(check_layers(context_, image));
  RETURN_IF_ERROR(database.run(
      "INSERT INTO images (id, created, size, manifest_digest, manifest_media_type, config, manifest)"
      " VALUES (?, ?, ?, '', '', ?, '') ON CONFLICT (id) DO NOTHING",
      image.id, to_nanoseconds(image.created), static_cast<std::int64_t>(image.size_bytes),
      std::string_view(image.config_json)));
  if (image.manifest)
    RETURN_IF_ERROR(database.run(
        "UPDATE images SET manifest_digest = ?, manifest_media_type = ?, manifest = ? WHERE id = ?",
        image.manifest->digest, std::string_view(image.manifest->media_type),
        std::string_view(image.manifest->json), image.id));
  for (std::size_t i = 0; i < image.diff_ids.size(); ++i)
    RETURN_IF_ERROR(
        database.run("INSERT OR IGNORE INTO image_layers (image, position, diff_id) VALUES (?, ?, ?)",
                     image.id, static_cast<std::int64_t>(i), image.diff_ids[i]));
  for (const TagRecord& tag : tags)
    RETURN_IF_ERROR(database.run(
        "INSERT OR REPLACE INTO tags (reference, image, manifest_digest, updated) VALUES (?, ?, ?, ?)",
        std::string_view(tag.reference), tag.image, tag.manifest_digest, now_seconds()));
  return transaction.commit();
}

Status Images::tag(const image::ImageRef& reference, const Digest& image) {
  ASSIGN_OR_RETURN(Transaction transaction, context_.database->begin(Database::Durability::kSynced));
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> found, find(image));
  if (!found) return fail(ErrorKind::kNotFound, fmt::format("no image {} in the store", image.to_string()));
  RETURN_IF_ERROR(context_.database->run(
      "INSERT OR REPLACE INTO tags (reference, image, manifest_digest, updated) VALUES (?, ?, '', ?)",
      std::string_view(reference.full()), image, now_seconds()));
  return transaction.commit();
}

Status Images::set_manifest(const Digest& image, const ImageManifest& manifest) {
  return context_.database->run(
      "UPDATE images SET manifest_digest = ?, manifest_media_type = ?, manifest = ? WHERE id = ?",
      manifest.digest, std::string_view(manifest.media_type), std::string_view(manifest.json), image);
}

Result<std::optional<ImageRecord>> Images::find(const Digest& id) {
  ImageRecord image;
  {
    ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kFindImage));
    statement.bind(id);
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return std::nullopt;
    image.id = id;
    image.created = from_nanoseconds(statement.integer(1));
    image.size_bytes = static_cast<std::uint64_t>(statement.integer(2));
    image.config_json = statement.text(5);
    ASSIGN_OR_RETURN(const Digest manifest_digest, statement.digest(3));
    if (!manifest_digest.empty())
      image.manifest = ImageManifest{manifest_digest, statement.text(4), statement.text(6)};
  }
  ASSIGN_OR_RETURN(
      Statement layers,
      context_.database->prepare("SELECT diff_id FROM image_layers WHERE image = ? ORDER BY position"));
  layers.bind(id);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, layers.step());
    if (!row) return image;
    ASSIGN_OR_RETURN(const Digest diff_id, layers.digest(0));
    image.diff_ids.push_back(diff_id);
  }
}

Result<std::optional<TagRecord>> Images::find_tag(const image::ImageRef& reference) {
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kFindTag));
  const std::string full = reference.full();
  statement.bind(std::string_view(full));
  ASSIGN_OR_RETURN(const bool row, statement.step());
  if (!row) return std::nullopt;
  ASSIGN_OR_RETURN(TagRecord tag, read_tag(statement));
  return tag;
}

Result<Digest> Images::find_beginning(const std::string& hex, const std::string& name) {
  ASSIGN_OR_RETURN(
      Statement statement,
      context_.database->prepare("SELECT id FROM images WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2"));
  statement.bind(std::string_view(hex));
  ASSIGN_OR_RETURN(const bool first, statement.step());
  if (!first) return Digest();
  ASSIGN_OR_RETURN(const Digest id, statement.digest(0));
  ASSIGN_OR_RETURN(const bool second, statement.step());
  if (!second) return id;
  return fail(Error(ErrorKind::kUsage, fmt::format("several images have ids that begin with '{}'", name))
                  .hint("write more of the id"));
}

Result<Digest> Images::find_digest(const Digest& digest) {
  ASSIGN_OR_RETURN(const std::optional<ImageRecord> image, find(digest));
  if (image) return digest;
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kFindManifest));
  statement.bind(digest);
  ASSIGN_OR_RETURN(const bool row, statement.step());
  if (!row) return Digest();
  return statement.digest(0);
}

Result<ResolvedImage> Images::resolve(const std::string& name) {
  constexpr std::string_view kPrefix = "sha256:";
  const bool prefixed = name.starts_with(kPrefix);
  const std::string hex = prefixed ? name.substr(kPrefix.size()) : name;
  ResolvedImage resolved;
  Digest id;
  // Whatever is wrong with it as a name: it may be an id, and then it is no error.
  const Result<image::ImageRef> reference = image::ImageRef::parse(name);
  if (reference && !prefixed) {
    ASSIGN_OR_RETURN(resolved.tag, find_tag(*reference));
    if (resolved.tag) {
      id = resolved.tag->image;
    } else if (reference->digest) {
      ASSIGN_OR_RETURN(id, find_digest(*reference->digest));
    }
  }
  if (id.empty() && is_hex(hex)) {
    if (const Result<Digest> digest = Digest::from_hex(hex)) {
      ASSIGN_OR_RETURN(id, find_digest(*digest));
    } else {
      ASSIGN_OR_RETURN(id, find_beginning(hex, name));
    }
  }
  if (!id.empty()) {
    ASSIGN_OR_RETURN(std::optional<ImageRecord> image, find(id));
    if (image) {
      resolved.image = std::move(*image);
      return resolved;
    }
  }
  if (!reference && !is_hex(hex)) return fail(Error(reference.error()));
  Error error(ErrorKind::kNotFound, fmt::format("no image '{}' in the store", name));
  ASSIGN_OR_RETURN(const std::vector<TagRecord> all, tags());
  // A tag that nobody wrote would make all names alike.
  const bool tagged = !reference || reference->tag != kDefaultTag || name.ends_with(kDefaultTag);
  const auto written = [&](const image::ImageRef& known) {
    return tagged || known.tag != kDefaultTag ? known.familiar() : known.familiar_repository();
  };
  std::vector<std::string> names;
  for (const TagRecord& tag : all)
    if (const Result<image::ImageRef> known = image::ImageRef::parse(tag.reference))
      names.push_back(written(*known));
  hint_nearest(error, reference ? written(*reference) : name, names);
  return fail(std::move(error));
}

Result<std::vector<TagRecord>> Images::tags() {
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kTags));
  return read_tags(statement);
}

Result<std::vector<TagRecord>> Images::tags_of(const Digest& image) {
  ASSIGN_OR_RETURN(Statement statement, context_.database->prepare(kTagsOf));
  statement.bind(image);
  return read_tags(statement);
}

Result<std::vector<ImageRecord>> Images::list() {
  std::vector<ImageRecord> images;
  ASSIGN_OR_RETURN(
      Statement statement,
      context_.database->prepare("SELECT id, created, size FROM images ORDER BY created DESC, id"));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return images;
    ImageRecord image;
    ASSIGN_OR_RETURN(image.id, statement.digest(0));
    image.created = from_nanoseconds(statement.integer(1));
    image.size_bytes = static_cast<std::uint64_t>(statement.integer(2));
    images.push_back(std::move(image));
  }
}

Result<bool> Images::untag(const std::string& reference) {
  ASSIGN_OR_RETURN(Transaction transaction, context_.database->begin());
  RETURN_IF_ERROR(
      context_.database->run("DELETE FROM tags WHERE reference = ?", std::string_view(reference)));
  const bool removed = context_.database->changed_rows() > 0;
  RETURN_IF_ERROR(transaction.commit());
  return removed;
}

Status Images::remove(const Digest& image) {
  ASSIGN_OR_RETURN(Transaction transaction, context_.database->begin());
  for (const std::string_view sql :
       {"DELETE FROM tags WHERE image = ?", "DELETE FROM image_layers WHERE image = ?",
        "DELETE FROM images WHERE id = ?"})
    RETURN_IF_ERROR(context_.database->run(sql, image));
  return transaction.commit();
}

}  // namespace shale::store
