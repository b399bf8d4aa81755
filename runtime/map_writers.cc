// SPDX-License-Identifier: Apache-2.0
// Writing the maps of a user namespace.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/host_facts.h"
#include "runtime/map_helpers.h"
#include "sys/files.h"

namespace shale::runtime {

namespace {

std::string map_text(const std::vector<IdMap>& maps) {
  std::string text;
  for (const IdMap& map : maps) text += fmt::format("{} {} {}\n", map.inside, map.outside, map.count);
  return text;
}

Status write_proc(pid_t pid, const char* file, std::string_view text) {
  const std::string path = fmt::format("/proc/{}/{}", pid, file);
  ASSIGN_OR_RETURN(const UniqueFd fd, sys::open_at(AT_FDCWD, path, O_WRONLY));
  // One write(2): the kernel takes a map only whole.
  if (::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  Error error = Error::system(errno, fmt::format("map ids into the build's user namespace ({})", file));
  const HostFacts facts = read_host_facts();
  if (facts.uid == 0 && !facts.has_capability(CAP_SETFCAP))
    error.add_hint("root without the capability SETFCAP cannot map its id: " +
                   container_option(facts, "--user 1000", "runAsUser: 1000"));
  return fail(std::move(error));
}

}  // namespace

Result<MapWriters::Writer> MapWriters::start_helper(const std::string& name, pid_t pid,
                                                    const std::vector<IdMap>& maps) {
  sys::SpawnOptions options;
  ASSIGN_OR_RETURN(options.program, find_map_helper(name));
  options.args = {name, std::to_string(pid)};
  for (const IdMap& map : maps)
    for (const std::uint32_t value : {map.inside, map.outside, map.count})
      options.args.push_back(std::to_string(value));
  ASSIGN_OR_RETURN(FdPair errors, sys::make_pipe());
  options.env = std::vector<std::string>{"LC_ALL=C"};
  options.fds = {{errors.second.get(), 2}};
  options.die_with_parent = false;  // the signal would be lost at the exec of a setuid program
  ASSIGN_OR_RETURN(sys::ChildProcess process, sys::spawn(options));
  return Writer{std::move(process), std::move(errors.first)};
}

Status MapWriters::finish_helper(const std::string& name, const std::string& file, Writer& writer) {
  constexpr std::size_t kMaxText = std::size_t{1} << 16;
  ASSIGN_OR_RETURN(std::string text, sys::read_fd(writer.errors.get(), name, kMaxText));
  ASSIGN_OR_RETURN(const sys::ExitStatus status, writer.process.wait());
  if (status.ok()) return {};
  while (text.ends_with('\n')) text.pop_back();
  return fail(
      Error(ErrorKind::kPermission,
            fmt::format("{} could not map the build's ids: {}", name,
                        text.empty() ? fmt::format("exit status {}", status.shell_code()) : text))
          .hint(fmt::format("compare your line in {} with what it was asked to map", file))
          .hint("in a container, newuidmap needs file capabilities (setcap cap_setuid+ep) in place of the "
                "setuid bit, and no no_new_privs"));
}

Result<MapWriters> MapWriters::start(pid_t pid, const IdMaps& maps) {
  MapWriters out;
  switch (maps.kind) {
    case IdMaps::Kind::kSingle:
      // The kernel's price for mapping one's own group without a privilege (CVE-2014-8989).
      RETURN_IF_ERROR(write_proc(pid, "setgroups", "deny"));
      [[fallthrough]];
    case IdMaps::Kind::kIdentity:
      RETURN_IF_ERROR(write_proc(pid, "uid_map", map_text(maps.uids)));
      RETURN_IF_ERROR(write_proc(pid, "gid_map", map_text(maps.gids)));
      break;
    case IdMaps::Kind::kFull:
      ASSIGN_OR_RETURN(out.uids_, start_helper("newuidmap", pid, maps.uids));
      ASSIGN_OR_RETURN(out.gids_, start_helper("newgidmap", pid, maps.gids));
      break;
  }
  return out;
}

Status MapWriters::finish() {
  if (uids_.process.running()) RETURN_IF_ERROR(finish_helper("newuidmap", "/etc/subuid", uids_));
  if (gids_.process.running()) RETURN_IF_ERROR(finish_helper("newgidmap", "/etc/subgid", gids_));
  return {};
}

}  // namespace shale::runtime
