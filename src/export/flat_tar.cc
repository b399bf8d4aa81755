// SPDX-License-Identifier: Apache-2.0
// A snapshot as one tar.
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "export/local.h"
#include "export/merged_tree.h"
#include "export/output_file.h"
#include "layer/tar_writer.h"

namespace shale::exporter {

namespace {

Status copy_file(const layer::Entry& entry, int fd, std::string& buffer, OutputFile& out) {
  std::uint64_t left = entry.size;
  while (left > 0) {
    const ssize_t got = ::read(fd, buffer.data(), std::min<std::uint64_t>(left, buffer.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read '" + entry.path + "'");
    if (got == 0) return fail(ErrorKind::kCorrupt, "'" + entry.path + "' became shorter while it was read");
    RETURN_IF_ERROR(out.write(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
    left -= static_cast<std::uint64_t>(got);
  }
  return out.write(layer::tar_padding(entry.size));
}

}  // namespace

Status write_flat_tar(store::Store& store, const std::vector<std::string>& layer_ids, const std::string& path,
                      std::optional<std::int64_t> mtime_s, const Progress& progress) {
  ASSIGN_OR_RETURN(const MergedTree tree, MergedTree::open(store, layer_ids));
  ASSIGN_OR_RETURN(OutputFile out, OutputFile::create(path, progress));
  std::string buffer(std::size_t{1} << 20, '\0');
  std::uint64_t written = 0;
  const auto add = [&](const layer::Entry& entry, std::size_t layer, const std::string& link_to) -> Status {
    RETURN_IF_ERROR(progress.check());
    layer::Entry shown = entry;
    shown.hard_link_of = link_to;
    shown.mtime_s = mtime_s.value_or(entry.mtime_s);
    RETURN_IF_ERROR(out.write(layer::tar_header(shown)));
    if (!entry.is_file() || !link_to.empty()) return {};
    ASSIGN_OR_RETURN(const UniqueFd file, tree.open_file(entry, layer));
    written += entry.size;
    return copy_file(entry, file.get(), buffer, out);
  };
  RETURN_IF_ERROR(tree.walk(add));
  RETURN_IF_ERROR(out.write(layer::tar_end()));
  progress.item("writing files", written, written, true);
  return out.commit();
}

}  // namespace shale::exporter
