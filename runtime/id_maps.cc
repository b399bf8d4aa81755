// SPDX-License-Identifier: Apache-2.0
// Which ids a build's namespace can have: our own maps, /etc/subuid and /etc/subgid, and the programs that
// may write a map with them.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>

#include "runtime/map_helpers.h"
#include "runtime/userns.h"
#include "sys/files.h"

namespace shale::runtime {

namespace {

// shadow's own limit on what it reads is lower; a longer file is not one.
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
// (uid_t)-1 means "no id" to many calls.
constexpr std::uint64_t kIdEnd = std::numeric_limits<std::uint32_t>::max();

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Calls `use` with each line of `text`, without its newline.
template <typename Use>
void for_each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    use(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

bool holds_capabilities(std::initializer_list<unsigned> wanted) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](unsigned cap) { return (data[cap / 32].effective >> (cap % 32) & 1U) != 0; });
}

std::uint64_t end_of(std::uint32_t first, std::uint32_t count) { return std::uint64_t{first} + count; }

std::vector<IdMap> one_to_one(const std::vector<IdMap>& own) {
  std::vector<IdMap> out;
  for (const IdMap& extent : own) out.push_back({extent.inside, extent.inside, extent.count});
  return out;
}

// Without the C library's name service, which a statically linked program has not. Users whom only that knows
// (LDAP) are who their environment says: newuidmap checks it.
std::string user_name(uid_t uid) {
  const Result<std::string> passwd = sys::read_file(AT_FDCWD, "/etc/passwd", kMaxFileBytes);
  std::string name = passwd ? passwd_name(*passwd, uid) : std::string();
  for (const char* variable : {"USER", "LOGNAME"}) {
    const char* value = ::getenv(variable);
    if (!name.empty() || value == nullptr || *value == '\0') continue;
    // Who has a row has another id: setpriv and containers' --user leave such a name behind.
    if (!passwd || !passwd_has(*passwd, value)) name = value;
  }
  return name;
}

// A missing file gives nobody anything.
Result<std::vector<IdMap>> subordinate_ids(const std::string& path, const std::string& name, uid_t uid) {
  if (!sys::exists_at(AT_FDCWD, path)) return std::vector<IdMap>{};
  ASSIGN_OR_RETURN(const std::string text, sys::read_file(AT_FDCWD, path, kMaxFileBytes));
  return parse_subordinate_ids(text, name, uid);
}

// The line that gives a user ids, as a command for root.
std::vector<std::string> range_hints(const OwnMaps& own, const std::string& user, bool uids, bool gids) {
  std::string rows;
  for (const char* path : {"/etc/subuid", "/etc/subgid"})
    if (const Result<std::string> text = sys::read_file(AT_FDCWD, path, kMaxFileBytes)) rows += *text + "\n";
  const IdMap free = free_subordinate_ids(rows, own.uids, ::geteuid());
  if (free.count == 0) return {"make the container, or the user namespace, with more ids"};
  return {fmt::format("as root: echo '{}:{}:{}' {}", user, free.outside, free.count,
                      uids && gids ? "| tee -a /etc/subuid >>/etc/subgid"
                      : uids       ? ">>/etc/subuid"
                                   : ">>/etc/subgid")};
}

IdMaps single(std::string reason, std::vector<std::string> hints) {
  return {.uids = {{0, ::geteuid(), 1}},
          .gids = {{0, ::getegid(), 1}},
          .kind = IdMaps::Kind::kSingle,
          .single_reason = std::move(reason),
          .single_hints = std::move(hints)};
}

}  // namespace

bool passwd_has(std::string_view text, std::string_view name) {
  bool found = false;
  for_each_line(text,
                [&](std::string_view line) { found = found || line.substr(0, line.find(':')) == name; });
  return found;
}

std::string passwd_name(std::string_view text, uid_t uid) {
  std::string out;
  for_each_line(text, [&](std::string_view line) {
    const std::size_t name = line.find(':');
    const std::size_t password = line.find(':', name == std::string_view::npos ? name : name + 1);
    if (!out.empty() || name == 0 || password == std::string_view::npos) return;
    const std::string_view rest = line.substr(password + 1);
    if (number(rest.substr(0, rest.find(':'))) == std::uint64_t{uid}) out = line.substr(0, name);
  });
  return out;
}

