// SPDX-License-Identifier: Apache-2.0
#include "build/remote_context.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "layer/archive.h"
#include "layer/archive_format.h"
#include "plan/git_reference.h"
#include "remote/git_source.h"
#include "remote/http_file.h"
#include "sys/files.h"

namespace shale::build {

namespace {

constexpr std::size_t kMaxDockerfileBytes = std::size_t{16} << 20;

bool is_http(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

// docker's rule: the magic number of a compression, or the header of a tar. What is neither is text.
bool looks_like_archive(std::string_view head) {
  return layer::sniff_format(head) != layer::StreamFormat::kPlain || layer::is_tar_header(head);
}

// Everything that comes through a pipe, into a file that loses its name at once: not every file system makes
// files without one (O_TMPFILE).
Result<UniqueFd> spool(int input, const std::string& directory) {
  const std::string name = directory + "/download";
  ASSIGN_OR_RETURN(UniqueFd file, sys::open_at(AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (::unlink(name.c_str()) != 0) return fail_errno(errno, fmt::format("remove the name '{}'", name));
  std::string buffer(std::size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t got = ::read(input, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read the context from standard input");
    if (got == 0) break;
    RETURN_IF_ERROR(
        sys::write_all(file.get(), std::string_view(buffer).substr(0, static_cast<std::size_t>(got))));
  }
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return fail_errno(errno, "rewind the context");
  return file;
}

// `file` is read from its beginning.
Status take_file(const BuildState& state, int file, const std::string& what, RemoteContext& out) {
  ASSIGN_OR_RETURN(const std::string head, layer::read_head(file, "the context"));
  if (!looks_like_archive(head)) {
    ASSIGN_OR_RETURN(out.dockerfile, sys::read_fd(file, what, kMaxDockerfileBytes));
    return {};
  }
  layer::ExtractSpec spec;
  spec.input_fd = file;
  spec.fs_fd = out.directory.fs.get();
  spec.manifest_path = fmt::format("{}/{}", state.store->root(), out.directory.manifest_path());
  spec.record_owners = true;
  if (Result<layer::ArchiveResult> done = layer::extract_archive(spec); !done)
    return fail(std::move(done.error()).context(fmt::format("while unpacking the context from {}", what)));
  ASSIGN_OR_RETURN(layer::LayerManifest manifest,
                   layer::LayerManifest::load(state.store->root_fd(), out.directory.manifest_path()));
  out.manifest = std::make_shared<const layer::LayerManifest>(std::move(manifest));
  return {};
}

Status from_standard_input(BuildState& state, RemoteContext& out) {
  const std::string what = "standard input";
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(STDIN_FILENO));
  const bool at_start = S_ISREG(info.st_mode) && ::lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
  UniqueFd spooled;
  if (!at_start) {
    ASSIGN_OR_RETURN(spooled,
                     spool(STDIN_FILENO, fmt::format("{}/{}", state.store->root(), out.directory.wrapper)));
  }
  RETURN_IF_ERROR(take_file(state, at_start ? STDIN_FILENO : spooled.get(), what, out));
  if (out.dockerfile && out.dockerfile->empty())
    return fail(Error(ErrorKind::kUsage, "the context is to come from standard input, which is empty")
                    .hint("pipe a Dockerfile or a tar into it, or name a directory: ."));
  return {};
}

Status from_http(BuildState& state, EventSink& events, RemoteContext& out) {
  const std::string& url = state.request.context;
  const std::string path = fmt::format("{}/{}/download", state.store->root(), out.directory.wrapper);
  ASSIGN_OR_RETURN(const remote::HttpFile file,
                   remote::fetch_file({.url = url, .destination = path, .events = &events}, state.secrets));
  out.time = file.last_modified;
  ASSIGN_OR_RETURN(const UniqueFd fd, sys::open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW));
  RETURN_IF_ERROR(take_file(state, fd.get(), plan::without_login(url), out));
  if (::unlink(path.c_str()) != 0) return fail_errno(errno, fmt::format("remove '{}'", path));
  return {};
}

Status from_git(BuildState& state, const plan::GitReference& reference, EventSink& events,
                RemoteContext& out) {
  ASSIGN_OR_RETURN(const remote::GitSource source,
                   remote::GitSource::create(reference, state.secrets, state.ssh_socket(), events));
  ASSIGN_OR_RETURN(const remote::GitCommit commit, source.resolve());
  bool keep = reference.keep_git_dir.value_or(false);
  for (const auto& [name, value] : state.request.build_args)
    if (name == "BUILDKIT_CONTEXT_KEEP_GIT_DIR") keep = value == "1" || value == "true";
  ASSIGN_OR_RETURN(remote::GitFiles files, source.fetch(commit, keep, *state.store, *state.lease));
  out.directory = std::move(files.directory);
  out.time = files.commit_time;
  return {};
}

// `work` as a step that is shown.
Status in_step(EventSink& events, StepId step, const std::string& name, const std::function<Status()>& work) {
  const auto started = std::chrono::steady_clock::now();
  events.on(StepStarted{.step = step, .name = name});
  Status done = work();
  events.on(StepEnded{.step = step,
                      .end = done ? StepEnd::kDone : StepEnd::kFailed,
                      .elapsed = std::chrono::steady_clock::now() - started,
                      .message = done ? std::string() : done.error().to_line(),
                      .log_path = {}});
  return done;
}

}  // namespace

bool is_remote_context(const std::string& context) {
  if (context == "-") return true;
  struct stat info{};
  if (::stat(context.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return false;
  const Result<std::optional<plan::GitReference>> git = plan::parse_git_reference(context);
  return !git || git->has_value() || is_http(context);
}

Result<RemoteContext> fetch_context(BuildState& state, EventSink& events, StepId step) {
  const std::string& context = state.request.context;
  RemoteContext out;
  ASSIGN_OR_RETURN(const std::optional<plan::GitReference> git, plan::parse_git_reference(context));
  const std::string name = context == "-"
                               ? "[internal] load build context from standard input"
                               : "[internal] load remote build context " + plan::without_login(context);
  RETURN_IF_ERROR(in_step(events, step, name, [&]() -> Status {
    if (git) return from_git(state, *git, events, out);
    ASSIGN_OR_RETURN(out.directory, state.lease->new_directory());
    return context == "-" ? from_standard_input(state, out) : from_http(state, events, out);
  }));
  return out;
}

Result<std::string> fetch_dockerfile(BuildState& state, const std::string& url, EventSink& events,
                                     StepId step) {
  std::string text;
  RETURN_IF_ERROR(
      in_step(events, step, "[internal] load remote dockerfile " + plan::without_login(url), [&]() -> Status {
        ASSIGN_OR_RETURN(const store::WorkDirectory directory, state.lease->new_directory());
        const std::string path = fmt::format("{}/{}/download", state.store->root(), directory.wrapper);
        ASSIGN_OR_RETURN(
            const remote::HttpFile file,
            remote::fetch_file(
                {.url = url, .destination = path, .max_bytes = kMaxDockerfileBytes, .events = &events},
                state.secrets));
        ASSIGN_OR_RETURN(text, sys::read_file(AT_FDCWD, path, kMaxDockerfileBytes));
        return {};
      }));
  return text;
}

}  // namespace shale::build
