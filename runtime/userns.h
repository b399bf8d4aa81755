// SPDX-License-Identifier: Apache-2.0
// The build's user and mount namespace: which ids it maps, and how a build enters it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "sys/process.h"

namespace shale::runtime {

// One extent of an id map: ids [inside, inside + count) of the namespace are [outside, outside + count) of
// ours.
struct IdMap {
  std::uint32_t inside = 0;
  std::uint32_t outside = 0;
  std::uint32_t count = 0;
  bool operator==(const IdMap&) const = default;
};

// Which ids the build's namespace has, and who writes its maps.
struct IdMaps {
  enum class Kind : std::uint8_t {
    kFull,      // an ordinary user with a range in /etc/subuid and /etc/subgid: newuidmap and newgidmap write
                // them
    kSingle,    // an ordinary user without a range: id 0 only, setgroups(2) is denied
    kIdentity,  // (container) root: every id it has, one to one, written by ourselves
  };
  std::vector<IdMap> uids;
  std::vector<IdMap> gids;
  Kind kind = Kind::kSingle;
  // Why it is kSingle and how to get a range: texts for a person. Empty otherwise.
  std::string single_reason;
  std::vector<std::string> single_hints;
};

// Chooses the maps for the calling process. As root (or container root holding CAP_SETUID, CAP_SETGID and
// CAP_SETFCAP): the extents of our own maps, one to one. As an ordinary user: 0 is the user, 1… are its
// subordinate ids. Without subordinate ids or a usable newuidmap: a single id, with the reason. Never fails
// for lack of a range; an error is an unreadable or malformed file. Reads files only; any thread.
Result<IdMaps> plan_id_maps();

// All ids that are here, one to one: what a build without a user namespace of its own has.
Result<IdMaps> own_ids();

// The name that `/etc/passwd`-like `text` has for a user: of its first row with that id. Empty without one.
std::string passwd_name(std::string_view text, uid_t uid);
// It has a row with that name.
bool passwd_has(std::string_view text, std::string_view name);

// The ranges `/etc/subuid`-like `text` gives to a user, by name or by number, in the file's order. Comments,
// blank and malformed rows are passed over; `inside` counts from 1, because 0 is the user itself. Ranges past
// 2^32 - 2 are cut.
std::vector<IdMap> parse_subordinate_ids(std::string_view text, std::string_view user_name, uid_t uid);

// `/proc/<pid>/uid_map` text as extents.
Result<std::vector<IdMap>> parse_id_map(std::string_view text);

// The maps of the namespace we are in, as the kernel shows them, seen from its parent.
struct OwnMaps {
  std::vector<IdMap> uids;
  std::vector<IdMap> gids;
};
Result<OwnMaps> read_own_maps();

// Which namespaces a build's process makes for itself.
enum class BuildNamespaces : std::uint8_t {
  kUserAndMount,  // an ordinary user's, and root's where it can
  kMount,         // needs CAP_SYS_ADMIN here
  kNone,          // it stays where it is
};

// A build running in its namespace.
struct BuildProcess {
  sys::ChildProcess process;  // ends with the body's return value as its exit code
  UniqueFd control;           // our end of a SOCK_SEQPACKET pair; EOF when the build ended
};

// Forks a child into a new user and mount namespace with these maps and runs `body` in it, as uid 0 and gid 0
// with every capability over that namespace, all mounts private, umask 022, and SIGKILL as its parent-death
// signal. `body` owns its end of the control socket, may start threads, and its return value (0–255) is the
// exit code; nothing of the caller's stack is unwound in the child. Call it from the thread that lives as
// long as the build, while no other thread exists (fork, and unshare(2) of a user namespace needs a single
// thread). What could not be set up is an error here, with the remedy as a hint.
Result<BuildProcess> enter_build_namespace(const IdMaps& maps,
                                           const std::function<int(UniqueFd control)>& body);
// The same with fewer namespaces: without a user namespace `maps` is not used and the ids stay, without a
// mount namespace nothing is mounted.
Result<BuildProcess> enter_build_namespace(const IdMaps& maps, BuildNamespaces namespaces,
                                           const std::function<int(UniqueFd control)>& body);

}  // namespace shale::runtime
