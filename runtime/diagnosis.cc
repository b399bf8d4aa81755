// SPDX-License-Identifier: Apache-2.0
#include "runtime/diagnosis.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/capability.h>

#include <cerrno>
#include <cstdlib>

namespace shale::runtime {

namespace {

using State = HostFinding::State;

// What runtime/apparmor/shale says, for the program at `path`, as an argument for printf in single quotes.
std::string apparmor_profile(const std::string& path) {
  // A profile's quoted path knows \\, \" and its wildcards; installed in such a place, the file is adapted by
  // hand.
  const bool plain = path.find_first_of("\\\"'%*?[]{}^@\n") == std::string::npos && !path.empty();
  return fmt::format("abi <abi/4.0>,\\nprofile shale \"{}\" flags=(unconfined) {{ userns, }}\\n",
                     plain ? path : "/usr/bin/shale");
}

// Exactly one cause, asked for in the order in which the kernel refuses: its filter comes first, then the
// limits, then the chroot, then whatever security module there is.
HostFinding user_namespaces(const Examination& found) {
  const HostFacts& facts = found.facts;
  HostFinding out{.name = "user namespaces"};
  if (!found.user_namespace) {
    out.text = "can be made, and mounted in";
    return out;
  }
  out.state = State::kBad;
  const int error = found.user_namespace->errno_value();
  if (found.unshare_refused) {
    out.text = "a seccomp filter refuses unshare(2), as docker's and Kubernetes' default profiles do";
    out.remedy =
        container_option(facts, "--security-opt seccomp=unconfined", "seccompProfile: {type: Unconfined}");
  } else if (facts.max_user_namespaces == 0) {
    out.text = "the limit user.max_user_namespaces is 0";
    out.remedy = "as root: sysctl -w user.max_user_namespaces=10000";
  } else if (facts.unprivileged_userns_clone == 0 && !facts.has_capability(CAP_SYS_ADMIN)) {
    out.text = "the switch kernel.unprivileged_userns_clone is off";
    out.remedy = "as root: sysctl -w kernel.unprivileged_userns_clone=1";
  } else if (facts.in_chroot) {
    out.text = "this process is in a chroot, where the kernel allows none";
    out.remedy = "enter the tree by pivot_root, or as a container, instead of chroot(8)";
  } else if (facts.apparmor_restrict_unprivileged_userns == 1) {
    out.text =
        "AppArmor takes the capabilities in them away (kernel.apparmor_restrict_unprivileged_userns=1)";
    out.remedy =
        fmt::format("as root: printf '{}' >/etc/apparmor.d/shale && apparmor_parser -r /etc/apparmor.d/shale",
                    apparmor_profile(found.program));
  } else if (facts.uid == 0 && !facts.has_capability(CAP_SETFCAP) && error == EPERM) {
    out.text = "root without the capability SETFCAP cannot map its id into one";
    out.remedy = container_option(facts, "--user 1000", "runAsUser: 1000");
  } else if (facts.seccomp_filter && (error == EPERM || error == ENOSYS)) {
    out.text = "a seccomp filter is in force that refuses them";
    out.remedy =
        container_option(facts, "--security-opt seccomp=unconfined", "seccompProfile: {type: Unconfined}");
  } else if (error == EINVAL || error == ENOSYS) {
    out.text = "this kernel has none (CONFIG_USER_NS)";
    out.remedy = "use a kernel that has them";
  } else if (facts.selinux_enforcing && error == EACCES) {
    out.text = "SELinux refuses them";
    out.remedy = "as root: setsebool -P user_namespace 1, or see ausearch -m avc";
  } else if (error == EPERM) {
    // What else there is has been asked about: a chroot that is a mount of its own looks like a container.
    out.text = "nothing that can be seen here forbids them: most likely this process is in a chroot";
    out.remedy = "enter the tree by pivot_root, or as a container, instead of chroot(8)";
  } else {
    out.text = found.user_namespace->to_line();
    const std::vector<std::string>& hints = found.user_namespace->hints();
    out.remedy = hints.empty() ? "see the kernel's log" : hints.front();
  }
  return out;
}

// With no_new_privs a set-id program gains nothing, and newuidmap is one.
std::string allow_new_privileges(const HostFacts& facts) {
  return facts.container.empty() ? "start shale without no_new_privs: NoNewPrivileges=no in a systemd unit"
                                 : container_option(facts, "--security-opt no-new-privileges=false",
                                                    "allowPrivilegeEscalation: true");
}

HostFinding id_range(const Examination& found) {
  HostFinding out{.name = "range of ids"};
  switch (found.maps.kind) {
    case IdMaps::Kind::kIdentity:
      out.text = "root has all ids that are here";
      return out;
    case IdMaps::Kind::kSingle:
      out.state = State::kLimited;
      out.text = found.maps.single_reason;
      out.remedy = fmt::format("{}", fmt::join(found.maps.single_hints, "; "));
      if (!found.facts.no_new_privs) return out;
      out.text += ", and newuidmap could give none (no_new_privs is set)";
      out.remedy += "; and " + allow_new_privileges(found.facts);
      return out;
    case IdMaps::Kind::kFull:
      break;
  }
  std::uint64_t ids = 0;
  for (const IdMap& extent : found.maps.uids) ids += extent.count;
  if (!found.id_range) {
    out.text = fmt::format("{} ids", ids);
    if (!found.giving) return out;
    out.state = State::kLimited;
    out.text += fmt::format(", but {} keeps no files of theirs: {}", found.store_file_system,
                            found.giving->to_line());
    out.remedy = "put the store on ext4, xfs, btrfs or a new tmpfs: --root DIRECTORY";
    return out;
  }
  out.state = State::kLimited;
  out.text = found.id_range->to_line();
  if (found.facts.no_new_privs) {
    out.text += " (no_new_privs is set)";
    out.remedy = allow_new_privileges(found.facts);
  } else if (out.text.find("owned by a different user") != std::string::npos) {
    // What newuidmap says when the group is not the one of /etc/passwd.
    const std::string user = fmt::format("--user {}:GROUP", found.facts.uid);
    out.remedy =
        "run with the group that /etc/passwd has for you: " +
        (found.facts.container.empty() ? std::string("newgrp GROUP")
                                       : container_option(found.facts, user.c_str(), "runAsGroup: GROUP"));
  } else {
    out.remedy =
        "as root: chmod u-s /usr/bin/new[ug]idmap; setcap cap_setuid+ep /usr/bin/newuidmap; setcap "
        "cap_setgid+ep "
        "/usr/bin/newgidmap";
  }
  return out;
}

// Whether the probe had a mount namespace, with a user namespace or without.
bool could_mount(const Examination& found) {
  return !found.user_namespace || found.chosen.isolation == Isolation::kMountNamespace;
}

HostFinding overlay(const Examination& found) {
  HostFinding out{.name = "overlayfs on the store"};
  if (!found.overlay && could_mount(found)) {
    out.text = fmt::format("works on {}", found.store_file_system);
    return out;
  }
  out.state = State::kLimited;
  if (!found.overlay) {
    out.text = "not tried: nothing can be mounted";
    return out;
  }
  out.text = fmt::format("not on {}: {}", found.store_file_system, found.overlay->to_line());
  if (found.facts.container.empty()) {
    out.remedy = "put the store on ext4, xfs, btrfs or a new tmpfs: --root DIRECTORY";
    return out;
  }
  if (found.facts.container == "kubernetes") {
    out.remedy = "give the pod an emptyDir volume for the store, and SHALE_ROOT a new directory in it";
    return out;
  }
  // A new volume belongs to root, but for podman's, which are their first user's.
  const bool not_ours = found.facts.uid != 0 && found.facts.container != "podman";
  const std::string volume =
      fmt::format("-v {}:/var/lib/shale -e SHALE_ROOT=/var/lib/shale", not_ours ? "DIRECTORY" : "shale");
  out.remedy = container_option(found.facts, volume.c_str(), "");
  if (not_ours)
    out.remedy += fmt::format(" with an empty DIRECTORY that belongs to user {}", found.facts.uid);
  return out;
}

HostFinding fresh_proc(const Examination& found) {
  HostFinding out{.name = "a fresh /proc"};
  if (!could_mount(found)) {
    out.state = State::kLimited;
    out.text = "not tried: nothing can be mounted";
  } else if (found.fresh_proc) {
    out.state = State::kLimited;
    out.text = "the container hides parts of its /proc, and commands get that one";
    out.remedy = container_option(found.facts, "--security-opt systempaths=unconfined",
                                  "procMount: Unmasked (and hostUsers: false in the pod)");
  } else {
    out.text = "can be mounted";
  }
  return out;
}

HostFinding kernel(const Examination& found) {
  HostFinding out{.name = "kernel", .text = fmt::format("Linux {}", found.facts.kernel)};
  char* rest = nullptr;
  const unsigned long major = std::strtoul(found.facts.kernel.c_str(), &rest, 10);
  const unsigned long minor = *rest == '.' ? std::strtoul(rest + 1, nullptr, 10) : 0;
  // mount_setattr(2), and id maps under CAP_SETFCAP.
  if (major < 5 || (major == 5 && minor < 12)) {
    out.state = State::kBad;
    out.text += ", and 5.12 is the oldest with all that a sandbox needs";
    out.remedy = "use a newer kernel";
  }
  return out;
}

HostFinding abstract_sockets(const Examination& found) {
  HostFinding out{.name = "abstract sockets", .state = State::kInfo};
  if (found.chosen.isolation == Isolation::kNone) {
    out.text = "nothing can be run that would reach any";
  } else if (found.chosen.isolation == Isolation::kChroot) {
    out.text = "those of this container can be reached by RUN: a chroot keeps nothing apart";
  } else if (found.landlock_abi < 6) {
    out.text = "those of the host can be reached by RUN (Landlock scopes: 6.12)";
  } else {
    out.state = State::kGood;
    out.text = "Landlock keeps those of the host out of reach of RUN";
  }
  return out;
}

HostFinding security_module(const HostFacts& facts) {
  HostFinding out{.name = "security modules", .state = State::kInfo};
  std::vector<std::string> parts;
  if (!facts.apparmor_profile.empty()) parts.push_back("AppArmor: " + facts.apparmor_profile);
  if (facts.selinux_enforcing) parts.emplace_back("SELinux enforces");
  if (facts.seccomp_filter) parts.emplace_back("a seccomp filter is in force");
  if (facts.no_new_privs) parts.emplace_back("no_new_privs is set");
  out.text = parts.empty() ? "none that restricts this process" : fmt::format("{}", fmt::join(parts, ", "));
  return out;
}

}  // namespace

std::vector<HostFinding> diagnose(const Examination& found) {
  std::vector<HostFinding> out{kernel(found), user_namespaces(found), id_range(found), overlay(found),
                               fresh_proc(found)};
  out.push_back({.name = "root emulation",
                 .state = found.seccomp_notify ? State::kGood : State::kLimited,
                 .text = found.seccomp_notify ? "seccomp can hand system calls to a supervisor"
                                              : "seccomp has no user notification here",
                 .remedy = {}});
  out.push_back(abstract_sockets(found));
  out.push_back({.name = "cgroups",
                 .state = found.cgroups ? State::kInfo : State::kGood,
                 .text = found.cgroups ? found.cgroups->to_line() : "delegated to this user",
                 .remedy = found.cgroups ? found.cgroups->hints().front() : ""});
  out.push_back({.name = "fuse",
                 .state = State::kInfo,
                 .text = found.fuse_device ? "/dev/fuse is there; builds do not use it"
                                           : "no /dev/fuse for this user; builds do not need it",
                 .remedy = {}});
  out.push_back({.name = "other platforms",
                 .state = State::kInfo,
                 .text = found.foreign_platforms.empty()
                             ? "none is registered with binfmt_misc"
                             : fmt::format("binfmt_misc runs {}", fmt::join(found.foreign_platforms, ", ")),
                 .remedy = {}});
  out.push_back(security_module(found.facts));
  out.push_back({.name = "container",
                 .state = State::kInfo,
                 .text = found.facts.container.empty() ? "none was recognised" : found.facts.container,
                 .remedy = {}});
  return out;
}

}  // namespace shale::runtime
