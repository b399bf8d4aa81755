// SPDX-License-Identifier: Apache-2.0
// The small things a RUN is given besides its snapshot: /etc/hosts, resolv.conf, limits, its log.
#pragma once

#include <string>
#include <vector>

#include "layer/owner_encoding.h"
#include "layer/view.h"
#include "runtime/sandbox_spec.h"
#include "shale/build.h"
#include "store/store.h"

namespace shale::build {

// A read-only file with this content, mode 0644, owned by root.
runtime::SandboxMount text_mount(std::string target, std::string content);

// What a command's host is called: the build argument BUILDKIT_SANDBOX_HOSTNAME, or BuildKit's name, which
// some builds write into their result.
std::string sandbox_hostname(const std::vector<std::pair<std::string, std::string>>& build_args);

// BuildKit's hosts file for a host of that name, and the --add-host entries. The gateway to the host is
// loopback, which a command shares with it (a command without a network reaches nothing there, as it reaches
// no gateway under docker).
std::string hosts_file(const std::string& hostname, const std::vector<ExtraHost>& add_hosts);

// The host's resolv.conf (the one systemd-resolved keeps for others, where its stub is in use). As docker's,
// it is the same without a network.
std::string resolv_conf();

// logs/<build>/<step>.log in the store; older builds' logs go when there are many.
Result<std::string> make_log_path(const store::Store& store, const std::string& build, int step);

// What to say of a command that failed while the store's file system had no room: programs often hide the
// reason behind "I/O error". Empty when there is room.
std::string full_disk_hint(int store_fd);

// Gives a directory the mode and owner of the root that `view` shows, so that it can be put on top of it.
Status copy_root_metadata(const layer::SnapshotView& view, layer::OwnerEncoding owners, int directory);

}  // namespace shale::build
