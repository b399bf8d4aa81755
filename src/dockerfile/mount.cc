// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/mount.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "dockerfile/runes.h"
#include "dockerfile/source.h"
#include "dockerfile/values.h"

namespace shale::dockerfile {

namespace {

constexpr std::array<std::pair<std::string_view, MountType>, 5> kTypes = {{
    {"bind", MountType::kBind},
    {"cache", MountType::kCache},
    {"tmpfs", MountType::kTmpfs},
    {"secret", MountType::kSecret},
    {"ssh", MountType::kSsh},
}};
constexpr std::array<std::pair<std::string_view, CacheSharing>, 3> kSharings = {{
    {"shared", CacheSharing::kShared},
    {"private", CacheSharing::kPrivate},
    {"locked", CacheSharing::kLocked},
}};

Error problem(std::string message) { return Error(ErrorKind::kDockerfile, std::move(message)); }

template <typename Table>
std::vector<std::string> names_in(const Table& table) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table) names.emplace_back(name);
  return names;
}

std::string_view name_of(MountType type) {
  return std::ranges::find(kTypes, type, &std::pair<std::string_view, MountType>::second)->first;
}

Result<std::uint32_t> number(std::string_view value, int base, std::string_view key) {
  std::uint32_t result = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result, base);
  if (error != std::errc() || end != value.data() + value.size() || value.empty()) {
    return fail(problem(fmt::format("invalid value {} for {}", value, key)));
  }
  return result;
}

Result<bool> truth(std::string_view value, std::string_view key) {
  const auto result = parse_bool(value);
  if (!result) return fail(problem(fmt::format("invalid value for {}: {}", key, value)));
  return *result;
}

// Keys are read in the order they are written: required and size look at the type given so far, as in
// BuildKit.
class MountReader {
 public:
  Status read(std::string_view key, std::string_view value, std::string_view field) {
    const auto is = [&](auto... names) { return ((key == names) || ...); };
    if (is("type")) return read_type(value);
    if (is("from")) return set(mount_.from, value);
    if (is("source", "src")) return set(mount_.source, value);
    if (is("target", "dst", "destination")) return set(mount_.target, value);
    if (is("id")) return set(mount_.id, value);
    if (is("readonly", "ro")) return read_only(key, value, true);
    if (is("readwrite", "rw")) return read_only(key, value, false);
    if (is("required")) return read_required(value);
    if (is("size")) return read_size(value);
    if (is("sharing")) return read_sharing(value);
    if (is("mode")) return read_number(mount_.mode, value, 8, key);
    if (is("uid")) return read_number(mount_.uid, value, 10, key);
    if (is("gid")) return read_number(mount_.gid, value, 10, key);
    if (is("env")) {
      if (mount_.type != MountType::kSecret) return fail(unexpected_for_type(key));
      mount_.env = value;
      return {};
    }
    static const std::vector<std::string> kKeys = {
        "type", "from", "source", "target", "readonly", "id",  "env", "sharing", "required",
        "mode", "uid",  "gid",    "size",   "src",      "dst", "ro",  "rw",      "readwrite"};
    return fail(with_suggestion(problem(fmt::format("unexpected key '{}' in '{}'", key, field)),
                                suggest(key, kKeys)));
  }

  // A key without a value.
  Status read_word(std::string_view key, std::string_view field) {
    if (key == "readonly" || key == "ro") return read_only(key, "true", true);
    if (key == "readwrite" || key == "rw") return read_only(key, "true", false);
    if (key == "required") return read_required("true");
    Error error = problem(fmt::format("invalid field '{}' must be a key=value pair", field));
    if (key == "z" || key == "u")
      error.add_hint("options of other builders for SELinux and owners have no meaning here");
    return fail(std::move(error));
  }

