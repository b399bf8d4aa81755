// SPDX-License-Identifier: Apache-2.0
#include "build/build_inputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "base/suggest.h"
#include "build/remote_context.h"
#include "plan/git_reference.h"
#include "plan/stage_graph.h"
#include "sys/files.h"

namespace shale::build {

namespace {

constexpr std::size_t kMaxDockerfileBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxIgnoreBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxSecretBytes = 500 * 1024;  // BuildKit's limit for a secret

// Names looked for in the context, in this order.
constexpr const char* kDefaultNames[] = {"Dockerfile", "dockerfile", "Containerfile"};

bool is_http(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

Result<std::string> absolute_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return fail_errno(errno, fmt::format("open '{}'", path));
  return std::string(real.get());
}

Result<UniqueFd> open_context(const std::string& path) {
  Result<UniqueFd> directory = sys::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (directory) return directory;
  if (directory.error().errno_value() == ENOENT)
    return fail(ErrorKind::kUsage, fmt::format("path \"{}\" not found", path));
  if (directory.error().errno_value() == ENOTDIR)
    return fail(
        Error(ErrorKind::kUsage, fmt::format("the context \"{}\" is not a directory", path))
            .hint("name the Dockerfile with -f, and the directory its COPY lines read from as the context"));
  return fail(std::move(directory.error()).context("while opening the build context"));
}

// A file of the context. What a repository or archive brought leads nowhere else.
Result<std::string> read_in(const ContextDirectory& context, const std::string& name, std::size_t limit) {
  if (!context.own) return sys::read_file(context.directory.get(), name, limit);
  ASSIGN_OR_RETURN(const UniqueFd fd,
                   sys::open_in_root(context.directory.get(), name, O_RDONLY | O_NONBLOCK));
  return sys::read_fd(fd.get(), name, limit);
}

Error not_readable(const Error& cause) {
  Error error(ErrorKind::kDockerfile, fmt::format("failed to read dockerfile: {}", cause.to_line()));
  if (cause.errno_value() == EISDIR) error.add_hint("name the file in it with -f");
  if (cause.errno_value() == EACCES) error.add_hint("make it readable for the user who builds");
  return error;
}

Result<DockerfileText> read_dockerfile(const BuildRequest& request, const ContextDirectory& context) {
  if (request.dockerfile == "-") {
    ASSIGN_OR_RETURN(std::string text, sys::read_fd(STDIN_FILENO, "standard input", kMaxDockerfileBytes));
    return DockerfileText{.name = "Dockerfile", .text = std::move(text)};
  }
  if (!request.dockerfile.empty()) {
    const bool absolute = request.dockerfile.starts_with('/');
    // docker takes a name relative to the working directory; many scripts write it relative to the context.
    // In a context from elsewhere it is meant inside of it.
    Result<std::string> text = context.own && !absolute
                                   ? read_in(context, request.dockerfile, kMaxDockerfileBytes)
                                   : sys::read_file(AT_FDCWD, request.dockerfile, kMaxDockerfileBytes);
    if (!text && text.error().errno_value() == ENOENT && !absolute && !context.own)
      text = read_in(context, request.dockerfile, kMaxDockerfileBytes);
    if (!text) return fail(not_readable(text.error()));
    return DockerfileText{.name = request.dockerfile, .text = std::move(*text)};
  }
  for (const char* name : kDefaultNames) {
    Result<std::string> text = read_in(context, name, kMaxDockerfileBytes);
    if (text) return DockerfileText{.name = name, .text = std::move(*text)};
    if (text.error().errno_value() != ENOENT) return fail(not_readable(text.error()));
  }
  const std::string shown = plan::without_login(request.context);
  Error error(ErrorKind::kDockerfile,
              fmt::format("failed to read dockerfile: there is none in \"{}\"", shown));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(context.directory.get()));
  if (const std::string nearest = suggest("Dockerfile", names); !nearest.empty())
    error.add_hint(fmt::format("did you mean -f {}?",
                               context.own ? nearest : fmt::format("{}/{}", request.context, nearest)));
  else
    error.add_hint("Dockerfile, dockerfile and Containerfile were looked for; another name is given with -f");
  return fail(std::move(error));
}

// Going on without it would put into the image what was to stay out.
Error unreadable_ignore(const Error& cause, const std::string& name) {
  Error error = cause;
  error.add_context("while reading which files of the context stay out of the build");
  if (cause.errno_value() == EACCES)
    error.add_hint(fmt::format("make it readable for the user who builds: chmod u+r {}", name));
  return error;
}

// <Dockerfile>.dockerignore beside the Dockerfile instead of .dockerignore in the context.
Result<dockerfile::IgnoreMatcher> read_ignore(const BuildRequest& request, const DockerfileText& dockerfile,
                                              const ContextDirectory& context) {
  if (request.dockerfile != "-" && !is_http(request.dockerfile)) {
    const std::string name = dockerfile.name + ".dockerignore";
    const bool absolute = request.dockerfile.starts_with('/');
    Result<std::string> own = request.dockerfile.empty() || (context.own && !absolute)
                                  ? read_in(context, name, kMaxIgnoreBytes)
                                  : sys::read_file(AT_FDCWD, name, kMaxIgnoreBytes);
    if (!own && !request.dockerfile.empty() && !absolute && !context.own)
      own = read_in(context, name, kMaxIgnoreBytes);
    if (own) return dockerfile::IgnoreMatcher::parse(*own, name);
    if (own.error().errno_value() != ENOENT) return fail(unreadable_ignore(own.error(), name));
  }
  for (const char* name : {".dockerignore", ".containerignore"}) {
    Result<std::string> text = read_in(context, name, kMaxIgnoreBytes);
    if (text) return dockerfile::IgnoreMatcher::parse(*text, name);
    if (text.error().errno_value() != ENOENT) return fail(unreadable_ignore(text.error(), name));
  }
  return dockerfile::IgnoreMatcher();
}

Result<remote::Secret> read_secret(const SecretSpec& spec, EventSink& events) {
  remote::Secret out{.id = spec.id, .value = {}};
  if (!spec.environment.empty()) {
    // One that is not set is an empty secret, as docker has it: a build may do without. It is told.
    if (const char* value = std::getenv(spec.environment.c_str()))
      out.value = value;
    else
      events.on(Warning{
          .rule = {},
          .text = fmt::format("--secret id={}: the environment has no variable {}, so the secret is empty",
                              spec.id, spec.environment),
          .description = {},
          .url = {},
          .span = {},
          .excerpt = {}});
    return out;
  }
  Result<std::string> value = sys::read_file(AT_FDCWD, spec.file, kMaxSecretBytes);
  if (!value)
    return fail(std::move(value.error()).context(fmt::format("while reading --secret id={}", spec.id)));
  out.value = std::move(*value);
  return out;
}

// The context, and the Dockerfile if it came as the context.
Status read_context(BuildState& state, EventSink& events, StepId& next_step, BuildInputs& out) {
  const BuildRequest& request = state.request;
  if (!is_remote_context(request.context)) {
    ASSIGN_OR_RETURN(out.context.directory, open_context(request.context));
    ASSIGN_OR_RETURN(out.context.path, absolute_path(request.context));
    return {};
  }
  RETURN_IF_ERROR(state.open_lease());
  ASSIGN_OR_RETURN(RemoteContext fetched, fetch_context(state, events, next_step++));
  if (fetched.dockerfile && !request.dockerfile.empty())
    return fail(
        Error(ErrorKind::kUsage, "ambiguous Dockerfile source: both the context and --file are Dockerfiles")
            .hint("leave --file out, or give a directory or an archive as the context"));
  out.context.path = fmt::format("{}/{}", state.store->root(), fetched.directory.fs_path());
  out.context.directory = std::move(fetched.directory.fs);
  out.context.own = true;
  out.context.manifest = std::move(fetched.manifest);
  out.context_time = fetched.time;
  if (fetched.dockerfile) out.dockerfile = {.name = "Dockerfile", .text = std::move(*fetched.dockerfile)};
  return {};
}

Status read_named_context(const std::string& name, const std::string& value, BuildInputs& out) {
  constexpr std::string_view kImage = "docker-image://";
  constexpr std::string_view kLayout = "oci-layout://";
  if (value.starts_with(kImage)) {
    out.image_contexts[name] = value.substr(kImage.size());
    return {};
  }
  if (value.starts_with(kLayout)) {
    out.image_contexts[name] = value;
    return {};
  }
  if (is_remote_context(value)) {
    ASSIGN_OR_RETURN(const std::optional<plan::GitReference> git, plan::parse_git_reference(value));
    if (git) {
      out.remote_contexts[name] =
          plan::GitOp{.reference = *git, .keep_git_dir = git->keep_git_dir.value_or(false)};
    } else if (is_http(value)) {
      out.remote_contexts[name] =
          plan::HttpOp{.url = value, .file_name = "context", .checksum = {}, .unpack = true};
    } else {
      return fail(Error(ErrorKind::kUsage,
                        fmt::format("--build-context {}={}: standard input can only be the main context",
                                    name, value))
                      .hint("give a directory, an address, docker-image://… or oci-layout://…"));
    }
    return {};
  }
  if (value.find("://") != std::string::npos)
    return fail(Error(ErrorKind::kUsage,
                      fmt::format("--build-context {}={}: this kind of address is not known", name, value))
                    .hint("it is a directory, docker-image://…, oci-layout://…, the address of a git "
                          "repository, or http(s)://…"));
  ContextDirectory directory;
  ASSIGN_OR_RETURN(directory.directory, open_context(value));
  ASSIGN_OR_RETURN(directory.path, absolute_path(value));
  const std::string ignore_name = fmt::format("{}/.dockerignore", value);
  const Result<std::string> text = read_in(directory, ".dockerignore", kMaxIgnoreBytes);
  if (!text && text.error().errno_value() != ENOENT)
    return fail(unreadable_ignore(text.error(), ignore_name));
  if (text) {
    ASSIGN_OR_RETURN(directory.ignore, dockerfile::IgnoreMatcher::parse(*text, ignore_name));
  }
  out.named[name] = std::move(directory);
  return {};
}

}  // namespace

