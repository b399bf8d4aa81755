// SPDX-License-Identifier: Apache-2.0
#include "build/image_users.h"

#include <fmt/format.h>

#include <charconv>

#include "base/suggest.h"

namespace shale::build {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  std::size_t at = 0;
  while (true) {
    const std::size_t end = text.find(separator, at);
    out.push_back(text.substr(at, end == std::string_view::npos ? end : end - at));
    if (end == std::string_view::npos) return out;
    at = end + 1;
  }
}

// The lines of an account file; those with NUL bytes, which no program could be given, are left out.
std::vector<std::string_view> rows_of(std::string_view text) {
  std::vector<std::string_view> out = split(text, '\n');
  std::erase_if(out, [](std::string_view line) { return line.find('\0') != std::string_view::npos; });
  return out;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// As a user writes it.
bool is_id(std::string_view text) { return is_number(text.starts_with('+') ? text.substr(1) : text); }

// Ids above the signed range are refused, as runc refuses them: they would wrap somewhere (CVE-2024-40635).
Result<std::uint32_t> parse_id(std::string_view text) {
  constexpr std::uint32_t kLargest = 0x7fffffff;
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > kLargest)
    return fail(ErrorKind::kDockerfile,
                fmt::format("user or group id '{}' is not between 0 and {}", text, kLargest));
  return value;
}

struct PasswdRow {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;
};
struct GroupRow {
  std::string name;
  std::uint32_t gid = 0;
  std::vector<std::string> members;
};

// Malformed rows are passed over, as libc does.
Result<std::vector<PasswdRow>> read_passwd(const ImageFileReader& read) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, read("/etc/passwd"));
  std::vector<PasswdRow> out;
  if (!text) return out;
  for (const std::string_view line : rows_of(*text)) {
    const std::vector<std::string_view> fields = split(line, ':');
    if (fields.size() < 4 || !is_number(fields[2]) || !is_number(fields[3])) continue;
    const Result<std::uint32_t> uid = parse_id(fields[2]);
    const Result<std::uint32_t> gid = parse_id(fields[3]);
    if (!uid || !gid) continue;
    out.push_back({std::string(fields[0]), *uid, *gid, std::string(fields.size() > 5 ? fields[5] : "")});
  }
  return out;
}

Result<std::vector<GroupRow>> read_group(const ImageFileReader& read) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, read("/etc/group"));
  std::vector<GroupRow> out;
  if (!text) return out;
  for (const std::string_view line : rows_of(*text)) {
    const std::vector<std::string_view> fields = split(line, ':');
    if (fields.size() < 3 || !is_number(fields[2])) continue;
    const Result<std::uint32_t> gid = parse_id(fields[2]);
    if (!gid) continue;
    GroupRow row{std::string(fields[0]), *gid, {}};
    if (fields.size() > 3)
      for (const std::string_view member : split(fields[3], ','))
        if (!member.empty()) row.members.emplace_back(member);
    out.push_back(std::move(row));
  }
  return out;
}

template <typename Row>
Error unknown(const char* what, const char* file, std::string_view name, const std::vector<Row>& rows) {
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(row.name);
  Error error(ErrorKind::kDockerfile, fmt::format("{} '{}' is not in {} of this stage", what, name, file));
  if (!hint_nearest(error, name, names))
    error.add_hint(fmt::format("create the {} in an earlier RUN, or use a number", what));
  return error;
}

const PasswdRow* find_name(const std::vector<PasswdRow>& rows, std::string_view name) {
  for (const PasswdRow& row : rows)
    if (row.name == name) return &row;
  return nullptr;
}

Result<std::uint32_t> resolve_group(std::string_view group, const ImageFileReader& read) {
  if (is_id(group)) return parse_id(group);
  ASSIGN_OR_RETURN(const std::vector<GroupRow> rows, read_group(read));
  for (const GroupRow& row : rows)
    if (row.name == group) return row.gid;
  if (group == "root") return 0;
  return fail(unknown("group", "/etc/group", group, rows));
}

}  // namespace

