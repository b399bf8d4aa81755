// SPDX-License-Identifier: Apache-2.0
// shale pull, push, load, save and import: the ways of an image into the store and out of it.
#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "shale/images.h"

namespace shale::cli {

namespace {

// A display that lives as long as one transfer, in this process.
class Progress {
 public:
  explicit Progress(ProgressMode mode) : sink_(make_progress(mode, standard_screen())) {
    if (mode == ProgressMode::kTty) restore_cursor_on_signals();
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  Progress(Progress&&) = delete;
  Progress& operator=(Progress&&) = delete;
  ~Progress() { sink_->finish(); }
  EventSink& sink() { return *sink_; }

 private:
  std::unique_ptr<EventSink> sink_;
};

// Calls `transfer` with a display that is finished before anything else is printed.
template <typename Transfer>
auto with_progress(const CommandLine& line, Transfer transfer)
    -> decltype(transfer(std::declval<EventSink&>())) {
  ASSIGN_OR_RETURN(const ProgressMode mode, parse_progress_mode(line.value("progress"), line.flag("quiet")));
  Progress progress(mode);
  return transfer(progress.sink());
}

Status print_names(std::string_view what, const TransferResult& result) {
  std::string text;
  for (const std::string& name : result.names) text += fmt::format("{}{}\n", what, escape_controls(name));
  return write_stdout(text);
}

}  // namespace

Status pull_command(const CommandLine& line) {
  ASSIGN_OR_RETURN(const TransferResult result, with_progress(line, [&](EventSink& events) {
                     return pull_image(line.value("root"), line.arguments[0], line.value("platform"), events);
                   }));
  if (!line.flag("quiet"))
    RETURN_IF_ERROR(write_stdout(fmt::format("Digest: {}\n", result.digest.to_string())));
  return print_names("", result);
}

Status push_command(const CommandLine& line) {
  ASSIGN_OR_RETURN(const TransferResult result, with_progress(line, [&](EventSink& events) {
                     return push_image(line.value("root"), line.arguments[0], events);
                   }));
  if (!line.flag("quiet"))
    RETURN_IF_ERROR(write_stdout(fmt::format("Digest: {}\n", result.digest.to_string())));
  return print_names("", result);
}

Status load_command(const CommandLine& line) {
  const std::string path = line.has("input") ? line.value("input") : "-";
  if (path == "-" && isatty(STDIN_FILENO) == 1)
    return fail(Error(ErrorKind::kUsage, "the archive is to come from standard input, which is a terminal")
                    .hint("write shale load -i FILE, or shale load < FILE"));
  ASSIGN_OR_RETURN(const TransferResult result, with_progress(line, [&](EventSink& events) {
                     return load_image(line.value("root"), path, events);
                   }));
  if (result.names.empty())
    return write_stdout(fmt::format("Loaded image ID: {}\n", result.digest.to_string()));
  return print_names("Loaded image: ", result);
}

Status save_command(const CommandLine& line) {
  SaveFormat format = SaveFormat::kDockerArchive;
  if (const std::string name = line.value("format"); name == "oci-archive")
    format = SaveFormat::kOciArchive;
  else if (name == "oci-dir")
    format = SaveFormat::kOciDirectory;
  else if (!name.empty() && name != "docker-archive")
    return fail(Error(ErrorKind::kUsage, fmt::format("unknown format '{}'", name))
                    .hint("--format takes docker-archive, oci-archive or oci-dir"));
  const std::string path = line.has("output") ? line.value("output") : "-";
  if (path == "-" && format == SaveFormat::kOciDirectory)
    return fail(
        Error(ErrorKind::kUsage, "a directory cannot go to standard output").hint("write -o DIRECTORY"));
  if (path == "-" && isatty(STDOUT_FILENO) == 1)
    return fail(Error(ErrorKind::kUsage, "the output is an archive and standard output a terminal")
                    .hint("write shale save -o FILE, or redirect it"));
  return with_progress(line, [&](EventSink& events) {
    return save_images(line.value("root"), line.arguments, path, format, events);
  });
}

Status import_command(const CommandLine& line) {
  const std::string name = line.arguments.size() > 1 ? line.arguments[1] : std::string();
  ASSIGN_OR_RETURN(const TransferResult result, with_progress(line, [&](EventSink& events) {
                     return import_image(line.value("root"), line.arguments[0], name, line.list("change"),
                                         line.value("platform"), events);
                   }));
  return write_stdout(result.digest.to_string() + '\n');
}

}  // namespace shale::cli
