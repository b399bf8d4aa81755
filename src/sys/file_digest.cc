// SPDX-License-Identifier: Apache-2.0
#include "sys/file_digest.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/sha256.h"

namespace shale::sys {

Result<Digest> digest_file(int fd, std::string_view what) {
  constexpr std::size_t kBufferBytes = std::size_t{256} << 10;  // it stays in a processor's cache
  Sha256 hash;
  std::string buffer(kBufferBytes, '\0');
  for (off_t offset = 0;;) {
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, fmt::format("read {}", what));
    if (got == 0) return hash.finish();
    hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
    offset += got;
  }
}

}  // namespace shale::sys
