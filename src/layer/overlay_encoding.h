// SPDX-License-Identifier: Apache-2.0
// How overlayfs (mounted with userxattr) writes things down in a directory tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/manifest.h"
#include "sys/files.h"

namespace shale::layer {

inline constexpr std::string_view kOverlayXattrPrefix = "user.overlay.";
// Doubled, it is the user's own attribute of that name, as overlayfs escapes it when set from inside a mount.
inline constexpr std::string_view kOverlayEscapedPrefix = "user.overlay.overlay.";
inline constexpr std::string_view kOverlayOpaque = "user.overlay.opaque";
// On an empty regular file in a directory whose kOverlayOpaque is "x": a whiteout where devices cannot be
// made.
inline constexpr std::string_view kOverlayWhiteout = "user.overlay.whiteout";

// What a layer says about a file's extended attributes, from those on disk: user.* un-escaped and without
// overlay's own, security.capability and POSIX ACLs. Labels of the host (security.selinux, trusted.*) are not
// the image's.
std::vector<EntryXattr> xattrs_of_layer(const std::vector<sys::Xattr>& on_disk);

// True for an attribute that a layer may hold.
bool is_layer_xattr(std::string_view name);

// The name under which a layer's attribute is stored on disk.
std::string xattr_name_on_disk(std::string_view name);

// Records that the name is deleted, in an open directory of a layer: a device, or where none can be made (a
// directory that lies on overlayfs) an empty file with an attribute. `by_attribute` then becomes true, and
// the directory has to get kOverlayOpaque with the value "x".
Status make_whiteout(int directory, const std::string& name, bool& by_attribute);

// Sets kOverlayOpaque: "y" = nothing of the layers below shows through, "x" = see above. False, and errno
// says why, where that fails, as on a file system that takes no such attribute.
bool mark_directory(int directory, const char* value);

// The value of kOverlayOpaque among `on_disk`, or "".
std::string_view opaque_value(const std::vector<sys::Xattr>& on_disk);

}  // namespace shale::layer
