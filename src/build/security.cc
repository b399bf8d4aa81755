// SPDX-License-Identifier: Apache-2.0
#include "build/security.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "base/suggest.h"
#include "runtime/sandbox_spec.h"
#include "sys/files.h"

namespace shale {

namespace {

constexpr std::array kKeys = {"apparmor", "label", "no-new-privileges", "seccomp"};

std::unexpected<Error> usage(std::string_view text, std::string_view why, std::string hint) {
  return fail(
      Error(ErrorKind::kUsage, fmt::format("--security-opt '{}': {}", text, why)).hint(std::move(hint)));
}

std::unexpected<Error> unsupported(std::string_view text, std::string_view why, std::string hint) {
  return fail(Error(ErrorKind::kUnsupported, fmt::format("--security-opt '{}': {}", text, why))
                  .hint(std::move(hint)));
}

std::unexpected<Error> unknown_key(std::string_view text, std::string_view key) {
  // Kubernetes', systemd's and the kernel's own word for it.
  if (key == "no-new-privs" || key == "no_new_privs")
    return usage(text, "there is no such option", "did you mean 'no-new-privileges'?");
  if (key == "systempaths" || key == "mask" || key == "unmask" || key == "proc-opts")
    return unsupported(text, "what is hidden of /proc and /sys cannot be chosen", "leave it out");
  const std::vector<std::string> keys(kKeys.begin(), kKeys.end());
  Error error(ErrorKind::kUsage, fmt::format("--security-opt '{}': there is no such option", text));
  hint_nearest(error, key, keys);
  error.add_hint(
      "the options are seccomp=FILE|unconfined|builtin, no-new-privileges, apparmor=unconfined and "
      "label=disable");
  return fail(std::move(error));
}

}  // namespace

Status SecurityOptions::add(std::string_view text) {
  // docker still takes its old separator.
  std::size_t at = text.find('=');
  if (at == std::string_view::npos) at = text.find(':');
  const std::string_view key = text.substr(0, at);
  const std::string_view value = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  if (key == "no-new-privileges") {
    if (at != std::string_view::npos && value != "true" && value != "false")
      return usage(text, "it is either true or false", "write --security-opt no-new-privileges");
    no_new_privileges = value != "false";
    return {};
  }
  if (key == "seccomp") {
    if (value.empty())
      return usage(text, "there is no profile", "write seccomp=FILE, seccomp=unconfined or seccomp=builtin");
    seccomp = value == "unconfined" ? Seccomp::kUnconfined
              : value == "builtin"  ? Seccomp::kBuiltin
                                    : Seccomp::kFile;
    seccomp_file = seccomp == Seccomp::kFile ? value : std::string_view();
    return {};
  }
  if (key == "apparmor") {
    if (value == "unconfined") return {};
    return unsupported(text, "commands are put under no AppArmor profile of their own",
                       "leave it out, or put the whole build under one: aa-exec -p PROFILE -- shale build …");
  }
  if (key == "label") {
    if (value == "disable") return {};
    return unsupported(text, "commands and files are given no SELinux labels of their own",
                       "leave it out, or put the whole build under one: runcon LABEL shale build …");
  }
  return unknown_key(text, key);
}

namespace build {

Result<std::optional<runtime::SeccompProfile>> chosen_profile(const SecurityOptions& options) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20;  // twenty times docker's own
  switch (options.seccomp) {
    case SecurityOptions::Seccomp::kUnconfined:
      return std::nullopt;
    case SecurityOptions::Seccomp::kDefault:
    case SecurityOptions::Seccomp::kBuiltin:
      return runtime::SeccompProfile::load_default();
    case SecurityOptions::Seccomp::kFile:
      break;
  }
  Result<std::string> text = sys::read_file(AT_FDCWD, options.seccomp_file, kMaxBytes);
  if (!text)
    return fail(
        Error(ErrorKind::kUsage,
              fmt::format("--security-opt seccomp={}: {}", options.seccomp_file, text.error().to_line()))
            .hint("it takes a file with a profile in docker's JSON or Shale's YAML, unconfined or builtin"));
  return runtime::SeccompProfile::parse(*text, options.seccomp_file, runtime::kDefaultCapabilities);
}

}  // namespace build

}  // namespace shale