  Result<Mount> finish() {
    const bool has_file_info = mount_.type == MountType::kCache || mount_.type == MountType::kSecret ||
                               mount_.type == MountType::kSsh;
    for (const auto& [name, value] :
         {std::pair{"mode", &mount_.mode}, {"uid", &mount_.uid}, {"gid", &mount_.gid}}) {
      if (*value && !has_file_info) {
        return fail(
            problem(fmt::format("{} not allowed for \"{}\" type mounts", name, name_of(mount_.type))));
      }
    }
    if (!read_only_given_) {
      mount_.read_only = mount_.type != MountType::kCache && mount_.type != MountType::kTmpfs;
    }
    if (mount_.type == MountType::kSecret) {
      if (!mount_.from.empty()) return fail(problem("secret mount should not have a from"));
      if (sharing_given_) return fail(problem("secret mount should not define sharing"));
      if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty()) {
        return fail(problem("invalid secret mount. one of source, target required"));
      }
      if (!mount_.source.empty() && !mount_.id.empty())
        return fail(problem("both source and id can't be set"));
    }
    if (sharing_given_ && mount_.type != MountType::kCache) {
      return fail(problem(fmt::format("invalid cache sharing set for {} mount", name_of(mount_.type))));
    }
    return std::move(mount_);
  }

 private:
  static Status set(std::string& member, std::string_view value) {
    member = value;
    return {};
  }
  [[nodiscard]] Error unexpected_for_type(std::string_view key) const {
    return problem(fmt::format("unexpected key '{}' for mount type '{}'", key, name_of(mount_.type)));
  }
  Status read_type(std::string_view value) {
    const auto* const found =
        std::ranges::find(kTypes, to_lower(value), &std::pair<std::string_view, MountType>::first);
    if (found == kTypes.end()) {
      return fail(with_suggestion(problem(fmt::format("unsupported mount type {}", quote(value))),
                                  suggest(value, names_in(kTypes))));
    }
    mount_.type = found->second;
    return {};
  }
  Status read_sharing(std::string_view value) {
    const auto* const found =
        std::ranges::find(kSharings, to_lower(value), &std::pair<std::string_view, CacheSharing>::first);
    if (found == kSharings.end()) {
      return fail(with_suggestion(problem(fmt::format("unsupported sharing value {}", quote(value))),
                                  suggest(value, names_in(kSharings))));
    }
    mount_.sharing = found->second;
    sharing_given_ = true;
    return {};
  }
  Status read_only(std::string_view key, std::string_view value, bool meaning) {
    ASSIGN_OR_RETURN(const bool given, truth(value, key));
    mount_.read_only = given == meaning;
    read_only_given_ = true;
    return {};
  }
  Status read_required(std::string_view value) {
    if (mount_.type != MountType::kSecret && mount_.type != MountType::kSsh)
      return fail(unexpected_for_type("required"));
    ASSIGN_OR_RETURN(mount_.required, truth(value, "required"));
    return {};
  }
  Status read_size(std::string_view value) {
    if (mount_.type != MountType::kTmpfs) return fail(unexpected_for_type("size"));
    const auto size = parse_size(value);
    if (!size) return fail(problem(fmt::format("invalid value for size: {}", value)));
    mount_.size_bytes = *size;
    return {};
  }
  static Status read_number(std::optional<std::uint32_t>& member, std::string_view value, int base,
                            std::string_view key) {
    ASSIGN_OR_RETURN(member, number(value, base, key));
    return {};
  }

  Mount mount_;
  bool read_only_given_ = false;
  bool sharing_given_ = false;
};

Result<std::vector<std::string>> fields_of(std::string_view text) {
  auto fields = parse_csv(text);
  if (!fields) return fail(problem("failed to parse csv mounts: " + fields.error().message()));
  return fields;
}

}  // namespace

Result<Mount> resolve_mount(std::string_view text, const ValueExpander& expand) {
  ASSIGN_OR_RETURN(const auto fields, fields_of(text));
  MountReader reader;
  for (const std::string& field : fields) {
    const std::size_t equals = field.find('=');
    const std::string key = to_lower(std::string_view(field).substr(0, equals));
    if (equals == std::string::npos) {
      RETURN_IF_ERROR(reader.read_word(key, field));
      continue;
    }
    std::string value = field.substr(equals + 1);
    if (key != "from") {
      ASSIGN_OR_RETURN(value, expand(value));
    }
    RETURN_IF_ERROR(reader.read(key, value, field));
  }
  return reader.finish();
}

Result<std::string> mount_from(std::string_view text) {
  ASSIGN_OR_RETURN(const auto fields, fields_of(text));
  std::string from;
  for (const std::string& field : fields) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos || to_lower(std::string_view(field).substr(0, equals)) != "from")
      continue;
    from = field.substr(equals + 1);
    if (const std::size_t dollar = from.find('$'); dollar != std::string::npos && dollar + 1 < from.size()) {
      return fail(problem("'from' doesn't support variable expansion, define alias stage instead"));
    }
  }
  return from;
}

}  // namespace shale::dockerfile
