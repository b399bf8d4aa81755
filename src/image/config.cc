// SPDX-License-Identifier: Apache-2.0
// Names and order of the members are those of docker and BuildKit: the outer ones sorted, the inner ones in
// the order of their structure.
#include "image/config.h"

#include <fmt/format.h>

#include <limits>

#include "base/json.h"
#include "image/field_reader.h"

namespace shale::image {

namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20;  // what containers/image accepts
constexpr std::size_t kMaxLayers = 1000;
constexpr std::size_t kMaxHistory = 10'000;

constexpr const char* kWhat = "image config";

void refuse_nul(FieldReader& reader, const char* key, const std::string& text) {
  if (text.find('\0') != std::string::npos) reader.complain(key, "has a NUL byte");
}
void refuse_nul(FieldReader& reader, const char* key, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) refuse_nul(reader, key, text);
}

void read_platform_part(FieldReader& reader, const char* key, std::string& target) {
  std::string text;
  reader.read(key, text);
  if (!Platform::is_valid_part(text))
    reader.complain(key, "has characters that no platform has");
  else if (!text.empty())
    target = std::move(text);
}

Result<Healthcheck> read_healthcheck(const Json& json) {
  Healthcheck check;
  FieldReader reader(json, "image config, Healthcheck");
  reader.read("Test", check.test);
  const auto duration = [&](const char* key, std::chrono::nanoseconds& target) {
    std::int64_t ns = 0;
    reader.read(key, ns);
    target = std::chrono::nanoseconds(ns);
  };
  duration("Interval", check.interval);
  duration("Timeout", check.timeout);
  duration("StartPeriod", check.start_period);
  duration("StartInterval", check.start_interval);
  std::int64_t retries = 0;
  reader.read("Retries", retries);
  if (retries < 0 || retries > std::numeric_limits<int>::max()) reader.complain("Retries", "is out of range");
  check.retries = static_cast<int>(retries);
  RETURN_IF_ERROR(reader.status());
  return check;
}

Status read_config(const Json& json, ImageConfig& config) {
  FieldReader reader(json, kWhat);
  const auto text = [&](const char* key, std::string& target) {
    reader.read(key, target);
    refuse_nul(reader, key, target);
  };
  const auto list = [&](const char* key, std::vector<std::string>& target) {
    reader.read(key, target);
    refuse_nul(reader, key, target);
  };
  const auto names = [&](const char* key, std::set<std::string>& target) {
    for (std::string& name : reader.keys(key)) {
      refuse_nul(reader, key, name);
      target.insert(std::move(name));
    }
  };
  text("User", config.user);
  names("ExposedPorts", config.exposed_ports);
  std::vector<std::string> env;
  list("Env", env);
  for (std::string& entry : env)
    if (const std::size_t equals = entry.find('='); equals != std::string::npos && equals != 0)
      config.env.push_back(std::move(entry));
  list("Entrypoint", config.entrypoint);
  config.entrypoint_set = reader.array("Entrypoint") != nullptr;
  list("Cmd", config.cmd);
  config.cmd_set = reader.array("Cmd") != nullptr;
  names("Volumes", config.volumes);
  text("WorkingDir", config.working_dir);
  reader.read("Labels", config.labels);
  text("StopSignal", config.stop_signal);
  reader.read("ArgsEscaped", config.args_escaped);
  if (const Json* check = reader.object("Healthcheck")) {
    ASSIGN_OR_RETURN(config.healthcheck, read_healthcheck(*check));
  }
  list("OnBuild", config.on_build);
  list("Shell", config.shell);
  return reader.status();
}

Status read_rootfs(const Json& json, ImageConfig& config) {
  FieldReader reader(json, "image config, rootfs");
  std::string type;
  reader.read("type", type);
  if (!type.empty() && type != "layers") reader.complain("type", "is not 'layers'");
  std::vector<std::string> digests;
  reader.read("diff_ids", digests);
  if (digests.size() > kMaxLayers)
    reader.complain("diff_ids", fmt::format("names more than {} layers", kMaxLayers));
  RETURN_IF_ERROR(reader.status());
  for (const std::string& digest : digests) {
    ASSIGN_OR_RETURN(const Digest parsed, Digest::parse(digest));
    config.diff_ids.push_back(parsed);
  }
  return {};
}

Status read_history(const Json& rows, ImageConfig& config) {
  if (rows.size() > kMaxHistory)
    return fail(ErrorKind::kCorrupt, fmt::format("{}: 'history' has more than {} rows", kWhat, kMaxHistory));
  for (const Json& json : rows) {
    HistoryRow row;
    FieldReader reader(json, "image config, history");
    reader.read("created", row.created);
    reader.read("created_by", row.created_by);
    reader.read("author", row.author);
    reader.read("comment", row.comment);
    reader.read("empty_layer", row.empty_layer);
    RETURN_IF_ERROR(reader.status());
    config.history.push_back(std::move(row));
  }
  return {};
}

