// SPDX-License-Identifier: Apache-2.0
// ImageConfig: an image's configuration document: what to run, how it was made, which layers it has.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "image/platform.h"
#include "shale/digest.h"

namespace shale::image {

struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", …} or {"CMD-SHELL", text}
  std::chrono::nanoseconds interval{0};
  std::chrono::nanoseconds timeout{0};
  std::chrono::nanoseconds start_period{0};
  std::chrono::nanoseconds start_interval{0};
  int retries = 0;
  bool operator==(const Healthcheck&) const = default;
};

struct HistoryRow {
  std::string created;  // RFC 3339, or empty
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
  bool operator==(const HistoryRow&) const = default;
};

// The fields of OCI's image config and docker's extensions to it (Healthcheck, Shell, OnBuild, ArgsEscaped),
// which runtimes read from OCI images as well. Plain data; absent members have the values below.
struct ImageConfig {
  std::string created;  // RFC 3339, or empty
  std::string author;
  Platform platform;
  std::vector<std::string> os_features;

  std::string user;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> env;         // "K=V", in order
  std::vector<std::string> entrypoint;
  bool entrypoint_set = false;  // tells [] from null
  std::vector<std::string> cmd;
  bool cmd_set = false;
  bool args_escaped = false;
  std::set<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> on_build;
  std::vector<std::string> shell;

  std::vector<Digest> diff_ids;  // lowest layer first
  std::vector<HistoryRow> history;

  // Checks types and limits; an entry of Env without "=" is dropped (CVE-2026-57231: it would take the host's
  // value).
  static Result<ImageConfig> parse(std::string_view json);
  // The same fields give the same bytes, whose SHA-256 is the image's id.
  [[nodiscard]] std::string to_json() const;

  // The value of an Env entry, or nullopt.
  [[nodiscard]] std::optional<std::string> env_value(std::string_view name) const;
  // Replaces in place or appends.
  void set_env(std::string_view name, std::string_view value);
};

}  // namespace shale::image
