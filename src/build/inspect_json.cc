// SPDX-License-Identifier: Apache-2.0
// Reports of inspect.h as docker buildx prints them with "format=json": BuildKit's field names, what is empty
// left out.
#include <algorithm>

#include "base/json.h"
#include "registry/credentials.h"
#include "shale/inspect.h"

namespace shale {

namespace {

// A location without a source index is one in the first source; the only one here.
Json location(const SourceSpan& span) {
  const Json range = {{"start", {{"line", span.line}}},
                      {"end", {{"line", std::max(span.line, span.end_line)}}}};
  return {{"ranges", Json::array({range})}};
}

void set_unless_empty(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

Json plain_source(const SourceText& source) { return Json::array({registry::base64_encode(source.text)}); }

Json mounts(const std::vector<OutlineMount>& list, const char* name_key) {
  Json out = Json::array();
  for (const OutlineMount& mount : list) {
    Json one = {{name_key, mount.id}};
    if (mount.required) one["required"] = true;
    one["location"] = location(mount.span);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::string to_json(const CheckReport& report) {
  Json warnings = Json::array();
  for (const Warning& warning : report.warnings)
    warnings.push_back({{"ruleName", warning.rule},
                        {"description", warning.description},
                        {"url", warning.url},
                        {"detail", warning.text},
                        {"location", location(warning.span)}});
  Json out = {{"warnings", std::move(warnings)},
              {"sources", Json::array({{{"filename", report.source.name},
                                        {"data", registry::base64_encode(report.source.text)},
                                        {"language", "Dockerfile"}}})}};
  if (report.error) {
    Json error = {{"message", report.error->to_line()}};
    if (report.error->span() != nullptr) error["location"] = location(*report.error->span());
    out["buildError"] = std::move(error);
  }
  return dump_json_pretty(out) + '\n';
}

std::string to_json(const Outline& outline) {
  Json out = Json::object();
  set_unless_empty(out, "name", outline.name);
  set_unless_empty(out, "description", outline.description);
  Json arguments = Json::array();
  for (const OutlineArgument& argument : outline.arguments) {
    Json one = {{"name", argument.name}};
    set_unless_empty(one, "description", argument.description);
    set_unless_empty(one, "value", argument.value);
    one["location"] = location(argument.span);
    arguments.push_back(std::move(one));
  }
  if (!arguments.empty()) out["args"] = std::move(arguments);
  if (!outline.secrets.empty()) out["secrets"] = mounts(outline.secrets, "name");
  if (!outline.ssh.empty()) out["ssh"] = mounts(outline.ssh, "name");
  if (!outline.caches.empty()) out["cache"] = mounts(outline.caches, "ID");
  out["sources"] = plain_source(outline.source);
  return dump_json_pretty(out) + '\n';
}

std::string to_json(const TargetList& list) {
  Json targets = Json::array();
  for (const TargetInfo& target : list.targets) {
    Json one = Json::object();
    set_unless_empty(one, "name", target.name);
    if (target.is_default) one["default"] = true;
    set_unless_empty(one, "description", target.description);
    set_unless_empty(one, "base", target.base);
    set_unless_empty(one, "platform", target.platform);
    one["location"] = location(target.span);
    targets.push_back(std::move(one));
  }
  return dump_json_pretty(Json{{"targets", std::move(targets)}, {"sources", plain_source(list.source)}}) +
         '\n';
}

}  // namespace shale