// The omitempty of Go's encoder.
template <typename T>
void put(Json& json, const char* key, const T& value) {
  if (value != T{}) json[key] = value;
}

Json object_of(const std::set<std::string>& names) {
  Json json = Json::object();
  for (const std::string& name : names) json[name] = Json::object();
  return json;
}

Json config_json(const ImageConfig& config) {
  Json json = Json::object();
  put(json, "User", config.user);
  if (!config.exposed_ports.empty()) json["ExposedPorts"] = object_of(config.exposed_ports);
  put(json, "Env", config.env);
  put(json, "Entrypoint", config.entrypoint);
  put(json, "Cmd", config.cmd);
  if (!config.volumes.empty()) json["Volumes"] = object_of(config.volumes);
  put(json, "WorkingDir", config.working_dir);
  put(json, "Labels", config.labels);
  put(json, "StopSignal", config.stop_signal);
  put(json, "ArgsEscaped", config.args_escaped);
  if (config.healthcheck) {
    const Healthcheck& check = *config.healthcheck;
    Json out = Json::object();
    put(out, "Test", check.test);
    put(out, "Interval", static_cast<std::int64_t>(check.interval.count()));
    put(out, "Timeout", static_cast<std::int64_t>(check.timeout.count()));
    put(out, "StartPeriod", static_cast<std::int64_t>(check.start_period.count()));
    put(out, "StartInterval", static_cast<std::int64_t>(check.start_interval.count()));
    put(out, "Retries", check.retries);
    json["Healthcheck"] = std::move(out);
  }
  put(json, "OnBuild", config.on_build);
  put(json, "Shell", config.shell);
  return json;
}

}  // namespace

Result<ImageConfig> ImageConfig::parse(std::string_view json) {
  if (json.size() > kMaxConfigBytes)
    return fail(ErrorKind::kCorrupt, fmt::format("{} is larger than {} MiB", kWhat, kMaxConfigBytes >> 20));
  ASSIGN_OR_RETURN(const Json document, parse_json(json, kWhat));
  ImageConfig config;
  FieldReader reader(document, kWhat);
  reader.read("created", config.created);
  reader.read("author", config.author);
  // Images of old tools lack these; they were made for linux/amd64, which the defaults say.
  read_platform_part(reader, "os", config.platform.os);
  read_platform_part(reader, "architecture", config.platform.architecture);
  read_platform_part(reader, "variant", config.platform.variant);
  read_platform_part(reader, "os.version", config.platform.os_version);
  reader.read("os.features", config.os_features);
  const Json* inner = reader.object("config");
  const Json* rootfs = reader.object("rootfs");
  const Json* history = reader.array("history");
  RETURN_IF_ERROR(reader.status());
  if (inner != nullptr) RETURN_IF_ERROR(read_config(*inner, config));
  if (rootfs != nullptr) RETURN_IF_ERROR(read_rootfs(*rootfs, config));
  if (history != nullptr) RETURN_IF_ERROR(read_history(*history, config));
  return config;
}

std::string ImageConfig::to_json() const {
  Json json = Json::object();
  json["architecture"] = platform.architecture;
  put(json, "author", author);
  json["config"] = config_json(*this);
  put(json, "created", created);
  if (!history.empty()) {
    Json rows = Json::array();
    for (const HistoryRow& row : history) {
      Json out = Json::object();
      put(out, "created", row.created);
      put(out, "created_by", row.created_by);
      put(out, "author", row.author);
      put(out, "comment", row.comment);
      put(out, "empty_layer", row.empty_layer);
      rows.push_back(std::move(out));
    }
    json["history"] = std::move(rows);
  }
  json["os"] = platform.os;
  put(json, "os.features", os_features);
  put(json, "os.version", platform.os_version);
  Json ids = Json::array();
  for (const Digest& id : diff_ids) ids.push_back(id.to_string());
  json["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(ids)}};
  put(json, "variant", platform.variant);
  return dump_json(json);
}

std::optional<std::string> ImageConfig::env_value(std::string_view name) const {
  for (const std::string& entry : env)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return std::nullopt;
}

void ImageConfig::set_env(std::string_view name, std::string_view value) {
  std::string wanted = fmt::format("{}={}", name, value);
  for (std::string& entry : env)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      entry = std::move(wanted);
      return;
    }
  env.push_back(std::move(wanted));
}

}  // namespace shale::image