std::vector<IdMap> parse_subordinate_ids(std::string_view text, std::string_view user_name, uid_t uid) {
  std::vector<IdMap> out;
  std::uint64_t inside = 1;
  for_each_line(text, [&](std::string_view line) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string_view::npos ? first : first + 1);
    if (line.starts_with('#') || second == std::string_view::npos) return;
    const std::string_view owner = line.substr(0, first);
    const bool ours = (!user_name.empty() && owner == user_name) || number(owner) == std::uint64_t{uid};
    const auto start = number(line.substr(first + 1, second - first - 1));
    const auto count = number(line.substr(second + 1));
    if (!ours || !start || !count || *start >= kIdEnd) return;
    const std::uint64_t usable = std::min({*count, kIdEnd - *start, kIdEnd - inside});
    if (usable == 0) return;
    out.push_back({static_cast<std::uint32_t>(inside), static_cast<std::uint32_t>(*start),
                   static_cast<std::uint32_t>(usable)});
    inside += usable;
  });
  return out;
}

std::vector<IdMap> ids_that_exist(const std::vector<IdMap>& ranges, const std::vector<IdMap>& here) {
  std::vector<IdMap> out;
  std::uint32_t inside = 1;
  for (const IdMap& range : ranges) {
    for (const IdMap& extent : here) {
      const std::uint64_t first = std::max(range.outside, extent.inside);
      const std::uint64_t end =
          std::min(end_of(range.outside, range.count), end_of(extent.inside, extent.count));
      if (first >= end) continue;
      const auto count = static_cast<std::uint32_t>(end - first);
      out.push_back({inside, static_cast<std::uint32_t>(first), count});
      inside += count;
    }
  }
  return out;
}

IdMap free_subordinate_ids(std::string_view text, const std::vector<IdMap>& here, std::uint32_t own) {
  constexpr std::uint64_t kFirst = 100'000;
  constexpr std::uint64_t kCount = 65'536;
  std::uint64_t free = kFirst;
  for_each_line(text, [&](std::string_view line) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string_view::npos ? first : first + 1);
    if (line.starts_with('#') || second == std::string_view::npos) return;
    const auto start = number(line.substr(first + 1, second - first - 1));
    const auto count = number(line.substr(second + 1));
    if (start && count && *start < kIdEnd && *count < kIdEnd) free = std::max(free, *start + *count);
  });
  // A file that gives away the last ids has a hole somewhere, which its owner knows better.
  const IdMap usual{1, static_cast<std::uint32_t>(free + kCount <= kIdEnd ? free : kFirst), kCount};
  if (const std::vector<IdMap> found = ids_that_exist({usual}, here); found.size() == 1 && found[0] == usual)
    return usual;
  IdMap most{.inside = 1};
  const auto offer = [&](std::uint64_t first, std::uint64_t end) {
    if (first >= end || end - first <= most.count) return;
    most.outside = static_cast<std::uint32_t>(first);
    most.count = static_cast<std::uint32_t>(end - first);
  };
  for (const IdMap& extent : here) {
    const std::uint64_t first = std::max(extent.inside, 1U);
    const std::uint64_t end = end_of(extent.inside, extent.count);
    if (own >= first && own < end) {
      offer(first, own);
      offer(std::uint64_t{own} + 1, end);
    } else {
      offer(first, end);
    }
  }
  return most;
}

Result<std::vector<IdMap>> parse_id_map(std::string_view text) {
  std::vector<IdMap> out;
  bool good = true;
  for_each_line(text, [&](std::string_view line) {
    std::array<std::uint32_t, 3> fields{};
    for (std::uint32_t& field : fields) {
      const auto value = number(next_word(line));
      good = good && value && *value <= kIdEnd;
      if (good) field = static_cast<std::uint32_t>(*value);
    }
    good = good && next_word(line).empty();
    out.push_back({fields[0], fields[1], fields[2]});
  });
  if (!good)
    return fail(ErrorKind::kSystem, "read an id map: the kernel's text is not three numbers per line");
  return out;
}

