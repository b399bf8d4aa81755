// SPDX-License-Identifier: Apache-2.0
#include "runtime/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "runtime/host_facts.h"
#include "runtime/trial.h"

namespace shale::runtime {

namespace {

// What the findings mean for a rung that was entered.
void settle(BuildIsolation& result, TrialFindings findings) {
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

// The rung below full, and why it is not that.
Result<BuildIsolation> one_id(Error reason) {
  ASSIGN_OR_RETURN(BuildIsolation single, plan_isolation(Isolation::kSingle));
  single.reasons = {std::move(reason)};
  return single;
}

// On the store's disk: the namespaces' own limits are another error.
bool lacks_space(const Error& error) { return error.kind() == ErrorKind::kNoSpace; }

// Tries a rung; what could be entered is settled in it. Where newuidmap and newgidmap do not work, as in most
// containers, or the store keeps no files of others, it becomes the one with one id, unless it is wanted.
Status try_rung(BuildIsolation& rung, Scratch& scratch, bool wanted) {
  const bool range = rung.isolation == Isolation::kFull && rung.maps.kind == IdMaps::Kind::kFull;
  Result<TrialFindings> findings = try_namespaces(rung, scratch);
  if (findings && findings->giving) {
    if (wanted) return fail(std::move(*findings->giving));
    ASSIGN_OR_RETURN(rung, one_id(std::move(*findings->giving)));
  } else if (!findings && range && !wanted && !lacks_space(findings.error())) {
    ASSIGN_OR_RETURN(BuildIsolation single, one_id(findings.error()));
    Result<TrialFindings> again = try_namespaces(single, scratch);
    if (!again) return fail(std::move(again.error()));
    rung = std::move(single);
    findings = std::move(again);
  }
  if (!findings) return fail(std::move(findings.error()));
  settle(rung, std::move(*findings));
  return {};
}

// What a build in a chroot needs of the store's file system, which is its root's: devices that it makes, and
// programs.
Status try_chroot(const Scratch& scratch) {
  constexpr const char* kHint =
      "put the store on a file system that is mounted with neither nodev nor noexec: --root";
  const std::string null = scratch.path() + "/null";
  const bool made = ::mknod(null.c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0;
  const UniqueFd device(made ? ::open(null.c_str(), O_RDWR | O_CLOEXEC) : -1);
  if (!device)
    return fail(
        Error::system(errno, "use a device on the store's file system, as a chroot needs").hint(kHint));
  struct statvfs info{};
  if (::statvfs(scratch.path().c_str(), &info) == 0 && (info.f_flag & ST_NOEXEC) != 0)
    return fail(
        Error(ErrorKind::kUnsupported, "the store's file system runs no programs (noexec)").hint(kHint));
  return {};
}

}  // namespace

Result<BuildIsolation> probe_isolation(const std::string& store_dir, std::optional<Isolation> wanted) {
  ASSIGN_OR_RETURN(BuildIsolation result, plan_isolation(wanted));
  ASSIGN_OR_RETURN(Scratch scratch, Scratch::create(store_dir));
  if (result.namespaces() == BuildNamespaces::kNone) {
    result.snapshotter = Snapshotter::kClone;
    return result;
  }
  Status entered = try_rung(result, scratch, wanted.has_value());
  if (entered) return result;
  if (wanted)
    return fail(
        std::move(entered.error())
            .context(fmt::format("while trying isolation {}, which was asked for", isolation_name(*wanted))));
  if (lacks_space(entered.error())) return fail(std::move(entered.error()));
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
    entered = try_rung(result, scratch, false);
    if (entered) return result;
    if (lacks_space(entered.error())) return fail(std::move(entered.error()));
  }
  result.snapshotter = Snapshotter::kClone;
  result.isolation = Isolation::kNone;
  // Chroot isolates nothing from what is around it: good enough where that is a container made for the build.
  if (root && facts.container.empty()) {
    result.reasons.push_back(
        Error(ErrorKind::kUnsupported, "this is no container that is known, so that chroot is not chosen")
            .hint("--isolation=chroot runs commands without any isolation"));
  } else if (root && !facts.can_chroot()) {
    result.reasons.emplace_back(ErrorKind::kUnsupported,
                                "root lacks capabilities that builds in a chroot need");
  } else if (root) {
    if (Status usable = try_chroot(scratch))
      result.isolation = Isolation::kChroot;
    else
      result.reasons.insert(result.reasons.begin(), std::move(usable.error()));
  }
  if (result.isolation == Isolation::kNone) {
    ASSIGN_OR_RETURN(BuildIsolation none, plan_isolation(Isolation::kNone));
    result.maps = std::move(none.maps);
  }
  return result;
}

}  // namespace shale::runtime
