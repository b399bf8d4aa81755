// SPDX-License-Identifier: Apache-2.0
#include "layer/upper_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "layer/layer_stream.h"
#include "layer/overlay_encoding.h"
#include "layer/raw_copy.h"
#include "sys/files.h"

namespace shale::layer {

namespace {

class UpperCopy {
 public:
  UpperCopy(int from, int to) : from_(from), to_(to) {}

  Status run(const SnapshotView& below) {
    pending_.push_back({.path = "", .below = below.root(), .hides = false});
    while (!pending_.empty()) {
      const Frame frame = std::move(pending_.back());
      pending_.pop_back();
      visited_.push_back(frame.path);
      RETURN_IF_ERROR(visit(frame));
    }
    // From the inside out: what is made in a directory changes its times.
    for (auto path = visited_.rbegin(); path != visited_.rend(); ++path) {
      ASSIGN_OR_RETURN(const UniqueFd source, open_directory_beneath(from_, *path, O_RDONLY));
      ASSIGN_OR_RETURN(const UniqueFd made, open_directory_beneath(to_, *path, O_RDONLY));
      RETURN_IF_ERROR(copy_directory_metadata(source.get(), made.get(), CopyDirection::kWithin));
    }
    return {};
  }

 private:
  struct Frame {
    std::string path;
    SnapshotView::Directory below;
    bool hides = false;  // nothing of `below` shows through
  };

  static std::string join(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : fmt::format("{}/{}", directory, name);
  }

  Status visit(const Frame& frame) {
    ASSIGN_OR_RETURN(const UniqueFd source, open_directory_beneath(from_, frame.path, O_RDONLY));
    ASSIGN_OR_RETURN(const UniqueFd made, open_directory_beneath(to_, frame.path, O_RDONLY));
    ASSIGN_OR_RETURN(const std::vector<sys::Xattr> attributes, sys::list_xattrs(source.get()));
    ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(source.get()));
    Frame here = frame;
    here.hides = here.hides || opaque_value(attributes) == "y";
    bool by_attribute = false;
    if (here.hides && !here.below.empty()) {
      if (mark_directory(made.get(), "y"))
        here.below = {};
      else
        RETURN_IF_ERROR(delete_others(here, names, made.get(), by_attribute));
    }
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(const struct stat status, sys::stat_at(source.get(), name));
      if (S_ISDIR(status.st_mode)) {
        if (::mkdirat(made.get(), name.c_str(), 0700) != 0)
          return fail_errno(errno, fmt::format("make '/{}' in the new layer", join(frame.path, name)));
        pending_.push_back(
            {.path = join(frame.path, name), .below = here.below.subdirectory(name), .hides = here.hides});
      } else if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0)) {
        if (!here.below.empty()) RETURN_IF_ERROR(make_whiteout(made.get(), name, by_attribute));
      } else {
        RETURN_IF_ERROR(copy_file(frame, source.get(), name, status, made.get()));
      }
    }
    if (by_attribute && !mark_directory(made.get(), "x"))
      return fail_errno(errno, fmt::format("mark deletions in '/{}' of the new layer", frame.path));
    return {};
  }

  static Status delete_others(const Frame& frame, const std::vector<std::string>& names, int made,
                              bool& by_attribute) {
    for (const ViewEntry& lower : frame.below.children()) {
      const std::string name(lower.entry->name());
      if (!std::binary_search(names.begin(), names.end(), name))
        RETURN_IF_ERROR(make_whiteout(made, name, by_attribute));
    }
    return {};
  }

  Status copy_file(const Frame& frame, int source, const std::string& name, const struct stat& status,
                   int made) {
    if (status.st_nlink > 1) {
      const auto [first, fresh] = links_.try_emplace(status.st_ino, frame.path, name);
      if (!fresh) {
        ASSIGN_OR_RETURN(const UniqueFd directory, open_directory_beneath(to_, first->second.first, O_PATH));
        if (::linkat(directory.get(), first->second.second.c_str(), made, name.c_str(), 0) != 0)
          return fail_errno(errno, fmt::format("link '/{}' in the new layer", join(frame.path, name)));
        return {};
      }
    }
    return copy_node(source, name, status, made, name, CopyDirection::kWithin);
  }

  int from_;
  int to_;
  std::vector<Frame> pending_;
  std::vector<std::string> visited_;
  std::map<ino_t, std::pair<std::string, std::string>> links_;  // directory and name, by inode
};

}  // namespace

Status copy_upper(int from, const SnapshotView& below, int to) { return UpperCopy(from, to).run(below); }

}  // namespace shale::layer
