// SPDX-License-Identifier: Apache-2.0
// SandboxSpec: everything a confined process is given, as plain data that is checked before any process
// exists.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "shale/error.h"
#include "shale/isolation.h"
#include "sys/mount_table.h"

namespace shale::runtime {

// Something mounted into the sandbox. Targets are paths inside it, resolved once against its root with links
// staying inside; a target that does not exist is an error, because the caller knows how to take a mount
// point away again and the sandbox does not. A file is mounted on a file, everything else on a directory.
struct SandboxMount {
  enum class Kind : std::uint8_t {
    kBind,   // what `fd` names
    kTmpfs,  // an empty tmpfs
    kFile,  // a file with `content`, read-only, on a tmpfs of this sandbox: never in a layer, never on a disk
  };
  Kind kind = Kind::kBind;
  std::string target;  // absolute

  // kBind. Borrowed until start() returns. Either a descriptor of a file or directory reached through a mount
  // of the caller's mount namespace (O_PATH is enough), or, with `detached`, a mount made by
  // open_tree(OPEN_TREE_CLONE) or fsmount(2), which is attached as it is (and whose attributes are changed).
  int fd = -1;
  bool detached = false;
  bool recursive = false;  // with the mounts below it; not with `detached`
  bool read_only = false;

  // kTmpfs
  std::uint64_t size_bytes = 0;  // 0 = the kernel's default, half of the memory
  // kTmpfs and kFile
  mode_t mode = 0755;
  // kFile; ids inside the sandbox
  std::string content;
  uid_t uid = 0;
  gid_t gid = 0;

  bool nosuid = false;
  bool nodev = false;
  bool noexec = false;
};

enum class SandboxNetwork : std::uint8_t {
  kHost,  // the caller's network namespace
  kNone,  // a new one in which only the loopback interface exists and is up
  kJoin,  // the one `network_fd` names; it must be owned by the caller's user namespace
};

struct ResourceLimit {
  int resource = 0;  // RLIMIT_…
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

// Docker's default capabilities, as a bit set of CAP_… numbers: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID
// SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT MKNOD AUDIT_WRITE SETFCAP.
inline constexpr std::uint64_t kDefaultCapabilities = 0xa80425fb;

// What docker and podman hide or make read-only, together. Paths that do not exist on this kernel are passed
// over.
std::vector<std::string> default_masked_paths();
std::vector<std::string> default_read_only_paths();
// What is to be masked besides where /sys is the host's (no network of its own): other file systems that the
// host has mounted on it, such as debugfs, tracefs and securityfs, but for control groups. Docker's /sys is a
// new one without them.
std::vector<std::string> mounts_on_sysfs(const sys::MountTable& mounts);

// Descriptors in it are borrowed: they must stay open until Launcher::start() returned.
struct SandboxSpec {
  // Which namespaces it gets, as the build has them. kNone is no sandbox.
  Isolation isolation = Isolation::kFull;
  // The /proc that is here instead of a fresh one, which the kernel refuses where a part of ours is hidden.
  bool bound_proc = false;
  // kChroot: an empty directory on the root's file system, for what has to be moved aside.
  int scratch_fd = -1;

  // With isolation chroot a directory. Otherwise a detached mount (fsmount fd) made in the caller's user
  // namespace. It is attached in the sandbox and nowhere else, so it goes away with the sandbox once the
  // caller closed its descriptor. Its tree must hold real directories /proc, /dev and /sys (an absent /sys is
  // passed over).
  int root_fd = -1;
  std::vector<SandboxMount> mounts;  // made in this order, after /proc, /dev and /sys

  std::vector<std::string> args;  // args[0] is looked up in the PATH of `env` unless it holds a '/'
  std::vector<std::string> env;   // "NAME=value", the whole environment
  std::string cwd = "/";          // absolute, must exist
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary groups, exactly these

  std::string hostname = "shale";
  SandboxNetwork network = SandboxNetwork::kHost;
  int network_fd = -1;  // kJoin

  std::uint64_t capabilities =
      kDefaultCapabilities;  // the bounding set; in force for uid 0, none for other users
  bool no_new_privs = false;
  // Compiled filters (SeccompFilters::programs), loaded in this order. Empty = none.
  std::vector<std::string> seccomp_programs;
  // Also with isolation chroot, where the kernel may refuse them (without CAP_SYS_ADMIN and no_new_privs) and
  // the command otherwise runs without.
  bool seccomp_required = false;
  std::vector<ResourceLimit> limits;
  // The directory of a control group (v2) that the sandbox's processes are put into; -1 = ours.
  int cgroup_fd = -1;
  std::uint64_t shm_bytes = std::uint64_t{64} << 20;  // /dev/shm
  std::vector<std::string> masked_paths = default_masked_paths();
  std::vector<std::string> read_only_paths = default_read_only_paths();
  int oom_score_adj = 500;  // 0–1000; raising it needs no privilege. -1 = leave it

  // The user namespace has one id: uid, gid and groups above, and all that the command does to owners, are
  // emulated (emulation/).
  bool emulate_ids = false;
  // The owners of what carries no attribute in the layers below (append_journal_entry), …
  std::string owner_journal;
  // … and where those of what this sandbox leaves go to, in the same form: a file open for writing.
  int journal_fd = -1;

  // Where its output goes; -1 = /dev/null. Standard input is always /dev/null.
  int stdout_fd = -1;
  int stderr_fd = -1;
};

// Everything that can be known to be wrong before a process exists. kInternal: a spec is made by our own
// code.
Status validate(const SandboxSpec& spec);

}  // namespace shale::runtime
