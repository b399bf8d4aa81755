// SPDX-License-Identifier: Apache-2.0
#include "cli/build_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/annotations.h"
#include "cli/mistakes.h"
#include "cli/run_options.h"

namespace shale::cli {

namespace {

std::vector<std::string> split_commas(const std::vector<std::string>& lists) {
  std::vector<std::string> items;
  for (const std::string& list : lists) {
    std::size_t start = 0;
    while (start <= list.size()) {
      const std::size_t end = std::min(list.find(',', start), list.size());
      if (end > start) items.push_back(list.substr(start, end - start));
      start = end + 1;
    }
  }
  return items;
}

void set_build_args(BuildRequest& request, const CommandLine& line, const Environment& environment,
                    Mistakes& mistakes) {
  for (const std::string& text : line.list("build-arg")) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (name.empty()) {
      mistakes.add(fmt::format("--build-arg '{}' has no name", text), "write --build-arg NAME=VALUE");
    } else if (equals != std::string::npos) {
      request.build_args.emplace_back(name, text.substr(equals + 1));
    } else if (std::optional<std::string> value = environment(name)) {
      request.build_args.emplace_back(name, std::move(*value));
    }
  }
}

// As docker does: what is set for the whole of a build system holds for images too.
void take_epoch(BuildRequest& request, const Environment& environment) {
  constexpr const char* kEpoch = "SOURCE_DATE_EPOCH";
  const bool given = std::any_of(request.build_args.begin(), request.build_args.end(),
                                 [](const auto& argument) { return argument.first == kEpoch; });
  if (given) return;
  if (std::optional<std::string> value = environment(kEpoch); value && !value->empty())
    request.build_args.emplace_back(kEpoch, std::move(*value));
}

void set_pairs(BuildRequest& request, const CommandLine& line, Mistakes& mistakes) {
  for (const std::string& text : line.list("label")) {
    const std::size_t equals = text.find('=');
    if (equals == 0)
      mistakes.add(fmt::format("--label '{}' has no name", text), "write --label NAME=VALUE");
    else
      request.labels.emplace_back(text.substr(0, equals),
                                  equals == std::string::npos ? std::string() : text.substr(equals + 1));
  }
  for (const std::string& text : line.list("build-context")) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
      mistakes.add(fmt::format("--build-context '{}' is not of the form name=path", text),
                   "for example --build-context src=../src");
    else
      request.build_contexts.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
}

void set_jobs(BuildRequest& request, const CommandLine& line, Mistakes& mistakes) {
  if (line.has("jobs")) {
    const std::string text = line.value("jobs");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.jobs);
    constexpr int kMostJobs = 1024;
    if (error != std::errc() || end != text.data() + text.size() || request.jobs < 0 ||
        request.jobs > kMostJobs)
      mistakes.add(fmt::format("--jobs '{}' is not a number from 0 to {}", text, kMostJobs),
                   "0 stands for the default");
  }
}

void set_modes(BuildRequest& request, const CommandLine& line, const Environment& environment,
               Mistakes& mistakes) {
  if (const std::string network = line.value("network"); network == "none")
    request.network = NetworkMode::kNone;
  else if (network == "host")
    request.network = NetworkMode::kHost;
  else if (!network.empty() && network != "default")
    mistakes.add(fmt::format("unknown network mode '{}'", network), "--network takes default, none or host");

  // An empty variable is one that is not set.
  Result<std::optional<Isolation>> isolation = parse_isolation(
      line.has("isolation") ? line.value("isolation") : environment("SHALE_ISOLATION").value_or(""));
  if (isolation)
    request.isolation = *isolation;
  else
    mistakes.add(std::move(isolation.error()));

  const std::vector<std::string> platforms = split_commas(
      line.has("platform") ? line.list("platform")
                           : std::vector<std::string>{environment("DOCKER_DEFAULT_PLATFORM").value_or("")});
  if (platforms.size() > 1)
    mistakes.add("--platform names several platforms, and an image is built for one at a time",
                 "run one build for each platform");
  else if (!platforms.empty())
    request.platform = platforms[0];

  const std::string pull = line.value("pull");
  // docker's booleans and podman's policies; "newer" and "always" both ask the registry.
  constexpr const char* kAsk[] = {"true", "1", "always", "newer"};
  constexpr const char* kDoNotAsk[] = {"", "false", "0", "missing", "ifnotpresent"};
  if (std::find(std::begin(kAsk), std::end(kAsk), pull) != std::end(kAsk))
    request.pull = true;
  else if (std::find(std::begin(kDoNotAsk), std::end(kDoNotAsk), pull) == std::end(kDoNotAsk))
    mistakes.add(fmt::format("unknown pull policy '{}'", pull),
                 "--pull takes always, newer, missing, true or false");
}

