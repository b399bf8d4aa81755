// SPDX-License-Identifier: Apache-2.0
// shale build.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/annotations.h"
#include "cli/build_request.h"
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/terminal.h"

namespace shale::cli {

namespace {

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// What was asked for and changes nothing, each with its reason.
std::vector<std::string> notes_of(const CommandLine& line, const BuildRequest& request) {
  std::vector<std::string> notes = line.notes();
  if (line.has("annotation") && std::ranges::none_of(request.outputs, has_manifest))
    notes.emplace_back(
        "--annotation has no effect: annotations are of a manifest, which --output=type=oci and --push "
        "write");
  for (const OutputSpec& output : request.outputs)
    for (std::string& note : output.notes()) notes.push_back("--output: " + std::move(note));
  return notes;
}

// An archive on somebody's terminal helps nobody, and its bytes would act on the terminal.
Status refuse_terminal(const BuildRequest& request) {
  for (const OutputSpec& output : request.outputs)
    if (output.destination == "-" && isatty(STDOUT_FILENO) == 1)
      return fail(Error(ErrorKind::kUsage, "the output is an archive and standard output a terminal")
                      .hint("redirect it, or write -o type=tar,dest=FILE"));
  return {};
}

// Whether an image is somewhere now, or its files are, or nothing.
bool made_image(const BuildRequest& request) {
  const auto is_image = [](const OutputSpec& output) {
    return output.kind != OutputSpec::Kind::kLocal && output.kind != OutputSpec::Kind::kTar &&
           output.kind != OutputSpec::Kind::kCacheOnly;
  };
  return request.outputs.empty() || std::ranges::any_of(request.outputs, is_image);
}

// The last lines of a docker build, which people look for.
void print_result(const BuildResult& result, ProgressMode mode) {
  const char* arrow = mode == ProgressMode::kTty ? " => " : "";
  std::string text;
  if (!result.image_id.empty())
    text += fmt::format("{}writing image {}\n", arrow, result.image_id.to_string());
  for (const std::string& tag : result.tags)
    text += fmt::format("{}naming to {}\n", arrow, escape_controls(tag));
  if (result.manifest_digest)
    text += fmt::format("{}exporting manifest {}\n", arrow, result.manifest_digest->to_string());
  write_stderr(text);
}

}  // namespace

Result<int> build_command(const CommandLine& line) {
  ASSIGN_OR_RETURN(const CallRequest call, parse_call(line));
  ASSIGN_OR_RETURN(const ProgressMode mode, parse_progress_mode(line.value("progress"), line.flag("quiet")));
  ASSIGN_OR_RETURN(const BuildRequest request, make_build_request(line, environment_variable));
  if (call.kind == CallRequest::Kind::kBuild) RETURN_IF_ERROR(refuse_terminal(request));
  if (mode != ProgressMode::kQuiet)
    for (const std::string& note : notes_of(line, request)) write_stderr(fmt::format("note: {}\n", note));

  // run_build handles signals itself; until it does, and after, the cursor still needs to come back.
  if (mode == ProgressMode::kTty) restore_cursor_on_signals();
  const std::unique_ptr<EventSink> progress = make_progress(mode, standard_screen());
  if (call.kind != CallRequest::Kind::kBuild) return run_call(call, request, *progress);
  Result<BuildResult> result = run_build(request, *progress);
  progress->finish();
  if (!result) return fail(std::move(result.error()));

  if (mode != ProgressMode::kQuiet) {
    if (made_image(request)) print_result(*result, mode);
    return 0;
  }
  if (result->image_id.empty()) return 0;
  // Standard output may be carrying an archive already.
  for (const OutputSpec& output : request.outputs)
    if (output.destination == "-") return 0;
  RETURN_IF_ERROR(write_stdout(result->image_id.to_string() + '\n'));
  return 0;
}

}  // namespace shale::cli
