// SPDX-License-Identifier: Apache-2.0
// --change of shale import: Dockerfile instructions that only change an image's config.
#pragma once

#include <string>
#include <vector>

#include "image/config.h"
#include "shale/error.h"

namespace shale::exporter {

// The config of an image without layers for `platform` after `changes`, in order: CMD, ENTRYPOINT, ENV,
// EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME, WORKDIR; any other is kUsage.
// created, diff_ids and history are empty.
Result<image::ImageConfig> config_of_changes(const std::vector<std::string>& changes,
                                             const image::Platform& platform);

}  // namespace shale::exporter