// None changes anything, but a word that docker refuses is a mistake here, too.
void check_entitlements(const CommandLine& line, Mistakes& mistakes) {
  constexpr std::string_view kKnown[] = {"network.host", "security.insecure", "device"};
  for (const std::string& text : split_commas(line.list("allow"))) {
    const std::string_view name =
        text.starts_with("device=") ? std::string_view("device") : std::string_view(text);
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown))
      mistakes.add(fmt::format("unknown entitlement '{}'", text),
                   "--allow takes network.host, security.insecure or device");
  }
}

void set_outputs(BuildRequest& request, const CommandLine& line, Mistakes& mistakes) {
  for (const std::string& text : line.list("output")) {
    Result<OutputSpec> output = OutputSpec::parse(text);
    if (output)
      request.outputs.push_back(std::move(*output));
    else
      mistakes.add(std::move(output.error()));
  }
  if (line.flag("push")) request.outputs.push_back({.kind = OutputSpec::Kind::kRegistry});
  if (line.flag("load")) request.outputs.push_back({.kind = OutputSpec::Kind::kImage});
  if (Status annotated = add_annotations(line.list("annotation"), request.outputs); !annotated)
    mistakes.add(std::move(annotated.error()));
  const auto to_stdout = [](const OutputSpec& output) { return output.destination == "-"; };
  if (std::count_if(request.outputs.begin(), request.outputs.end(), to_stdout) > 1)
    mistakes.add("several outputs go to standard output", "give all but one of them dest=FILE");
  for (const std::string& text : line.list("secret")) {
    Result<SecretSpec> secret = SecretSpec::parse(text);
    if (secret)
      request.secrets.push_back(std::move(*secret));
    else
      mistakes.add(std::move(secret.error()));
  }
  for (const std::string& text : line.list("ssh")) {
    Result<SshSpec> ssh = SshSpec::parse(text);
    if (ssh)
      request.ssh.push_back(std::move(*ssh));
    else
      mistakes.add(std::move(ssh.error()));
  }
}

}  // namespace

Result<BuildRequest> make_build_request(const CommandLine& line, const Environment& environment) {
  BuildRequest request;
  Mistakes mistakes;
  request.store_root = line.value("root");
  if (!line.arguments.empty()) request.context = line.arguments[0];
  if (request.context.empty())
    mistakes.add("the build context is an empty path", "give a directory, '.' for this one, or leave it out");
  request.dockerfile = line.value("file");
  request.tags = line.list("tag");
  request.target = line.value("target");
  request.no_cache = line.flag("no-cache");
  request.no_cache_filter = split_commas(line.list("no-cache-filter"));
  request.iidfile = line.value("iidfile");
  request.metadata_file = line.value("metadata-file");
  set_build_args(request, line, environment, mistakes);
  take_epoch(request, environment);
  set_pairs(request, line, mistakes);
  set_jobs(request, line, mistakes);
  take_run_options(request, line, mistakes);
  set_modes(request, line, environment, mistakes);
  check_entitlements(line, mistakes);
  set_outputs(request, line, mistakes);
  if (request.context == "-" && request.dockerfile == "-")
    mistakes.add("the context and the Dockerfile cannot both come from standard input",
                 "give a directory as the context");
  if (std::optional<Error> error = mistakes.take()) return fail(std::move(*error));
  return request;
}

}  // namespace shale::cli
