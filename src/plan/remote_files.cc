// SPDX-License-Identifier: Apache-2.0
#include "plan/remote_files.h"

#include <fmt/format.h>

#include "plan/git_reference.h"

namespace shale::plan {

namespace {

std::string title_of(const RemoteOp& op) {
  if (const auto* http = std::get_if<HttpOp>(&op)) return without_login(http->url);
  const GitReference& reference = std::get<GitOp>(op).reference;
  std::string out = reference.remote;
  if (!reference.ref.empty() || !reference.subdir.empty()) out += "#" + reference.ref;
  if (!reference.subdir.empty()) out += ":" + reference.subdir;
  return out;
}

}  // namespace

NodeId remote_node(Plan& plan, const RemoteOp& op, int stage, const SourceSpan& span, bool no_cache) {
  for (Node& node : plan.nodes) {
    const auto* git = std::get_if<GitOp>(&node.op);
    const auto* http = std::get_if<HttpOp>(&node.op);
    if ((git == nullptr || RemoteOp(*git) != op) && (http == nullptr || RemoteOp(*http) != op)) continue;
    node.no_cache = node.no_cache || no_cache;
    return node.id;
  }
  Node node;
  node.id = static_cast<NodeId>(plan.nodes.size());
  node.stage = stage;
  node.title = title_of(op);
  node.span = span;
  node.no_cache = no_cache;
  std::visit([&](const auto& what) { node.op = what; }, op);
  plan.nodes.push_back(std::move(node));
  return plan.nodes.back().id;
}

std::string name_of_url(const std::string& url) {
  constexpr const char* kUnnamed = "__unnamed__";
  const std::string whole = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = whole.find("://");
  const std::size_t begin = whole.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  if (begin == std::string::npos) return kUnnamed;
  Result<std::string> path = percent_decoded(whole.substr(begin));
  if (!path) return kUnnamed;
  while (path->ends_with('/')) path->pop_back();
  std::string name = path->substr(path->find_last_of('/') + 1);
  constexpr std::size_t kLongestName = 255;  // NAME_MAX
  const bool usable = !name.empty() && name != "." && name != ".." && name.size() <= kLongestName &&
                      name.find('\0') == std::string::npos;
  return usable ? name : kUnnamed;
}

}  // namespace shale::plan