Result<OwnMaps> read_own_maps() {
  OwnMaps maps;
  ASSIGN_OR_RETURN(const std::string uids, sys::read_file(AT_FDCWD, "/proc/self/uid_map"));
  ASSIGN_OR_RETURN(maps.uids, parse_id_map(uids));
  ASSIGN_OR_RETURN(const std::string gids, sys::read_file(AT_FDCWD, "/proc/self/gid_map"));
  ASSIGN_OR_RETURN(maps.gids, parse_id_map(gids));
  return maps;
}

Result<IdMaps> own_ids() {
  ASSIGN_OR_RETURN(const OwnMaps own, read_own_maps());
  return IdMaps{.uids = one_to_one(own.uids),
                .gids = one_to_one(own.gids),
                .kind = IdMaps::Kind::kIdentity,
                .single_reason = {},
                .single_hints = {}};
}

Result<IdMaps> plan_id_maps() {
  const uid_t uid = ::geteuid();
  // CAP_SETFCAP: since Linux 5.12 the id 0 is mapped only for one who could set its file capabilities.
  if (uid == 0 && holds_capabilities({CAP_SETUID, CAP_SETGID, CAP_SETFCAP})) return own_ids();
  const std::string name = user_name(uid);
  const std::string shown = name.empty() ? std::to_string(uid) : name;
  ASSIGN_OR_RETURN(const OwnMaps own, read_own_maps());
  ASSIGN_OR_RETURN(const std::vector<IdMap> all_uids, subordinate_ids("/etc/subuid", name, uid));
  ASSIGN_OR_RETURN(const std::vector<IdMap> all_gids, subordinate_ids("/etc/subgid", name, uid));
  std::vector<IdMap> uids = ids_that_exist(all_uids, own.uids);
  std::vector<IdMap> gids = ids_that_exist(all_gids, own.gids);
  if (uids.empty() || gids.empty()) {
    const bool given = uids.empty() ? !all_uids.empty() : !all_gids.empty();
    return single(fmt::format("user {} has no range of subordinate ids in {}{}", shown,
                              uids.empty() ? "/etc/subuid" : "/etc/subgid",
                              given ? " that are in this user namespace" : ""),
                  range_hints(own, shown, uids.empty(), gids.empty()));
  }
  for (const char* helper : {"newuidmap", "newgidmap"}) {
    if (auto found = find_map_helper(helper); !found)
      return single(found.error().to_line(), found.error().hints());
  }
  uids.insert(uids.begin(), {0, uid, 1});
  gids.insert(gids.begin(), {0, ::getegid(), 1});
  return IdMaps{.uids = std::move(uids),
                .gids = std::move(gids),
                .kind = IdMaps::Kind::kFull,
                .single_reason = {},
                .single_hints = {}};
}

Result<std::string> find_map_helper(const std::string& name) {
  // Fixed places and never $PATH: this program gets our ids to hand out.
  for (const char* dir : {"/usr/bin", "/bin", "/usr/local/bin", "/run/wrappers/bin", "/usr/sbin", "/sbin"}) {
    std::string path = fmt::format("{}/{}", dir, name);
    struct stat found;
    if (::stat(path.c_str(), &found) != 0) continue;
    if (!S_ISREG(found.st_mode) || found.st_uid != 0 || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
      return fail(
          Error(ErrorKind::kPermission, fmt::format("'{}' is not a file that only root can write", path))
              .hint(fmt::format("install the package 'uidmap' (or 'shadow') again, and check 'ls -l {}'",
                                path)));
    const bool file_capability = ::getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
    if ((found.st_mode & S_ISUID) == 0 && !file_capability)
      return fail(Error(ErrorKind::kPermission,
                        fmt::format("'{}' is neither setuid root nor has file capabilities", path))
                      .hint(fmt::format("as root: chmod u+s {}", path)));
    return path;
  }
  return fail(Error(ErrorKind::kUnsupported, fmt::format("the program {} is not installed", name))
                  .hint("install the package 'uidmap' (Debian, Ubuntu), 'shadow-utils' (Fedora) or "
                        "'shadow-uidmap' (Alpine)"));
}

}  // namespace shale::runtime
