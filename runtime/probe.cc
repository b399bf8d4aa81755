// SPDX-License-Identifier: Apache-2.0
#include "runtime/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <vector>

#include "runtime/host_facts.h"
#include "runtime/map_trial.h"
#include "runtime/overlay_probe.h"
#include "sys/files.h"
#include "sys/process.h"

namespace shale::runtime {

namespace {

// The longest error that the child may send in one message.
constexpr std::size_t kMaxError = 8192;

// What the child found out, one character per message, errors after it.
constexpr char kOverlayFailed = 'o';
constexpr char kTmpfsFailed = 't';
constexpr char kProcFailed = 'p';
constexpr char kClosed = 'c';  // followed by the directory
constexpr char kDone = 'd';

// A process in a pid namespace of its own that mounts /proc; it takes as long as overlayfs does.
Result<pid_t> start_proc_trial() {
  const auto pid =
      static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid < 0) return fail_errno(errno, "create a pid namespace");
  if (pid == 0) {
    const int context = ::fsopen("proc", FSOPEN_CLOEXEC);
    const bool good =
        context >= 0 && ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0 &&
        ::fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) >= 0;
    ::_exit(good ? 0 : errno);  // every errno fits
  }
  return pid;
}

Status finish_proc_trial(const Result<pid_t>& started) {
  if (!started) return fail(Error(started.error()));
  const pid_t pid = *started;
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  Error error = Error::system(WIFEXITED(status) ? WEXITSTATUS(status) : EPERM, "mount a fresh /proc");
  error.add_hint(
      "a container whose /proc is partly hidden forbids a fresh one: run it with --security-opt "
      "systempaths=unconfined (docker, podman) or procMount: Unmasked (Kubernetes)");
  return fail(std::move(error));
}

void say(int control, char what, const std::string& more = {}) {
  const std::string text = what + more.substr(0, kMaxError - 1);
  (void)!::send(control, text.data(), text.size(), MSG_NOSIGNAL);
}

struct Findings {
  std::optional<Error> overlay;
  std::optional<Error> tmpfs;  // asked only where overlayfs has failed
  std::optional<Error> proc;
};

// The first directory on the way to `path`, itself included, that this process may not enter; empty if there
// is none.
std::string closed_directory(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string part = path.substr(0, end);
    if (::faccessat(AT_FDCWD, part.c_str(), X_OK, AT_EACCESS) != 0 && errno == EACCES) return part;
    if (end == std::string::npos) return {};
  }
}

// Root's powers end at files of ids that a namespace has not: a way that is open outside can be closed
// inside. Asked outside, where the owner has a number.
Error closed_to_namespace(const std::string& directory) {
  const Result<struct stat> info = sys::stat_at(AT_FDCWD, directory);
  return Error(ErrorKind::kUnsupported,
               info ? fmt::format(
                          "the build's namespace may not enter '{}' (mode {:04o}): it belongs to user id {}, "
                          "which the namespace has not",
                          directory, info->st_mode & 07777, info->st_uid)
                    : fmt::format("the build's namespace may not enter '{}'", directory))
      .hint(fmt::format(
          "keep the store (--root) and the programs elsewhere, or let others pass: chmod o+x '{}'",
          directory));
}

// What a build must reach: its store and its helper programs.
std::vector<std::string> places_to_reach(const std::string& store_dir) {
  std::vector<std::string> out;
  std::array<char, PATH_MAX> real{};
  if (::realpath(store_dir.c_str(), real.data()) != nullptr) out.emplace_back(real.data());
  if (const Result<std::string> self = sys::self_path())
    out.push_back(self->substr(0, self->find_last_of('/')));
  return out;
}

// Everything that needs the namespace, in a child, which goes on by itself.
Result<BuildProcess> start_trial(const BuildIsolation& tried, const std::string& scratch,
                                 const std::function<void()>& meanwhile) {
  const std::vector<std::string> places = places_to_reach(scratch);
  const auto body = [&](const UniqueFd& control) {
    for (const std::string& place : places) {
      const std::string closed = closed_directory(place);
      if (closed.empty()) continue;
      say(control.get(), kClosed, closed);
      return 0;
    }
    const Result<pid_t> proc_trial = start_proc_trial();
    if (const Status overlay = try_overlay(scratch); !overlay) {
      say(control.get(), kOverlayFailed, overlay.error().serialize());
      if (const Status tmpfs = try_overlay_on_tmpfs(scratch); !tmpfs)
        say(control.get(), kTmpfsFailed, tmpfs.error().serialize());
    }
    if (const Status proc = finish_proc_trial(proc_trial); !proc)
      say(control.get(), kProcFailed, proc.error().serialize());
    // In here, because overlayfs leaves directories that only root may enter.
    (void)sys::remove_tree(AT_FDCWD, scratch + "/work");
    say(control.get(), kDone);
    return 0;
  };
  return enter_build_namespace(tried.maps, tried.namespaces(), body, meanwhile);
}

