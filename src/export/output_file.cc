// SPDX-License-Identifier: Apache-2.0
#include "export/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sys/files.h"
#include "sys/random_name.h"
#include "sys/umask.h"

namespace shale::exporter {

namespace {

constexpr std::size_t kBuffer = std::size_t{256} << 10;

std::string temporary_name(const std::string& name) {
  // The name may be as long as a name can be.
  return fmt::format(".{}.{}", name.substr(0, 200), sys::random_name());
}

}  // namespace

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      progress_(other.progress_),
      directory_(std::move(other.directory_)),
      name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)),
      buffer_(std::move(other.buffer_)) {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlinkat(directory_.get(), temporary_.c_str(), 0);
}

Result<OutputFile> OutputFile::create(const std::string& path, const std::optional<Progress>& progress) {
  OutputFile out;
  out.path_ = path;
  out.progress_ = progress;
  if (path == "-") {
    out.fd_.reset(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!out.fd_) return fail_errno(errno, "write to standard output");
    return out;
  }
  // As if it were opened and written to: one that is there keeps its mode, and a link leads to what is
  // replaced.
  mode_t mode = 0666 & ~sys::user_umask();
  std::string target = path;
  if (Result<UniqueFd> existing = sys::open_at(AT_FDCWD, path, O_PATH)) {
    ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(existing->get()));
    if (S_ISDIR(info.st_mode))
      return fail(Error(ErrorKind::kUsage, fmt::format("the output '{}' is a directory", path))
                      .hint("name a file in it"));
    if (!S_ISREG(info.st_mode)) {
      ASSIGN_OR_RETURN(out.fd_, sys::open_at(AT_FDCWD, path, O_WRONLY));
      return out;
    }
    mode = info.st_mode & 0777U;
    ASSIGN_OR_RETURN(target, sys::read_link(AT_FDCWD, fmt::format("/proc/self/fd/{}", existing->get())));
  }
  const std::size_t slash = target.find_last_of('/');
  const std::string directory = slash == std::string::npos ? "." : target.substr(0, slash + 1);
  out.name_ = slash == std::string::npos ? target : target.substr(slash + 1);
  if (out.name_.empty())
    return fail(ErrorKind::kUsage, fmt::format("the output '{}' does not name a file", path));
  ASSIGN_OR_RETURN(out.directory_, sys::open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  out.fd_.reset(::openat(out.directory_.get(), ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!out.fd_) {
    out.temporary_ = temporary_name(out.name_);
    Result<UniqueFd> made =
        sys::open_at(out.directory_.get(), out.temporary_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!made) {
      out.temporary_.clear();
      return fail(std::move(made.error()).context(fmt::format("writing the output '{}'", path)));
    }
    out.fd_ = std::move(*made);
  }
  if (::fchmod(out.fd_.get(), mode) != 0) return fail_errno(errno, fmt::format("set the mode of '{}'", path));
  return out;
}

Status OutputFile::write_out(std::string_view bytes) {
  if (progress_) RETURN_IF_ERROR(progress_->check());
  Status written = sys::write_all(fd_.get(), bytes);
  if (!written)
    return fail(std::move(written.error())
                    .context(path_ == "-" ? "writing to standard output"
                                          : fmt::format("writing the output '{}'", path_)));
  return {};
}

Status OutputFile::flush() {
  Status written = write_out(buffer_);
  buffer_.clear();
  return written;
}

Status OutputFile::write(std::string_view bytes) {
  if (bytes.size() >= kBuffer) {
    if (!buffer_.empty()) RETURN_IF_ERROR(flush());
    return write_out(bytes);
  }
  buffer_.append(bytes);
  return buffer_.size() >= kBuffer ? flush() : Status();
}

Status OutputFile::link_into_place() {
  if (temporary_.empty()) {
    const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    if (::linkat(AT_FDCWD, self.c_str(), directory_.get(), name_.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
    if (errno != EEXIST) return fail_errno(errno, fmt::format("create '{}'", path_));
    // link(2) replaces nothing; rename(2) does.
    const std::string name = temporary_name(name_);
    if (::linkat(AT_FDCWD, self.c_str(), directory_.get(), name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return fail_errno(errno, fmt::format("create '{}'", path_));
    temporary_ = name;
  }
  if (::renameat(directory_.get(), temporary_.c_str(), directory_.get(), name_.c_str()) != 0)
    return fail_errno(errno, fmt::format("replace '{}'", path_));
  temporary_.clear();
  return {};
}

Status OutputFile::commit() {
  if (!buffer_.empty()) RETURN_IF_ERROR(flush());
  if (directory_) RETURN_IF_ERROR(link_into_place());
  return fd_.close();
}

}  // namespace shale::exporter
