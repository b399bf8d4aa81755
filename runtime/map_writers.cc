// SPDX-License-Identifier: Apache-2.0
// Starting newuidmap and newgidmap.
#include <fmt/format.h>

#include "runtime/map_helpers.h"
#include "sys/files.h"

namespace shale::runtime {

Result<MapWriters::Writer> MapWriters::start(const std::string& name, pid_t pid,
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

Status MapWriters::finish(const std::string& name, const std::string& file, Writer& writer) {
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
  ASSIGN_OR_RETURN(Writer uids, start("newuidmap", pid, maps.uids));
  return MapWriters(pid, std::move(uids));
}

Status MapWriters::start_second(const IdMaps& maps) {
  ASSIGN_OR_RETURN(gids_, start("newgidmap", pid_, maps.gids));
  return {};
}

Status MapWriters::finish() {
  RETURN_IF_ERROR(finish("newuidmap", "/etc/subuid", uids_));
  return finish("newgidmap", "/etc/subgid", gids_);
}

}  // namespace shale::runtime
