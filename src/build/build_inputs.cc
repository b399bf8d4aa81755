// SPDX-License-Identifier: Apache-2.0
#include "build/build_inputs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "base/suggest.h"
#include "sys/files.h"

namespace shale::build {

namespace {

constexpr std::size_t kMaxDockerfileBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxIgnoreBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxSecretBytes = 500 * 1024;  // BuildKit's limit for a secret

// Names looked for in the context, in this order.
constexpr const char* kDefaultNames[] = {"Dockerfile", "dockerfile", "Containerfile"};

Result<std::string> absolute_path(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return fail_errno(errno, fmt::format("open '{}'", path));
  std::string out = real;
  std::free(real);
  return out;
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

Result<DockerfileText> read_dockerfile(const BuildRequest& request, const UniqueFd& context) {
  DockerfileText out;
  if (request.dockerfile == "-") {
    out.name = "Dockerfile";
    ASSIGN_OR_RETURN(out.text, sys::read_fd(STDIN_FILENO, "standard input", kMaxDockerfileBytes));
    return out;
  }
  if (!request.dockerfile.empty()) {
    out.name = request.dockerfile;
    Result<std::string> text = sys::read_file(AT_FDCWD, request.dockerfile, kMaxDockerfileBytes);
    // docker takes a name relative to the working directory; many scripts write it relative to the context.
    if (!text && text.error().errno_value() == ENOENT && !request.dockerfile.starts_with('/'))
      text = sys::read_file(context.get(), request.dockerfile, kMaxDockerfileBytes);
    if (!text)
      return fail(
          Error(text.error().kind() == ErrorKind::kNotFound ? ErrorKind::kDockerfile : text.error().kind(),
                fmt::format("failed to read dockerfile: {}", text.error().to_line())));
    out.text = std::move(*text);
    return out;
  }
  for (const char* name : kDefaultNames) {
    Result<std::string> text = sys::read_file(context.get(), name, kMaxDockerfileBytes);
    if (text) return DockerfileText{.name = name, .text = std::move(*text)};
    if (text.error().errno_value() != ENOENT)
      return fail(Error(ErrorKind::kDockerfile,
                        fmt::format("failed to read dockerfile: {}", text.error().to_line())));
  }
  Error error(ErrorKind::kDockerfile,
              fmt::format("failed to read dockerfile: there is none in \"{}\"", request.context));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(context.get()));
  if (const std::string nearest = suggest("Dockerfile", names); !nearest.empty())
    error.add_hint(fmt::format("did you mean -f {}/{}?", request.context, nearest));
  else
    error.add_hint("Dockerfile, dockerfile and Containerfile were looked for; another name is given with -f");
  return fail(std::move(error));
}

// <Dockerfile>.dockerignore beside the Dockerfile instead of .dockerignore in the context.
Result<dockerfile::IgnoreMatcher> read_ignore(const BuildRequest& request, const DockerfileText& dockerfile,
                                              const UniqueFd& context) {
  if (request.dockerfile != "-") {
    const std::string name = dockerfile.name + ".dockerignore";
    Result<std::string> own =
        sys::read_file(request.dockerfile.empty() ? context.get() : AT_FDCWD, name, kMaxIgnoreBytes);
    if (!own && !request.dockerfile.empty() && !request.dockerfile.starts_with('/'))
      own = sys::read_file(context.get(), name, kMaxIgnoreBytes);
    if (own) return dockerfile::IgnoreMatcher::parse(*own, name);
  }
  for (const char* name : {".dockerignore", ".containerignore"}) {
    Result<std::string> text = sys::read_file(context.get(), name, kMaxIgnoreBytes);
    if (text) return dockerfile::IgnoreMatcher::parse(*text, name);
    if (text.error().errno_value() != ENOENT) return fail(std::move(text.error()));
  }
  return dockerfile::IgnoreMatcher();
}

Result<Secret> read_secret(const SecretSpec& spec) {
  Secret out{.id = spec.id, .value = {}};
  if (!spec.environment.empty()) {
    const char* value = std::getenv(spec.environment.c_str());
    if (value == nullptr)
      return fail(ErrorKind::kUsage, fmt::format("--secret id={}: the environment has no variable {}",
                                                 spec.id, spec.environment));
    out.value = value;
    return out;
  }
  Result<std::string> value = sys::read_file(AT_FDCWD, spec.file, kMaxSecretBytes);
  if (!value)
    return fail(std::move(value.error()).context(fmt::format("while reading --secret id={}", spec.id)));
  out.value = std::move(*value);
  return out;
}

}  // namespace

Result<BuildInputs> read_inputs(const BuildRequest& request) {
  BuildInputs out;
  ASSIGN_OR_RETURN(out.context.directory, open_context(request.context));
  ASSIGN_OR_RETURN(out.context.path, absolute_path(request.context));
  ASSIGN_OR_RETURN(out.dockerfile, read_dockerfile(request, out.context.directory));
  ASSIGN_OR_RETURN(out.context.ignore, read_ignore(request, out.dockerfile, out.context.directory));
  for (const auto& [name, value] : request.build_contexts) {
    constexpr std::string_view kImage = "docker-image://";
    if (value.starts_with(kImage)) {
      out.image_contexts[name] = value.substr(kImage.size());
      continue;
    }
    if (value.find("://") != std::string::npos)
      return fail(
          ErrorKind::kUsage,
          fmt::format("--build-context {}={}: only a directory or docker-image:// can be used", name, value));
    ContextDirectory directory;
    ASSIGN_OR_RETURN(directory.directory, open_context(value));
    ASSIGN_OR_RETURN(directory.path, absolute_path(value));
    if (Result<std::string> text =
            sys::read_file(directory.directory.get(), ".dockerignore", kMaxIgnoreBytes)) {
      ASSIGN_OR_RETURN(directory.ignore, dockerfile::IgnoreMatcher::parse(*text));
    }
    out.named[name] = std::move(directory);
  }
  for (const SecretSpec& spec : request.secrets) {
    ASSIGN_OR_RETURN(Secret secret, read_secret(spec));
    out.secrets.push_back(std::move(secret));
  }
  return out;
}

Result<std::unique_ptr<ContextTree>> scan_context(const store::Store& store, ContextDirectory directory) {
  store::StatCache cache = store::StatCache::load(store, directory.path, directory.directory.get());
  return ContextTree::scan(std::move(directory.path), std::move(directory.directory),
                           std::move(directory.ignore), std::move(cache));
}

}  // namespace shale::build