Result<Findings> finish_trial(BuildProcess build) {
  Findings findings;
  std::string message(kMaxError, '\0');
  while (true) {
    const ssize_t size = ::read(build.control.get(), message.data(), message.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return fail(ErrorKind::kSystem, "the isolation probe ended early");
    if (message[0] == kDone) break;
    const std::string more(message.data() + 1, static_cast<std::size_t>(size) - 1);
    if (message[0] == kClosed) {
      RETURN_IF_ERROR(build.process.wait());
      return fail(closed_to_namespace(more));
    }
    Error error = Error::deserialize(more);
    std::optional<Error>& finding = message[0] == kOverlayFailed ? findings.overlay
                                    : message[0] == kTmpfsFailed ? findings.tmpfs
                                                                 : findings.proc;
    finding = std::move(error);
  }
  RETURN_IF_ERROR(build.process.wait());
  return findings;
}

// What the findings mean for a rung that was entered.
void settle(BuildIsolation& result, Findings findings) {
  if (findings.proc) {
    result.bound_proc = true;
    result.reasons.push_back(std::move(*findings.proc));
  }
  if (findings.overlay) {
    result.snapshotter = findings.tmpfs ? Snapshotter::kClone : Snapshotter::kTmpfs;
    result.reasons.push_back(std::move(*findings.overlay));
  }
  if (findings.tmpfs) result.reasons.push_back(std::move(*findings.tmpfs));
}

// Tries a rung; what could be entered is settled in it. newuidmap and newgidmap take as long as everything
// else, so that the rest is tried beside them, with one id; if they do not work, as in most containers, that
// is what there is.
Status try_rung(BuildIsolation& rung, const std::string& scratch, bool wanted) {
  const bool helpers = rung.isolation == Isolation::kFull && rung.maps.kind == IdMaps::Kind::kFull;
  BuildIsolation single;
  if (helpers) {
    ASSIGN_OR_RETURN(single, plan_isolation(Isolation::kSingle));
  }
  std::optional<Result<MapTrial>> maps;
  ASSIGN_OR_RETURN(BuildProcess trial, start_trial(helpers ? single : rung, scratch, [&] {
                     if (helpers) maps.emplace(MapTrial::start(rung.maps, scratch));
                   }));
  Status mapped = !maps   ? Status()
                  : *maps ? (*maps)->start_second(rung.maps)
                          : fail(std::move(maps->error()));
  if (maps && mapped) mapped = (*maps)->finish();
  ASSIGN_OR_RETURN(Findings findings, finish_trial(std::move(trial)));
  if (!mapped) {
    if (wanted) return mapped;
    rung = std::move(single);
    rung.reasons = {std::move(mapped.error())};
  }
  settle(rung, std::move(findings));
  return {};
}

// A directory of the probe's own in the store, removed again.
class Scratch {
 public:
  static Result<Scratch> create(const std::string& store_dir) {
    std::string path = store_dir + "/probe-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
      return fail_errno(errno, fmt::format("make a directory in '{}'", store_dir));
    return Scratch(std::move(path));
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~Scratch() {
    if (!path_.empty())
      (void)sys::remove_tree(AT_FDCWD, path_);  // what stays is swept with the store's leftovers
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit Scratch(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace

Result<BuildIsolation> probe_isolation(const std::string& store_dir, std::optional<Isolation> wanted) {
  ASSIGN_OR_RETURN(BuildIsolation result, plan_isolation(wanted));
  ASSIGN_OR_RETURN(const Scratch scratch, Scratch::create(store_dir));
  if (result.namespaces() == BuildNamespaces::kNone) {
    result.snapshotter = Snapshotter::kClone;
    return result;
  }
  Status entered = try_rung(result, scratch.path(), wanted.has_value());
  if (entered) return result;
  if (wanted)
    return fail(
        std::move(entered.error())
            .context(fmt::format("while trying isolation {}, which was asked for", isolation_name(*wanted))));
  // No user namespace, which is the reason from here on. What root has without one, best first.
  result.reasons = {entered.error()};
  const HostFacts facts = read_host_facts();
  const bool root = facts.uid == 0;
  if (root) {
    ASSIGN_OR_RETURN(BuildIsolation without, plan_isolation(Isolation::kMountNamespace));
    result.maps = std::move(without.maps);
  }
  if (root && facts.has_capability(CAP_SYS_ADMIN)) {
    result.isolation = Isolation::kMountNamespace;
    entered = try_rung(result, scratch.path(), false);
    if (entered) return result;
  }
  result.snapshotter = Snapshotter::kClone;
  // Chroot isolates nothing from what is around it: good enough where that is a container made for the build.
  result.isolation =
      root && facts.can_chroot() && !facts.container.empty() ? Isolation::kChroot : Isolation::kNone;
  if (root && result.isolation == Isolation::kNone)
    result.reasons.push_back(Error(ErrorKind::kUnsupported,
                                   facts.container.empty()
                                       ? "this is no container that is known, so that chroot is not chosen"
                                       : "root lacks capabilities that builds in a chroot need")
                                 .hint("--isolation=chroot runs commands without any isolation"));
  if (result.isolation == Isolation::kNone) {
    ASSIGN_OR_RETURN(BuildIsolation none, plan_isolation(Isolation::kNone));
    result.maps = std::move(none.maps);
  }
  return result;
}

}  // namespace shale::runtime
