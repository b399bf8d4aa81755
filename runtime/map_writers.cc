// SPDX-License-Identifier: Apache-2.0
// Starting newuidmap and newgidmap.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "runtime/map_helpers.h"
#include "sys/files.h"

namespace shale::runtime {

namespace {

// Without copying our page tables first, which takes as long as the rest of starting such a program.
// Descriptors but the standard ones are not handed on; nor is a parent-death signal, which would be lost at
// the exec of a setuid program.
Result<sys::ChildProcess> spawn_quickly(const std::string& program, std::vector<std::string> args,
                                        int errors) {
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  char locale[] = "LC_ALL=C";
  char* environment[] = {locale, nullptr};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  pid_t pid = -1;
  int error = ::posix_spawn_file_actions_init(&files);
  if (error != 0) return fail_errno(error, "start " + program);
  error = ::posix_spawnattr_init(&attributes);
  if (error == 0) {
    for (const int result :
         {::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0),
          ::posix_spawn_file_actions_adddup2(&files, 0, 1),
          ::posix_spawn_file_actions_adddup2(&files, errors, 2),
          ::posix_spawn_file_actions_addclosefrom_np(&files, 3),
          ::posix_spawnattr_setsigmask(&attributes, &none),
          ::posix_spawnattr_setsigdefault(&attributes, &all),
          ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)})
      if (error == 0) error = result;
    if (error == 0)
      error = ::posix_spawn(&pid, program.c_str(), &files, &attributes, argv.data(), environment);
    ::posix_spawnattr_destroy(&attributes);
  }
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) return fail_errno(error, "run " + program);
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  error = errno;
  sys::ChildProcess process(pid, std::move(pidfd));
  if (process.pidfd() >= 0) return process;
  ::kill(pid, SIGKILL);
  return fail_errno(error, "open a pidfd");
}

}  // namespace

Result<MapWriters::Writer> MapWriters::start(const std::string& name, pid_t pid,
                                             const std::vector<IdMap>& maps) {
  ASSIGN_OR_RETURN(const std::string program, find_map_helper(name));
  std::vector<std::string> args{name, std::to_string(pid)};
  for (const IdMap& map : maps)
    for (const std::uint32_t value : {map.inside, map.outside, map.count})
      args.push_back(std::to_string(value));
  ASSIGN_OR_RETURN(FdPair errors, sys::make_pipe());
  ASSIGN_OR_RETURN(sys::ChildProcess process, spawn_quickly(program, std::move(args), errors.second.get()));
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
