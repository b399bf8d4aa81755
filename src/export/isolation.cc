// SPDX-License-Identifier: Apache-2.0
#include "export/isolation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/json.h"
#include "base/sha256.h"
#include "runtime/host_facts.h"
#include "runtime/probe.h"
#include "shale/version.h"
#include "store/reserve.h"
#include "sys/files.h"

namespace shale::exporter {

namespace {

constexpr const char* kVerdictFile = "isolation";

std::string text_of(const char* path) {
  const Result<std::string> text = sys::read_file(AT_FDCWD, path, std::size_t{1} << 20);
  return text ? *text : std::string();
}

std::string link_of(const char* path) {
  const Result<std::string> text = sys::read_link(AT_FDCWD, path);
  return text ? *text : std::string();
}

// Everything on which a verdict depends, as far as it can change between two builds with one store.
Digest situation(std::optional<Isolation> wanted, const std::string& root) {
  const runtime::HostFacts facts = runtime::read_host_facts();
  FieldHash key("isolation");
  key.add(version()).add(wanted ? isolation_name(*wanted) : "auto");
  key.add(text_of("/proc/sys/kernel/random/boot_id"));
  for (const char* name : {"/proc/self/exe", "/proc/self/ns/user", "/proc/self/ns/mnt"})
    key.add(link_of(name));
  // A store may be moved, with what it remembers, to another file system.
  const Result<struct stat> store = sys::stat_at(AT_FDCWD, root);
  key.add(store ? std::uint64_t{store->st_dev} : 0);
  for (const char* name : {"/etc/subuid", "/etc/subgid"}) key.add(text_of(name));
  for (const char* name : {"USER", "LOGNAME"}) {  // whom /etc/passwd does not know
    const char* value = ::getenv(name);
    key.add(value == nullptr ? "" : value);
  }
  key.add(std::uint64_t{facts.uid}).add(std::uint64_t{::getegid()}).add(facts.capabilities);
  key.add(std::uint64_t{facts.no_new_privs}).add(std::uint64_t{facts.seccomp_filter});
  key.add(std::uint64_t{facts.in_chroot}).add(facts.container).add(facts.apparmor_profile);
  for (const std::int64_t value : {facts.max_user_namespaces, facts.unprivileged_userns_clone,
                                   facts.apparmor_restrict_unprivileged_userns})
    key.add(static_cast<std::uint64_t>(value));
  return key.finish();
}

std::optional<runtime::BuildIsolation> remembered(const std::string& root, const std::string& key) {
  const Result<std::string> text = sys::read_file(AT_FDCWD, root + "/" + kVerdictFile);
  if (!text) return std::nullopt;
  const Result<Json> json = parse_json(*text, kVerdictFile);
  if (!json || json_string(*json, "key") != key) return std::nullopt;
  const Result<std::optional<Isolation>> rung = parse_isolation(json_string(*json, "isolation"));
  if (!rung || !*rung) return std::nullopt;
  Result<runtime::BuildIsolation> plan = runtime::plan_isolation(*rung);
  if (!plan) return std::nullopt;
  plan->bound_proc = json_bool(*json, "bound_proc");
  const Result<std::optional<Snapshotter>> snapshotter = parse_snapshotter(json_string(*json, "snapshotter"));
  if (!snapshotter || !*snapshotter) return std::nullopt;
  plan->snapshotter = **snapshotter;
  plan->reasons.clear();
  if (const Json* reasons = json_member(*json, "reasons"); reasons != nullptr && reasons->is_array())
    for (const Json& reason : *reasons)
      if (reason.is_string()) plan->reasons.push_back(Error::deserialize(reason.get<std::string>()));
  return std::move(*plan);
}

// What cannot be written is found out again the next time.
void remember(const std::string& root, const std::string& key, const runtime::BuildIsolation& verdict) {
  Json reasons = Json::array();
  for (const Error& reason : verdict.reasons) reasons.push_back(reason.serialize());
  const Json json = {{"key", key},
                     {"isolation", isolation_name(verdict.isolation)},
                     {"bound_proc", verdict.bound_proc},
                     {"snapshotter", snapshotter_name(verdict.snapshotter)},
                     {"reasons", std::move(reasons)}};
  (void)sys::replace_file(AT_FDCWD, root + "/" + kVerdictFile, dump_json(json), 0600);
}

// Another way of making snapshots, or the error that it gives.
Status override_snapshotter(runtime::BuildIsolation& isolation) {
  const char* value = ::getenv("SHALE_SNAPSHOTTER");
  ASSIGN_OR_RETURN(const std::optional<Snapshotter> wanted, parse_snapshotter(value == nullptr ? "" : value));
  if (!wanted) return {};
  if (*wanted != Snapshotter::kClone && isolation.namespaces() == runtime::BuildNamespaces::kNone)
    return fail(ErrorKind::kUnsupported,
                fmt::format("SHALE_SNAPSHOTTER={} needs a mount namespace, which isolation {} has not",
                            snapshotter_name(*wanted), isolation_name(isolation.isolation)));
  isolation.snapshotter = *wanted;
  return {};
}

}  // namespace

Result<std::optional<Isolation>> isolation_of_environment() {
  const char* value = ::getenv("SHALE_ISOLATION");
  return parse_isolation(value == nullptr ? "" : value);
}

Result<runtime::BuildIsolation> choose_isolation(std::optional<Isolation> wanted, const std::string& root) {
  if (!wanted) {
    ASSIGN_OR_RETURN(wanted, isolation_of_environment());
  }
  const std::string key = situation(wanted, root).to_string();
  std::optional<runtime::BuildIsolation> chosen = remembered(root, key);
  if (!chosen) {
    // On a full disk, too: what gives space back is done in that isolation.
    RETURN_IF_ERROR(store::with_reserve_at(root, [&]() -> Status {
      ASSIGN_OR_RETURN(chosen, runtime::probe_isolation(root, wanted));
      return {};
    }));
    remember(root, key, *chosen);
  }
  RETURN_IF_ERROR(override_snapshotter(*chosen));
  return std::move(*chosen);
}

std::string describe_isolation(const runtime::BuildIsolation& isolation) {
  std::string text = fmt::format("isolation {}", isolation_name(isolation.isolation));
  if (isolation.bound_proc) text += ", the /proc that is here";
  if (isolation.snapshotter == Snapshotter::kTmpfs) text += ", what a step writes is in memory until it ends";
  if (isolation.snapshotter == Snapshotter::kClone && isolation.isolation != Isolation::kNone)
    text += ", snapshots are copies";
  if (!isolation.reasons.empty()) text += ": " + isolation.reasons.front().to_line();
  return text;
}

}  // namespace shale::exporter
