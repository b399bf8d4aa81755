// SPDX-License-Identifier: Apache-2.0
// parse_mount_table() with libmount. Static programs have mount_table_static.cc.
#include <libmount.h>

#include <cstdio>
#include <memory>

#include "sys/mount_table.h"

namespace shale::sys {

namespace {

struct Close {
  void operator()(std::FILE* stream) const { (void)std::fclose(stream); }
  void operator()(libmnt_table* table) const { mnt_unref_table(table); }
  void operator()(libmnt_iter* iter) const { mnt_free_iter(iter); }
};

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

int skip_line(libmnt_table* /*table*/, const char* /*file*/, int /*line*/) { return 1; }

}  // namespace

MountTable parse_mount_table(std::string_view mountinfo) {
  if (mountinfo.empty()) return {};  // of which fmemopen(3) makes no stream
  std::string text(mountinfo);
  const std::unique_ptr<std::FILE, Close> stream(::fmemopen(text.data(), text.size(), "r"));
  const std::unique_ptr<libmnt_table, Close> table(mnt_new_table());
  const std::unique_ptr<libmnt_iter, Close> iter(mnt_new_iter(MNT_ITER_FORWARD));
  if (!stream || !table || !iter || mnt_table_set_parser_errcb(table.get(), skip_line) != 0 ||
      mnt_table_parse_stream(table.get(), stream.get(), "mountinfo") != 0)
    return {};
  MountTable mounts;
  libmnt_fs* mount = nullptr;
  while (mnt_table_next_fs(table.get(), iter.get(), &mount) == 0)
    mounts.push_back({.target = text_or_empty(mnt_fs_get_target(mount)),
                      .root = text_or_empty(mnt_fs_get_root(mount)),
                      .type = text_or_empty(mnt_fs_get_fstype(mount)),
                      .options = text_or_empty(mnt_fs_get_fs_options(mount))});
  return mounts;
}

}  // namespace shale::sys
