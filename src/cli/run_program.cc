// SPDX-License-Identifier: Apache-2.0
// From argv to an exit code.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "cli/commands.h"
#include "cli/display_text.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "shale/images.h"
#include "shale/version.h"

namespace shale::cli {

namespace {

using Command = Status (*)(const CommandLine&);

Status version_command(const CommandLine&) {
  return write_stdout(fmt::format("shale version {}\n", version()));
}

Status help_command(const CommandLine& line) {
  const int width = terminal_size(STDOUT_FILENO).columns;
  if (line.arguments.empty()) return write_stdout(general_help(width));
  // "help image ls" and "help nonsense" mean what "image ls" and "nonsense" would.
  ASSIGN_OR_RETURN(CommandLine asked, [&]() -> Result<CommandLine> {
    std::vector<std::string> words = line.arguments;
    words.emplace_back("--help");
    return parse_command_line(words);
  }());
  return write_stdout(asked.command != nullptr ? command_help(*asked.command, width) : general_help(width));
}

constexpr std::pair<std::string_view, Command> kCommands[] = {
    {"images", images_command}, {"inspect", inspect_command}, {"history", history_command},
    {"rmi", rmi_command},       {"tag", tag_command},         {"prune", prune_command},
    {"login", login_command},   {"logout", logout_command},   {"pull", pull_command},
    {"push", push_command},     {"load", load_command},       {"save", save_command},
    {"import", import_command}, {"doctor", doctor_command},   {"info", info_command},
    {"help", help_command},     {"version", version_command},
};

Result<int> exit_code_of(Status status) {
  if (!status) return fail(std::move(status.error()));
  return 0;
}

// Of what puts something into the store: it would be looked for in vain where it usually is.
void note_unusual_store(const CommandLine& line) {
  constexpr std::string_view kWriters[] = {"build", "pull", "load", "import"};
  if (line.has("root") || line.flag("quiet") ||
      std::find(std::begin(kWriters), std::end(kWriters), line.command->name) == std::end(kWriters))
    return;
  if (const std::string note = default_store_note(); !note.empty())
    write_stderr(fmt::format("note: {}\n", escape_controls(note)));
}

// What no command gets far without, and nobody would take the error of the first call that misses it for.
Status check_machine() {
  if (access("/proc/self/status", R_OK) != 0)
    return fail(Error(ErrorKind::kUnsupported, "no /proc is mounted here")
                    .hint("as root: mount -t proc proc /proc (of a chroot, from outside: mount --rbind /proc "
                          "DIRECTORY/proc)"));
  if (access("/dev/null", R_OK | W_OK) != 0)
    return fail(Error(ErrorKind::kUnsupported, "there is no /dev/null here that can be read and written")
                    .hint("as root: rm -f /dev/null && mknod -m 666 /dev/null c 1 3"));
  return {};
}

// The exit code of a command that ran.
Result<int> run(const CommandLine& line) {
  if (line.flag("help") || line.command == nullptr) {
    if (line.flag("version") && !line.flag("help")) return exit_code_of(version_command(line));
    const int width = terminal_size(STDOUT_FILENO).columns;
    return exit_code_of(
        write_stdout(line.command != nullptr ? command_help(*line.command, width) : general_help(width)));
  }
  if (line.flag("version")) return exit_code_of(version_command(line));
  if (const std::string_view name = line.command->name; name != "help" && name != "version")
    RETURN_IF_ERROR(check_machine());
  note_unusual_store(line);
  if (line.command->name == std::string_view("build")) return build_command(line);
  for (const auto& [name, command] : kCommands)
    if (name == line.command->name) return exit_code_of(command(line));
  return fail(ErrorKind::kInternal, fmt::format("the command '{}' has no function", line.command->name));
}

// The error's text quotes Dockerfiles, servers and the output of commands: nothing in it may act on the
// terminal.
void print_error(const Error& error) {
  const bool color = wants_color(STDERR_FILENO);
  write_stderr(filter_lines(render(error, color), color ? Colors::kKeep : Colors::kStrip));
}

// `error` null: there was none.
void print_debug(const Error* error, std::chrono::steady_clock::time_point start) {
  std::string text;
  if (error != nullptr)
    text += fmt::format("debug: error kind {}, errno {}, exit code {}\n", static_cast<int>(error->kind()),
                        error->errno_value(), exit_code(*error));
  struct rusage own{};
  struct rusage children{};
  (void)getrusage(RUSAGE_SELF, &own);           // cannot fail with these arguments
  (void)getrusage(RUSAGE_CHILDREN, &children);  // likewise
  const auto seconds = [](const struct timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  const auto peak = [](const struct rusage& usage) {
    return format_size(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  };
  text +=
      fmt::format("debug: {:.3f}s elapsed; own CPU {:.3f}s, memory {}; children's CPU {:.3f}s, memory {}\n",
                  std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                  seconds(own.ru_utime) + seconds(own.ru_stime), peak(own),
                  seconds(children.ru_utime) + seconds(children.ru_stime), peak(children));
  write_stderr(text);
}

}  // namespace

int run_program(int argc, const char* const* argv) {
  const auto start = std::chrono::steady_clock::now();
  ensure_standard_descriptors();
  // A reader that goes away is an EPIPE of the write, not the end of a build. Programs we start get the
  // default back.
  (void)std::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  Result<CommandLine> line = parse_command_line(words);
  const Result<int> code = line ? run(*line) : Result<int>(std::unexpected(std::move(line.error())));
  if (!code) print_error(code.error());
  if (line && line->flag("debug")) print_debug(code ? nullptr : &code.error(), start);
  return code ? *code : exit_code(code.error());
}

}  // namespace shale::cli
