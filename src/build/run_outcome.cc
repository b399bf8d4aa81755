// SPDX-License-Identifier: Apache-2.0
#include "build/run_outcome.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <span>

#include "base/last_lines.h"
#include "build/run_files.h"

namespace shale::build {

namespace {

using Kind = runtime::SandboxOutcome::Kind;

constexpr std::size_t kTailLines = 20;
constexpr int kKilledStatus = 128 + SIGKILL;  // as shells report it

// "64 MiB", "1.5 GiB": limits are round numbers of these.
std::string mebibytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.4g} {}", value, kUnits[unit]);
}

std::string processes(std::uint64_t count) {
  return count == 1 ? "one of its processes" : fmt::format("{} of its processes", count);
}

// A sentence for how it ended, and the status that a shell would give it.
std::pair<std::string, int> ending(const runtime::SandboxOutcome& outcome) {
  switch (outcome.kind) {
    case Kind::kExited:
      return {fmt::format("exit code: {}", outcome.code), outcome.code};
    case Kind::kSignalled:
      return {fmt::format("ended by signal {} ({})", outcome.signal, ::strsignal(outcome.signal)),
              128 + outcome.signal};
    case Kind::kKilled:
      return {"it was killed from outside", kKilledStatus};
    case Kind::kSetupFailed:
      break;
  }
  return {outcome.error ? outcome.error->to_line() : "it could not be started",
          outcome.error ? outcome.error->step_status() : 127};
}

void add_memory_hints(Error& error, const RunCircumstances& run, const ResourceLimits& limits, int status) {
  if (!out_of_memory(run, limits).empty()) {
    const bool own = run.events && run.events->own_limit && limits.memory != 0;
    error.add_hint(
        own ? "give it more with --memory, or let it do less at a time (make -j1)"
            : "let it do less at a time (make -j1; --jobs 1 for one step at a time), or give the machine or "
              "its container more memory");
    return;
  }
  if (status != kKilledStatus || run.events) return;
  error.add_hint(
      run.kills_after.counted
          ? "it got SIGKILL, and not from Shale; the kernel counts nothing that it killed for lack of memory"
          : "it got SIGKILL, and not from Shale: the kernel sends that when memory runs out");
}

// A profile of the user's may refuse what a sandbox needs to begin, or what the program does.
void add_profile_hint(Error& error, const runtime::SandboxOutcome& outcome, const SecurityOptions& security) {
  const bool killed = outcome.kind == Kind::kSignalled && outcome.signal == SIGSYS;
  // A C library that may not even exit halts the processor, which is a segmentation fault.
  const bool suspect = killed || outcome.kind == Kind::kSetupFailed ||
                       (outcome.kind == Kind::kSignalled && outcome.signal == SIGSEGV);
  if (security.seccomp == SecurityOptions::Seccomp::kFile && suspect)
    error.add_hint(
        fmt::format("the profile '{}' of --security-opt may refuse a system call that it needs (the sandbox "
                    "needs setresuid, capget, capset, close, close_range, write and execve to begin)",
                    security.seccomp_file));
  else if (killed)
    error.add_hint("SIGSYS comes from a seccomp filter: see --security-opt seccomp=…");
}

bool says(std::string_view text, int error) { return text.find(std::strerror(error)) != std::string::npos; }

// "could not bind IPv4 address", "bind() to 0.0.0.0:80 failed", but not "bindings".
bool is_about_binding(std::string_view line) {
  constexpr std::string_view kBind = "bind";
  const std::size_t at = line.find(kBind);
  if (at == std::string_view::npos) return false;
  const std::string_view rest = line.substr(at + kBind.size());
  return rest.empty() || rest[0] == ' ' || rest[0] == '(' || rest[0] == ':';
}

// A command that keeps within its own network elsewhere meets the host's here. What it says of that is all
// that is known.
void add_port_hint(Error& error, const RunCircumstances& run, std::span<const std::string> lines) {
  constexpr std::string_view kRemedy =
      "a step that needs no other machine gets a network of its own with RUN --network=none";
  const auto failed_with = [&](int number) {
    return std::ranges::any_of(
        lines, [&](const std::string& line) { return is_about_binding(line) && says(line, number); });
  };
  if (run.own_network) return;
  if (failed_with(EACCES))
    error.add_hint(
        fmt::format("RUN has the host's network, whose ports below 1024 are not for a build: {}", kRemedy));
  else if (failed_with(EADDRINUSE))
    error.add_hint(
        fmt::format("RUN has the host's network, where something else has that port: {}", kRemedy));
}