Result<RunUser> resolve_run_user(std::string_view user, const ImageFileReader& read) {
  const std::size_t colon = user.find(':');
  const std::string_view name = user.substr(0, colon);
  const std::optional<std::string_view> group =
      colon == std::string_view::npos ? std::nullopt : std::optional(user.substr(colon + 1));
  RunUser out;
  ASSIGN_OR_RETURN(const std::vector<PasswdRow> rows, read_passwd(read));
  const PasswdRow* row = nullptr;
  if (name.empty() || is_id(name)) {
    if (!name.empty()) {
      ASSIGN_OR_RETURN(out.uid, parse_id(name));
    }
    for (const PasswdRow& candidate : rows)
      if (candidate.uid == out.uid && row == nullptr) row = &candidate;
  } else {
    row = find_name(rows, name);
    // An image without accounts still has a root.
    if (row == nullptr && name != "root") return fail(unknown("user", "/etc/passwd", name, rows));
    if (row != nullptr) out.uid = row->uid;
  }
  if (row != nullptr) {
    out.gid = row->gid;
    if (!row->home.empty()) out.home = row->home;
  } else if (out.uid == 0) {
    out.home = "/root";
  }
  if (group && !group->empty()) {
    ASSIGN_OR_RETURN(out.gid, resolve_group(*group, read));
    out.groups = {out.gid};
    return out;
  }
  // The primary group is a supplementary one too: a set-group-id program that changes the former does not
  // escape what a file denies that group.
  out.groups = {out.gid};
  if (row != nullptr) {
    ASSIGN_OR_RETURN(const std::vector<GroupRow> groups, read_group(read));
    for (const GroupRow& candidate : groups)
      for (const std::string& member : candidate.members)
        if (member == row->name && candidate.gid != out.gid) out.groups.push_back(candidate.gid);
    constexpr std::size_t kMostGroups = 65536;  // NGROUPS_MAX, linux/limits.h
    if (out.groups.size() > kMostGroups)
      return fail(ErrorKind::kDockerfile,
                  fmt::format("/etc/group of this stage puts user '{}' into more than {} groups, which is "
                              "Linux's limit",
                              row->name, kMostGroups));
  }
  return out;
}

namespace {

Result<Owner> resolve_user(std::string_view user, const ImageFileReader& read) {
  Owner out;
  if (is_id(user)) {
    ASSIGN_OR_RETURN(out.uid, parse_id(user));
    out.gid = out.uid;
  } else if (!user.empty()) {
    ASSIGN_OR_RETURN(const std::vector<PasswdRow> rows, read_passwd(read));
    const PasswdRow* row = find_name(rows, user);
    if (row == nullptr && user != "root") return fail(unknown("user", "/etc/passwd", user, rows));
    if (row != nullptr) out = {row->uid, row->gid};
  }
  return out;
}

}  // namespace

Result<Owner> resolve_owner(std::string_view owner, const ImageFileReader& read, UnknownOwner unknown) {
  const auto passed_over = [unknown](const Error& error) {
    return unknown == UnknownOwner::kPassedOver && error.kind() == ErrorKind::kDockerfile;
  };
  const std::size_t colon = owner.find(':');
  Result<Owner> out = resolve_user(owner.substr(0, colon), read);
  if (!out) {
    if (!passed_over(out.error())) return out;
    out = Owner();
  }
  if (colon == std::string_view::npos) return out;
  // A colon with nothing behind it, which an empty variable leaves, is the group 0, as docker has it.
  const Result<std::uint32_t> group =
      colon + 1 == owner.size() ? Result<std::uint32_t>(0) : resolve_group(owner.substr(colon + 1), read);
  if (group)
    out->gid = *group;
  else if (!passed_over(group.error()))
    return fail(group.error());
  return out;
}

}  // namespace shale::build