Result<BuildInputs> read_inputs(BuildState& state, EventSink& events, StepId& next_step) {
  const BuildRequest& request = state.request;
  BuildInputs out;
  for (const SecretSpec& spec : request.secrets) {
    ASSIGN_OR_RETURN(remote::Secret secret, read_secret(spec, events));
    state.secrets.push_back(std::move(secret));
  }
  RETURN_IF_ERROR(state.ssh.use(request.ssh));
  RETURN_IF_ERROR(read_context(state, events, next_step, out));
  if (is_http(request.dockerfile)) {
    RETURN_IF_ERROR(state.open_lease());
    out.dockerfile.name = "Dockerfile";
    ASSIGN_OR_RETURN(out.dockerfile.text, fetch_dockerfile(state, request.dockerfile, events, next_step++));
  } else if (out.dockerfile.name.empty()) {
    ASSIGN_OR_RETURN(out.dockerfile, read_dockerfile(request, out.context));
  }
  ASSIGN_OR_RETURN(out.context.ignore, read_ignore(request, out.dockerfile, out.context));
  for (const auto& [name, value] : request.build_contexts)
    RETURN_IF_ERROR(read_named_context(plan::context_name(name), value, out));
  return out;
}

Result<std::unique_ptr<ContextTree>> scan_context(const store::Store& store, ContextDirectory directory) {
  if (directory.manifest)
    return ContextTree::from_manifest(std::move(directory.path), std::move(directory.directory),
                                      std::move(directory.ignore), *directory.manifest);
  std::optional<store::StatCache> cache;
  if (!directory.own) cache = store::StatCache::load(store, directory.path, directory.directory.get());
  return ContextTree::scan(std::move(directory.path), std::move(directory.directory),
                           std::move(directory.ignore), std::move(cache));
}

}  // namespace shale::build