// It may have tidied up before it ended: then only its words tell.
void add_disk_hint(Error& error, const RunCircumstances& run) {
  if (const std::string full = full_disk_hint(run.store_fd); !full.empty()) {
    error.add_hint(full);
    return;
  }
  struct statvfs info{};
  if (!says(run.output, ENOSPC) || ::fstatvfs(run.store_fd, &info) != 0) return;
  error.add_hint(
      fmt::format("{} are free on the store's file system, where commands write (but for tmpfs mounts and "
                  "/dev/shm, see --shm-size)",
                  mebibytes(std::uint64_t{info.f_bavail} * info.f_frsize)));
}

}  // namespace

std::string out_of_memory(const RunCircumstances& run, const ResourceLimits& limits) {
  if (run.events) {
    if (run.events->oom_kills == 0) return {};
    if (run.events->own_limit && limits.memory != 0)
      return fmt::format("the kernel killed {} at the memory limit of {}", processes(run.events->oom_kills),
                         mebibytes(limits.memory));
    if (run.limit_above != 0)
      return fmt::format("the kernel killed {} at the memory limit of {} that this build is under",
                         processes(run.events->oom_kills), mebibytes(run.limit_above));
    return fmt::format("the kernel killed {}, because the machine's memory ran out",
                       processes(run.events->oom_kills));
  }
  if (run.kills_after.in_group > run.kills_before.in_group)
    return run.kills_after.group_limit != 0
               ? fmt::format(
                     "meanwhile the kernel killed a process at the memory limit of {} that this build is "
                     "under",
                     mebibytes(run.kills_after.group_limit))
               : "meanwhile the kernel killed a process of this build's group, because memory ran out";
  if (run.kills_after.on_machine > run.kills_before.on_machine)
    return "meanwhile the kernel killed a process on this machine, because memory ran out";
  return {};
}

bool files_used_up_memory(const RunCircumstances& run, const ResourceLimits& limits) {
  if (!run.events || run.events->oom_kills == 0) return false;
  const std::uint64_t limit = run.events->own_limit ? limits.memory : run.limit_above;
  // Less would hardly have saved it.
  constexpr std::uint64_t kMuch = 4;  // a quarter
  return limit != 0 && run.events->memory_files >= limit / kMuch;
}

Error run_error(const runtime::SandboxOutcome& outcome, const RunCircumstances& run,
                const BuildRequest& request) {
  if (outcome.kind == Kind::kSetupFailed && outcome.error &&
      outcome.error->kind() != ErrorKind::kStepFailed) {
    Error error = *outcome.error;
    add_profile_hint(error, outcome, request.security);
    return error;
  }
  auto [how, status] = ending(outcome);
  // Without a group of its own, the kernel's counts are of others too: then only what looks like it.
  const bool about_memory = run.events || status == kKilledStatus;
  if (const std::string why = about_memory ? out_of_memory(run, request.limits) : ""; !why.empty()) {
    // Among small processes the kernel may have picked the sandbox's own.
    if (outcome.kind == Kind::kKilled) how = "it was killed";
    how += fmt::format(": out of memory: {}", why);
  }
  Error error(ErrorKind::kStepFailed,
              fmt::format("process \"{}\" did not complete successfully: {}", fmt::join(run.args, " "), how));
  error.set_step_status(status);
  const std::vector<std::string> lines = last_lines(run.output, kTailLines);
  if (!lines.empty()) {
    error.add_context(lines.size() == 1 ? "its output:"
                                        : fmt::format("the last {} lines of its output:", lines.size()));
    for (const std::string& line : lines) error.add_context("> " + line);
    error.add_context("whole log: " + run.log_path);
  }
  add_disk_hint(error, run);
  add_port_hint(error, run, lines);
  if (about_memory) add_memory_hints(error, run, request.limits, status);
  if (run.events && run.events->refused_forks != 0)
    error.add_hint(
        fmt::format("it reached its limit of processes, and {} could not be made: see --pids-limit",
                    run.events->refused_forks));
  add_profile_hint(error, outcome, request.security);
  return error;
}

}  // namespace shale::build
