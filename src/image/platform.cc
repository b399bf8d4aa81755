// SPDX-License-Identifier: Apache-2.0
// The normal form of platforms follows containerd's, which docker and BuildKit use.
#include "image/platform.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <vector>

namespace shale::image {

namespace {

// What a word that stands alone may mean.
constexpr std::array<std::string_view, 18> kSystems = {
    "aix",   "android", "darwin", "dragonfly", "freebsd", "hurd",    "illumos", "ios",     "js",
    "linux", "nacl",    "netbsd", "openbsd",   "plan9",   "solaris", "wasip1",  "windows", "zos"};
constexpr std::array<std::string_view, 24> kArchitectures = {
    "386",     "amd64",  "amd64p32", "arm",       "arm64",       "arm64be", "armbe",   "loong64",
    "mips",    "mips64", "mips64le", "mips64p32", "mips64p32le", "mipsle",  "ppc",     "ppc64",
    "ppc64le", "riscv",  "riscv64",  "s390",      "s390x",       "sparc",   "sparc64", "wasm"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

bool Platform::is_valid_part(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  if (!text.empty() && std::ranges::all_of(text, [](char c) { return c == '.'; }))
    return false;  // "..", a path
  return text.size() <= 128 && std::ranges::all_of(text, allowed);
}

Platform Platform::normalized() const {
  Platform out = *this;
  out.os = lower(os);
  if (out.os == "macos") out.os = "darwin";
  out.architecture = lower(architecture);
  out.variant = lower(variant);
  std::string& arch = out.architecture;
  if (arch == "i386" || arch == "i486" || arch == "i586" || arch == "i686" || arch == "386") {
    arch = "386";
    out.variant.clear();
  } else if (arch == "x86_64" || arch == "x86-64" || arch == "amd64") {
    arch = "amd64";
    if (out.variant == "v1") out.variant.clear();
  } else if (arch == "aarch64" || arch == "arm64") {
    arch = "arm64";
    if (out.variant == "8" || out.variant == "v8" || out.variant == "v8.0") out.variant.clear();
  } else if (arch == "armhf") {
    arch = "arm";
    out.variant = "v7";
  } else if (arch == "armel") {
    arch = "arm";
    out.variant = "v6";
  } else if (arch == "armv7l" || arch == "armv6l" || arch == "armv5l") {
    out.variant = arch.substr(3, 2);
    arch = "arm";
  } else if (arch == "arm") {
    if (out.variant.empty() || out.variant == "7") out.variant = "v7";
    if (out.variant == "5" || out.variant == "6" || out.variant == "8") out.variant.insert(0, "v");
  }
  return out;
}

Result<Platform> Platform::parse(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return shale::fail(Error(ErrorKind::kUsage, fmt::format("platform '{}' {}", text, why))
                           .hint("a platform reads os/architecture[/variant], for example linux/arm64"));
  };
  std::vector<std::string_view> parts;
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    parts.push_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (parts.size() > 3) return bad("has more than three parts");
  Platform platform;
  // "windows(10.0.17763)/amd64": the version stands with the system.
  std::string_view system = parts[0];
  if (const std::size_t open = system.find('('); open != std::string_view::npos && system.ends_with(')')) {
    platform.os_version = system.substr(open + 1, system.size() - open - 2);
    parts[0] = system = system.substr(0, open);
  }
  for (std::string_view part : parts) {
    if (part.empty()) return bad("has an empty part");
    if (!is_valid_part(part))
      return bad("has a part with other characters than letters, digits, '_', '-' and '.'");
  }
  if (!is_valid_part(platform.os_version)) return bad("has a version with characters that none has");
  if (parts.size() > 1) {
    platform.os = system;
    platform.architecture = parts[1];
    if (parts.size() == 3) platform.variant = parts[2];
    return platform.normalized();
  }
  const std::string word = lower(system);
  if (std::ranges::find(kSystems, word) != kSystems.end() || word == "macos") {
    const Platform here = host();
    platform.os = word;
    platform.architecture = here.architecture;
    platform.variant = here.variant;
  } else {
    platform.architecture = word;
    if (std::ranges::find(kArchitectures, platform.normalized().architecture) == kArchitectures.end())
      return bad("is neither an operating system nor an architecture");
  }
  return platform.normalized();
}

Platform Platform::host() {
  Platform platform;
  struct utsname names{};
  if (::uname(&names) == 0) platform.architecture = names.machine;
  // The machine's name says what the kernel runs; the program itself may be a 32-bit one on it.
#if defined(__i386__)
  platform.architecture = "386";
#elif defined(__arm__)
  platform.architecture = "arm";
#endif
  return platform.normalized();
}

std::string Platform::to_string() const {
  std::string out = os_version.empty() ? fmt::format("{}/{}", os, architecture)
                                       : fmt::format("{}({})/{}", os, os_version, architecture);
  if (!variant.empty()) out += "/" + variant;
  return out;
}

}  // namespace shale::image
